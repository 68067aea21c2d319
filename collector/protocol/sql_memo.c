/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_memo.h"

static void copy(struct sql *to, const struct sql *from)
{
	memcpy(to, from, offsetof(struct sql, summary));
	memcpy(to->summary, from->summary, from->n);
}

static bool is_it(const struct sql_memo_entry *it, const struct sql_text *in)
{
	return it->n == in->text.n && it->dialect == in->dialect &&
	       it->backslash == in->backslash && it->cut == in->cut &&
	       memcmp(it->text, in->text.p, it->n) == 0;
}

void sql_memo_read(struct sql_memo *memo, const struct sql_text *in, struct sql *sql)
{
	struct slice text = in->text;
	struct sql_memo_entry *it, *oldest;
	size_t first;

	if (text.n == 0 || text.n > SQL_MEMO_BYTES || !memo_worth_it(&memo->trial)) {
		sql_read(in, sql);
		return;
	}
	first = memo_place(text.p, text.n, in->dialect, SQL_MEMO_TEXTS);
	oldest = &memo->of[first];
	for (size_t way = 0; way < MEMO_WAYS; way++) {
		it = &memo->of[first ^ way];
		if (is_it(it, in)) {
			memo->trial.found++;
			copy(sql, &it->is);
			if (sql->use.n)
				sql->use.p = text.p + it->use_at;
			return;
		}
		if (it->serial < oldest->serial)
			oldest = it;
	}
	sql_read(in, sql);
	oldest->serial = ++memo->serial;
	oldest->n = (uint16_t)text.n;
	oldest->dialect = (uint8_t)in->dialect;
	oldest->backslash = (uint8_t)in->backslash;
	oldest->cut = in->cut;
	oldest->use_at = (uint16_t)(sql->use.n ? sql->use.p - text.p : 0);
	copy(&oldest->is, sql);
	memcpy(oldest->text, text.p, text.n);
}
