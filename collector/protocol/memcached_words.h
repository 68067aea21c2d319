/* SPDX-License-Identifier: Apache-2.0 */
/* The words of memcached's text protocol: commands, and beginnings of answers. */
#ifndef KEYHOLE_PROTOCOL_MEMCACHED_WORDS_H
#define KEYHOLE_PROTOCOL_MEMCACHED_WORDS_H

#include "memcached.h"

#define MEMCACHED_ANY 255 /* words: as many as you like */

enum memcached_verb_kind {
	MEMCACHED_STORE,    /* key flags time bytes, then the block */
	MEMCACHED_GET,      /* keys; the answer ends with END */
	MEMCACHED_TOUCH,    /* time and keys, likewise */
	MEMCACHED_ONE,      /* one line answers it */
	MEMCACHED_MANY,     /* lines up to END, or one that says something else */
	MEMCACHED_META,     /* flags; one answer, or none if it is quiet */
	MEMCACHED_META_SET, /* key bytes flags, then the block */
	MEMCACHED_ENDS,     /* has no answer; those to what was asked before still come */
	MEMCACHED_LEAVES,   /* no answer follows, or no more of this protocol */
};

struct memcached_verb {
	char name[16];
	uint8_t n, kind;
	uint8_t least, most; /* words behind it */
};

/* Words that begin a line of the server. */
enum memcached_says {
	MEMCACHED_SAYS_VALUE, /* VALUE key flags bytes, and the block */
	MEMCACHED_SAYS_MORE,  /* a line of many */
	MEMCACHED_SAYS_END,
	MEMCACHED_SAYS_DONE, /* the only line */
	MEMCACHED_SAYS_META,
	MEMCACHED_SAYS_META_VALUE, /* VA bytes flags, and the block */
	MEMCACHED_SAYS_FAILED,
	MEMCACHED_SAYS_NUMBER, /* the only line, too */
};

struct memcached_word {
	char name[16];
	uint8_t n, says;
	bool alone; /* nothing may follow it in its line */
};

/* NULL: none that is known. */
const struct memcached_verb *memcached_verb_of(struct slice word);
const struct memcached_word *memcached_word_of(struct slice word);

/* By its number, from 0 on, as in a call's notes; NULL: there are not so many. */
const struct memcached_verb *memcached_verb(uint64_t number);
uint64_t memcached_verb_number(const struct memcached_verb *verb);

#endif
