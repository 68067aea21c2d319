/* SPDX-License-Identifier: Apache-2.0 */
/* Export*ServiceResponse {1 partial_success {1 rejected, 2 error_message}}. */
#include "otlp_post.h"

#include "../service/utf8.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

#define JSON_BYTES_MAX (64u << 10) /* beyond, an answer in JSON is not read */

struct input {
	const uint8_t *p, *end;
};

static bool read_varint(struct input *in, uint64_t *value)
{
	unsigned int shift = 0;

	for (*value = 0; in->p < in->end && shift < 64; shift += 7) {
		uint8_t byte = *in->p++;

		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

struct read_field {
	uint64_t number, value;
	struct slice bytes; /* p is NULL unless it has them */
};

static bool read_bytes(struct input *in, uint64_t n, struct slice *bytes)
{
	if (n > (size_t)(in->end - in->p))
		return false;
	*bytes = (struct slice){(const char *)in->p, n};
	in->p += n;
	return true;
}

/* False: it is not protobuf. */
static bool read_field(struct input *in, struct read_field *field)
{
	struct slice skipped;
	uint64_t tag;

	*field = (struct read_field){0};
	if (!read_varint(in, &tag) || !(field->number = tag >> 3))
		return false;
	switch (tag & 7) {
	case 0:
		return read_varint(in, &field->value);
	case 1:
		return read_bytes(in, 8, &skipped);
	case 2:
		return read_varint(in, &field->value) &&
		       read_bytes(in, field->value, &field->bytes);
	case 5:
		return read_bytes(in, 4, &skipped);
	default:
		return false;
	}
}

static struct input input_of(struct slice bytes)
{
	const uint8_t *p = (const uint8_t *)bytes.p;

	return (struct input){p, p ? p + bytes.n : p};
}

static void set_text(struct otlp_answer *answer, struct slice text)
{
	answer->text[utf8_clean(text, answer->text, sizeof(answer->text) - 1)] = '\0';
}

static bool read_partial(struct otlp_answer *answer, struct slice bytes)
{
	struct input in = input_of(bytes);
	struct read_field field;

	while (in.p < in.end) {
		if (!read_field(&in, &field))
			return false;
		if (field.number == 1)
			answer->rejected = (int64_t)field.value;
		else if (field.number == 2 && field.bytes.p)
			set_text(answer, field.bytes);
	}
	return true;
}

static bool read_protobuf(struct otlp_answer *answer, struct slice body)
{
	struct input in = input_of(body);
	struct read_field field;

	while (in.p < in.end) {
		if (!read_field(&in, &field))
			return false;
		if (field.number == 1 && field.bytes.p && !read_partial(answer, field.bytes))
			return false;
	}
	return true;
}

static bool read_json(struct otlp_answer *answer, struct slice body)
{
	cJSON *root, *partial, *rejected, *message;
	bool is_object;

	if (body.n == 0)
		return true;
	root = body.n > JSON_BYTES_MAX ? NULL : cJSON_ParseWithLength(body.p, body.n);
	is_object = cJSON_IsObject(root);
	partial = cJSON_GetObjectItemCaseSensitive(root, "partialSuccess");
	rejected = cJSON_GetObjectItemCaseSensitive(partial, "rejectedSpans");
	if (!rejected)
		rejected = cJSON_GetObjectItemCaseSensitive(partial, "rejectedDataPoints");
	message = cJSON_GetObjectItemCaseSensitive(partial, "errorMessage");
	if (cJSON_IsString(rejected))
		answer->rejected = strtoll(rejected->valuestring, NULL, 10);
	else if (cJSON_IsNumber(rejected))
		answer->rejected = rejected->valueint;
	if (cJSON_IsString(message))
		set_text(answer, slice_of(message->valuestring));
	cJSON_Delete(root);
	return is_object;
}

bool otlp_answer_read(struct otlp_answer *answer, struct slice body, bool json)
{
	bool good;

	answer->rejected = 0;
	answer->text[0] = '\0';
	good = json ? read_json(answer, body) : read_protobuf(answer, body);
	if (good && answer->rejected >= 0)
		return true;
	answer->rejected = 0;
	answer->text[0] = '\0';
	return false;
}
