/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a receiver of OTLP answers: a byte (bit 0: JSON), then the body. Whatever it is, the text is
 * one, ended and valid UTF-8, and nothing is rejected fewer than zero times; garbage says nothing.
 */
#include <stdlib.h>

#include "export/otlp_post.h"
#include "service/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct otlp_answer answer;
	char clean[OTLP_TEXT_MAX];
	struct slice text;
	bool good;

	if (!size)
		return 0;
	memset(&answer, 0x7f, sizeof(answer));
	good = otlp_answer_read(&answer, (struct slice){(const char *)data + 1, size - 1},
				data[0] & 1);
	text.p = answer.text;
	text.n = strnlen(answer.text, sizeof(answer.text));
	if (text.n == sizeof(answer.text) || answer.rejected < 0)
		abort();
	if (!good && (text.n || answer.rejected))
		abort();
	if (utf8_clean(text, clean, sizeof(clean)) != text.n || memcmp(clean, text.p, text.n) != 0)
		abort();
	return 0;
}
