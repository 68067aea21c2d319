/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_words.h"

#define W(text, role, verb)                                                                        \
	{                                                                                          \
		text, SQL_ROLE_##role, verb                                                        \
	}

/* The numbers of verbs are those of verbs[], below: a test compares them. */
static const struct sql_word with_a[] = {
	W("ABORT", VERB, 1),   W("AGGREGATE", KIND, 0), W("ALLOW", CLAUSE, 0),
	W("ALTER", DEFINE, 2), W("ANALYZE", VERB, 3),   W("APPLY", VERB, 4),
	W("AS", AS, 0),        W("ATTACH", VERB, 5),    {"", 0, 0},
};
static const struct sql_word with_b[] = {
	W("BACKUP", VERB, 6),
	W("BEGIN", PROCEDURAL, 7),
	W("BULK", VERB, 8),
	{"", 0, 0},
};
static const struct sql_word with_c[] = {
	W("CALL", CALL, 9),
	W("CHECK", VERB, 10),
	W("CHECKPOINT", VERB, 11),
	W("CHECKSUM", VERB, 12),
	W("CLOSE", VERB, 13),
	W("CLUSTER", VERB, 14),
	W("COLUMNFAMILY", KIND, 0),
	W("COMMENT", VERB, 15),
	W("COMMIT", VERB, 16),
	W("CONCURRENTLY", SKIP, 0),
	W("COPY", COPY, 17),
	W("CREATE", DEFINE, 18),
	{"", 0, 0},
};
static const struct sql_word with_d[] = {
	W("DATABASE", KIND, 0),    W("DBCC", VERB, 19),
	W("DEALLOCATE", VERB, 20), W("DECLARE", PROCEDURAL, 21),
	W("DELAYED", SKIP, 0),     W("DELETE", DELETE, 22),
	W("DENY", VERB, 23),       W("DESC", VERB, 24),
	W("DESCRIBE", VERB, 25),   W("DETACH", VERB, 26),
	W("DISCARD", VERB, 27),    W("DISTINCT", DISTINCT, 0),
	W("DO", VERB, 28),         W("DOMAIN", KIND, 0),
	W("DROP", DEFINE, 29),     {"", 0, 0},
};
static const struct sql_word with_e[] = {
	W("END", VERB, 30),       W("EVENT", KIND, 0),     W("EXCEPT", UNION, 0),
	W("EXEC", CALL, 31),      W("EXECUTE", CALL, 32),  W("EXISTS", SKIP, 0),
	W("EXPLAIN", PREFIX, 33), W("EXTENSION", KIND, 0), {"", 0, 0},
};
static const struct sql_word with_f[] = {
	W("FAIL", SKIP, 0), W("FETCH", VERB, 34),   W("FLUSH", VERB, 35), W("FOR", FOR, 0),
	W("FROM", FROM, 0), W("FUNCTION", KIND, 0), {"", 0, 0},
};
static const struct sql_word with_g[] = {
	W("GRANT", VERB, 36),
	W("GROUP", CLAUSE, 0),
	{"", 0, 0},
};
static const struct sql_word with_h[] = {
	W("HANDLER", VERB, 37),
	W("HAVING", CLAUSE, 0),
	W("HIGH_PRIORITY", SKIP, 0),
	{"", 0, 0},
};
static const struct sql_word with_i[] = {
	W("IF", PROCEDURAL, 38),  W("IGNORE", SKIP, 0),    W("IMPORT", VERB, 39),
	W("INDEX", KIND, 0),      W("INSERT", INSERT, 40), W("INSTALL", VERB, 41),
	W("INTERSECT", UNION, 0), W("INTO", INTO, 0),      {"", 0, 0},
};
static const struct sql_word with_j[] = {
	W("JOIN", JOIN, 0),
	{"", 0, 0},
};
static const struct sql_word with_k[] = {
	W("KEYSPACE", KIND, 0),
	W("KILL", VERB, 42),
	{"", 0, 0},
};
static const struct sql_word with_l[] = {
	W("LATERAL", SKIP, 0), W("LIMIT", CLAUSE, 0),      W("LIST", VERB, 43),
	W("LISTEN", VERB, 44), W("LOAD", LOAD, 45),        W("LOCK", DEFINE, 46),
	W("LOGIN", KIND, 0),   W("LOW_PRIORITY", SKIP, 0), {"", 0, 0},
};
static const struct sql_word with_m[] = {
	W("MERGE", MERGE, 47),
	W("MINUS", UNION, 0),
	W("MOVE", VERB, 48),
	{"", 0, 0},
};
static const struct sql_word with_n[] = {
	W("NOT", SKIP, 0),
	W("NOTIFY", VERB, 49),
	{"", 0, 0},
};
static const struct sql_word with_o[] = {
	W("OFFSET", CLAUSE, 0),  W("ON", ON, 0),          W("ONLY", SKIP, 0), W("OPEN", VERB, 50),
	W("OPTIMIZE", VERB, 51), W("OPTION", CLAUSE, 0),  W("OR", SKIP, 0),   W("ORDER", CLAUSE, 0),
	W("OUTPUT", CLAUSE, 0),  W("OVERWRITE", SKIP, 0), {"", 0, 0},
};
static const struct sql_word with_p[] = {
	W("POLICY", KIND, 0),       W("PRAGMA", VERB, 52), W("PREPARE", VERB, 53),
	W("PRINT", PROCEDURAL, 54), W("PROC", KIND, 0),    W("PROCEDURE", KIND, 0),
	W("PUBLICATION", KIND, 0),  W("PURGE", VERB, 55),  {"", 0, 0},
};
static const struct sql_word with_q[] = {
	W("QUICK", SKIP, 0),
	{"", 0, 0},
};
static const struct sql_word with_r[] = {
	W("RAISERROR", VERB, 56),
	W("REASSIGN", VERB, 57),
	W("RECURSIVE", SKIP, 0),
	W("REFRESH", VERB, 58),
	W("REINDEX", VERB, 59),
	W("RELEASE", VERB, 60),
	W("RENAME", DEFINE, 61),
	W("REPAIR", VERB, 62),
	W("REPLACE", INSERT, 63),
	W("RESET", VERB, 64),
	W("RESTORE", VERB, 65),
	W("RETURNING", CLAUSE, 0),
	W("REVOKE", VERB, 66),
	W("ROLE", KIND, 0),
	W("ROLLBACK", VERB, 67),
	W("RULE", KIND, 0),
	{"", 0, 0},
};
static const struct sql_word with_s[] = {
	W("SAVE", VERB, 68),
	W("SAVEPOINT", VERB, 69),
	W("SCHEMA", KIND, 0),
	W("SECURITY", VERB, 70),
	W("SELECT", SELECT, 71),
	W("SEQUENCE", KIND, 0),
	W("SERVER", KIND, 0),
	W("SET", PROCEDURAL, 72),
	W("SHOW", VERB, 73),
	W("SHUTDOWN", VERB, 74),
	W("SIGNAL", VERB, 75),
	W("START", VERB, 76),
	W("STOP", VERB, 77),
	W("STRAIGHT_JOIN", JOIN, 0),
	W("SUBSCRIPTION", KIND, 0),
	W("SYNONYM", KIND, 0),
	{"", 0, 0},
};
static const struct sql_word with_t[] = {
	W("TABLE", KIND, 0),       W("TABLESPACE", KIND, 0), W("TEMP", SKIP, 0),
	W("TEMPORARY", SKIP, 0),   W("TOP", SKIP, 0),        W("TRIGGER", KIND, 0),
	W("TRUNCATE", DEFINE, 78), W("TYPE", KIND, 0),       {"", 0, 0},
};
static const struct sql_word with_u[] = {
	W("UNINSTALL", VERB, 79),
	W("UNION", UNION, 0),
	W("UNLISTEN", VERB, 80),
	W("UNLOCK", VERB, 81),
	W("UNLOGGED", SKIP, 0),
	W("UPDATE", UPDATE, 82),
	W("UPSERT", INSERT, 83),
	W("USE", USE, 84),
	W("USER", KIND, 0),
	W("USING", USING, 0),
	{"", 0, 0},
};
static const struct sql_word with_v[] = {
	W("VACUUM", VERB, 85),
	W("VALUES", VALUES, 86),
	W("VIEW", KIND, 0),
	{"", 0, 0},
};
static const struct sql_word with_w[] = {
	W("WAITFOR", VERB, 87),
	W("WHEN", CLAUSE, 0),
	W("WHERE", CLAUSE, 0),
	W("WHILE", PROCEDURAL, 88),
	W("WINDOW", CLAUSE, 0),
	W("WITH", WITH, 0),
	{"", 0, 0},
};
static const struct sql_word with_x[] = {
	W("XA", VERB, 89),
	{"", 0, 0},
};

/* Those of one first letter: few, so that a look is short. */
static const struct sql_word *const letters[26] = {
	['A' - 'A'] = with_a, ['B' - 'A'] = with_b, ['C' - 'A'] = with_c, ['D' - 'A'] = with_d,
	['E' - 'A'] = with_e, ['F' - 'A'] = with_f, ['G' - 'A'] = with_g, ['H' - 'A'] = with_h,
	['I' - 'A'] = with_i, ['J' - 'A'] = with_j, ['K' - 'A'] = with_k, ['L' - 'A'] = with_l,
	['M' - 'A'] = with_m, ['N' - 'A'] = with_n, ['O' - 'A'] = with_o, ['P' - 'A'] = with_p,
	['Q' - 'A'] = with_q, ['R' - 'A'] = with_r, ['S' - 'A'] = with_s, ['T' - 'A'] = with_t,
	['U' - 'A'] = with_u, ['V' - 'A'] = with_v, ['W' - 'A'] = with_w, ['X' - 'A'] = with_x,
};

static const char *const verbs[] = {
	"",          "ABORT",    "ALTER",     "ANALYZE",  "APPLY",      "ATTACH",   "BACKUP",
	"BEGIN",     "BULK",     "CALL",      "CHECK",    "CHECKPOINT", "CHECKSUM", "CLOSE",
	"CLUSTER",   "COMMENT",  "COMMIT",    "COPY",     "CREATE",     "DBCC",     "DEALLOCATE",
	"DECLARE",   "DELETE",   "DENY",      "DESC",     "DESCRIBE",   "DETACH",   "DISCARD",
	"DO",        "DROP",     "END",       "EXEC",     "EXECUTE",    "EXPLAIN",  "FETCH",
	"FLUSH",     "GRANT",    "HANDLER",   "IF",       "IMPORT",     "INSERT",   "INSTALL",
	"KILL",      "LIST",     "LISTEN",    "LOAD",     "LOCK",       "MERGE",    "MOVE",
	"NOTIFY",    "OPEN",     "OPTIMIZE",  "PRAGMA",   "PREPARE",    "PRINT",    "PURGE",
	"RAISERROR", "REASSIGN", "REFRESH",   "REINDEX",  "RELEASE",    "RENAME",   "REPAIR",
	"REPLACE",   "RESET",    "RESTORE",   "REVOKE",   "ROLLBACK",   "SAVE",     "SAVEPOINT",
	"SECURITY",  "SELECT",   "SET",       "SHOW",     "SHUTDOWN",   "SIGNAL",   "START",
	"STOP",      "TRUNCATE", "UNINSTALL", "UNLISTEN", "UNLOCK",     "UPDATE",   "UPSERT",
	"USE",       "VACUUM",   "VALUES",    "WAITFOR",  "WHILE",      "XA",
};

/* Two halves of a word, as a number each: so one look compares eight bytes. */
struct halves {
	uint64_t half[2];
};

static uint64_t bytes_of(const char *p, size_t n) /* n <= 8; the rest is zeros */
{
	uint64_t v = 0;

	if (n == 8) {
		memcpy(&v, p, 8);
	} else if (n >= 4) {
		uint32_t first, last;

		memcpy(&first, p, 4);
		memcpy(&last, p + n - 4, 4);
		memcpy(&v, &first, 4);
		memcpy((char *)&v + n - 4, &last, 4);
	} else {
		for (size_t i = 0; i < n; i++)
			((char *)&v)[i] = p[i];
	}
	return v;
}

const struct sql_word *sql_word(const char *p, size_t n)
{
	/* 0x20 off a letter makes it a capital; of what a word may hold, only letters differ by it
	 */
	const uint64_t capitals = ~0x2020202020202020ull;
	unsigned int letter = ((unsigned char)p[0] & ~0x20u) - 'A';
	const struct sql_word *word;
	struct halves is, want;

	if (letter >= 26 || n > SQL_WORD_MAX || !letters[letter])
		return NULL;
	want.half[0] = bytes_of(p, n < 8 ? n : 8) & capitals;
	want.half[1] = n > 8 ? bytes_of(p + 8, n - 8) & capitals : 0;
	for (word = letters[letter]; word->text[0]; word++) {
		memcpy(&is, word->text, sizeof(is));
		if (is.half[0] == want.half[0] && is.half[1] == want.half[1])
			return word;
	}
	return NULL;
}

struct slice sql_operation(uint8_t operation)
{
	return slice_of(operation < sizeof(verbs) / sizeof(verbs[0]) ? verbs[operation] : "");
}
