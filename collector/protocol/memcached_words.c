/* SPDX-License-Identifier: Apache-2.0 */
#include "memcached_words.h"

static const struct memcached_verb verbs[] = {
	{"get", 3, MEMCACHED_GET, 1, MEMCACHED_ANY},
	{"set", 3, MEMCACHED_STORE, 4, 5},
	{"gets", 4, MEMCACHED_GET, 1, MEMCACHED_ANY},
	{"mg", 2, MEMCACHED_META, 1, MEMCACHED_ANY},
	{"ms", 2, MEMCACHED_META_SET, 2, MEMCACHED_ANY},
	{"md", 2, MEMCACHED_META, 1, MEMCACHED_ANY},
	{"ma", 2, MEMCACHED_META, 1, MEMCACHED_ANY},
	{"mn", 2, MEMCACHED_META, 0, MEMCACHED_ANY},
	{"me", 2, MEMCACHED_META, 1, MEMCACHED_ANY},
	{"delete", 6, MEMCACHED_ONE, 1, 3},
	{"incr", 4, MEMCACHED_ONE, 2, 3},
	{"decr", 4, MEMCACHED_ONE, 2, 3},
	{"add", 3, MEMCACHED_STORE, 4, 5},
	{"cas", 3, MEMCACHED_STORE, 5, 6},
	{"replace", 7, MEMCACHED_STORE, 4, 5},
	{"append", 6, MEMCACHED_STORE, 4, 5},
	{"prepend", 7, MEMCACHED_STORE, 4, 5},
	{"touch", 5, MEMCACHED_ONE, 2, 3},
	{"gat", 3, MEMCACHED_TOUCH, 2, MEMCACHED_ANY},
	{"gats", 4, MEMCACHED_TOUCH, 2, MEMCACHED_ANY},
	{"version", 7, MEMCACHED_ONE, 0, 0},
	{"stats", 5, MEMCACHED_MANY, 0, 4},
	{"flush_all", 9, MEMCACHED_ONE, 0, 2},
	{"verbosity", 9, MEMCACHED_ONE, 1, 2},
	{"cache_memlimit", 14, MEMCACHED_ONE, 1, 2},
	{"slabs", 5, MEMCACHED_ONE, 1, 4},
	{"lru", 3, MEMCACHED_ONE, 1, 5},
	{"lru_crawler", 11, MEMCACHED_MANY, 1, 4},
	{"watch", 5, MEMCACHED_LEAVES, 0, MEMCACHED_ANY},
	{"shutdown", 8, MEMCACHED_LEAVES, 0, 1},
	{"quit", 4, MEMCACHED_ENDS, 0, 0},
};
#define VERBS (sizeof(verbs) / sizeof(*verbs))

static const struct memcached_word words[] = {
	{"VALUE", 5, MEMCACHED_SAYS_VALUE, false},
	{"END", 3, MEMCACHED_SAYS_END, true},
	{"STORED", 6, MEMCACHED_SAYS_DONE, true},
	{"NOT_STORED", 10, MEMCACHED_SAYS_DONE, true},
	{"EXISTS", 6, MEMCACHED_SAYS_DONE, true},
	{"NOT_FOUND", 9, MEMCACHED_SAYS_DONE, true},
	{"DELETED", 7, MEMCACHED_SAYS_DONE, true},
	{"TOUCHED", 7, MEMCACHED_SAYS_DONE, true},
	{"HD", 2, MEMCACHED_SAYS_META, false},
	{"VA", 2, MEMCACHED_SAYS_META_VALUE, false},
	{"EN", 2, MEMCACHED_SAYS_META, false},
	{"NF", 2, MEMCACHED_SAYS_META, false},
	{"NS", 2, MEMCACHED_SAYS_META, false},
	{"EX", 2, MEMCACHED_SAYS_META, false},
	{"MN", 2, MEMCACHED_SAYS_META, false},
	{"ME", 2, MEMCACHED_SAYS_META, false},
	{"OK", 2, MEMCACHED_SAYS_DONE, true},
	{"STAT", 4, MEMCACHED_SAYS_MORE, false},
	{"ITEM", 4, MEMCACHED_SAYS_MORE, false},
	{"PREFIX", 6, MEMCACHED_SAYS_MORE, false},
	{"VERSION", 7, MEMCACHED_SAYS_DONE, false},
	{"RESET", 5, MEMCACHED_SAYS_DONE, true},
	{"BUSY", 4, MEMCACHED_SAYS_DONE, false},
	{"ERROR", 5, MEMCACHED_SAYS_FAILED, false},
	{"CLIENT_ERROR", 12, MEMCACHED_SAYS_FAILED, false},
	{"SERVER_ERROR", 12, MEMCACHED_SAYS_FAILED, false},
};
#define WORDS (sizeof(words) / sizeof(*words))

static const struct memcached_word number = {"", 0, MEMCACHED_SAYS_NUMBER, true};
static const struct memcached_word dumped = {"", 0, MEMCACHED_SAYS_MORE, false};

const struct memcached_verb *memcached_verb_of(struct slice word)
{
	for (size_t i = 0; i < VERBS; i++) {
		if (word.n == verbs[i].n && memcmp(word.p, verbs[i].name, word.n) == 0)
			return &verbs[i];
	}
	return NULL;
}

const struct memcached_word *memcached_word_of(struct slice word)
{
	for (size_t i = 0; i < WORDS; i++) {
		if (word.n == words[i].n && memcmp(word.p, words[i].name, word.n) == 0)
			return &words[i];
	}
	if (word.n && word.n <= 20) {
		size_t i = 0;

		while (i < word.n && (unsigned char)(word.p[i] - '0') <= 9)
			i++;
		if (i == word.n)
			return &number;
	}
	return word.n > 4 && memcmp(word.p, "key=", 4) == 0 ? &dumped : NULL;
}

const struct memcached_verb *memcached_verb(uint64_t n)
{
	return n < VERBS ? &verbs[n] : NULL;
}

uint64_t memcached_verb_number(const struct memcached_verb *verb)
{
	return (uint64_t)(verb - verbs);
}
