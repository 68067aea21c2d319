/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL: a byte of options (dialect, what a backslash means, cut), then any text. No read beyond it;
 * what is told are words of the text, in order, and no quoted string is among them.
 */
#include <stdlib.h>

#include "protocol/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sql_text in = {.text = {"", 0}};
	struct slice collection;
	struct sql sql;

	if (!size)
		return 0;
	in.dialect = (enum sql_dialect)(data[0] % 5);
	in.backslash = (enum sql_backslash)(data[0] / 5 % 3);
	in.cut = data[0] / 15 % 2;
	in.text = (struct slice){(const char *)data + 1, size - 1};
	sql_read(&in, &sql);
	collection = sql_collection(&sql);
	if (collection.n && collection.p + collection.n > sql.summary + sql.n)
		abort();
	if (memchr(sql.summary, '\'', sql.n) && !memchr(sql.summary, '"', sql.n) &&
	    !memchr(sql.summary, '`', sql.n) && !memchr(sql.summary, '[', sql.n))
		abort();
	if (sql.n && !sql_operation(sql.operation).n && sql.operation)
		abort();
	if (sql.use.n && (sql.use.p < in.text.p || sql.use.p + sql.use.n > in.text.p + in.text.n))
		abort();
	return 0;
}
