/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conversation under test: what client and server say, put through streams.c as segments that
 * are cut, lost and mixed as the test wishes, and the exchanges told of it as text, one line each:
 *   KIND PROTOCOL op=… coll=… ns=… sum=… code=… group=… target=… host=… parent=… state=… method=N
 * status=N action=N error=N failed waits of which what is empty or 0 is left out.
 */
#ifndef KEYHOLE_TESTS_TALKER_H
#define KEYHOLE_TESTS_TALKER_H

#include "protocol/streams.h"

/* What one side says without waiting. */
struct said {
	char who; /* '>' the client, '<' the server; 'C' and 'R': the connection ends so */
	const char *p;
	size_t n;
};
#define CLIENT(text) {'>', text, sizeof(text) - 1}
#define SERVER(text) {'<', text, sizeof(text) - 1}
#define CLOSED {'C', "", 0}
#define RESET {'R', "", 0}

enum cuts {
	CUT_AS_SAID,
	CUT_BYTES,  /* each byte by itself */
	CUT_RANDOM, /* anywhere, and what follows in the same direction may be put together */
};

struct talker_how {
	enum kh_role role; /* whose socket it is; UNKNOWN: the client's, and older than Keyhole */
	bool accepted; /* UNKNOWN: it is the server's */
	bool swapped;  /* client and server may be mistaken for each other: any thread asks */
	enum transport transport; /* 0: TCP */
	enum cuts cuts;
	unsigned int seed;
	size_t capture;    /* bytes captured of each call, 0: as decided (undecided: as BPF does) */
	size_t join;       /* the first so many steps are not seen */
	size_t skip;       /* nor are the first so many bytes, of both directions */
	unsigned int lose; /* per cent of segments that are lost */
	bool late;         /* segments come in another order than they passed, within their turn */
	uint16_t server_port;                /* 0: 1 */
	uint64_t wait_ns;                    /* that pass at the end, before the last tick */
	uint64_t protocols;                  /* 0: all */
	const struct parser *const *parsers; /* NULL: the table */
	unsigned int parsers_n;
};

struct talker {
	char told[65536];
	struct streams_counters counters;
	uint32_t last_capture; /* decided last; UINT32_MAX: nothing was */
	uint32_t encrypted;
	uint64_t open; /* calls still open at the end */
	size_t exchanges;
	uint64_t req_body, resp_body; /* of all of them */
};

void talker_run(struct talker *talker, const struct talker_how *how, const struct said *said,
		size_t n);

/*
 * The same is told however the bytes were cut, on either side: as said, byte by byte, and
 * `rounds` times at random. Fails the test otherwise.
 */
void talker_same(const struct said *said, size_t n, const char *expected, unsigned int rounds);

/*
 * Lost and cut segments, and joins at each step and at each byte, as either end: whatever is told
 * is a line of `expected` or says less (but no failure is told as a success), there are not more of
 * them, and every request is accounted for.
 */
void talker_never_wrong(const struct said *said, size_t n, const char *expected,
			unsigned int rounds);

/* A context of W3C's document, as messages carry it. */
#define TALKER_PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define TALKER_STATE "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
#define TALKER_CONTEXT " parent=" TALKER_PARENT " state=" TALKER_STATE

#define TALKER_N(said) (sizeof(said) / sizeof(*(said)))

#endif
