/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traffic: plays a client and a server with an exactly known exchange and chosen system calls.
 * traffic.c runs the processes and prints what was done, scenarios.c says what is said, calls.c
 * moves the bytes. Whatever goes otherwise than the scenario says ends the process with 1.
 */
#ifndef KEYHOLE_TESTS_TRAFFIC_H
#define KEYHOLE_TESTS_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* ---- calls.c ---- */

#define READ_MAX 65536  /* bytes asked for by one read */
#define READ_SEGMENT 24 /* bytes of every segment of a scatter read but the last */
#define MMSGS 8         /* messages of one recvmmsg and sendmmsg */

enum call {
	CALL_WRITE,    /* write, read */
	CALL_WRITEV,   /* writev, readv */
	CALL_SENDTO,   /* sendto, recvfrom */
	CALL_SENDMSG,  /* sendmsg, recvmsg */
	CALL_SENDMMSG, /* sendmmsg, recvmmsg, several messages per call */
	CALL_PWRITEV2, /* pwritev2, preadv2, offset -1 */
	CALL_SENDFILE, /* sends from a temporary file */
	CALL_SPLICE,   /* from and to a pipe */
	CALL_TRUNC,    /* receives with MSG_TRUNC, which drops the bytes */
};

/* What one side did, in memory shared by all processes of the run; added to atomically. */
struct tally {
	unsigned requests;                    /* sent or received whole */
	unsigned responses;                   /* likewise */
	size_t request_bytes, response_bytes; /* on the wire, heads included */
	size_t request_body, response_body;   /* of them, what follows the head */
	size_t other_bytes; /* of no exchange: tunnels, garbage; both directions */
	unsigned eagain;
	unsigned connections; /* opened or accepted */
	unsigned claims;      /* by pre-forked workers, of a connection to accept */
};

struct conn {
	int fd;
	unsigned number; /* of the connection in the run, from 0; both sides agree */
	const struct scenario *scenario;
	struct tally *tally;
	enum call call;    /* how bytes are moved now */
	unsigned segments; /* of each scatter list, >= 1 */
	bool peek;         /* look at the bytes with MSG_PEEK before each read */
};

/* Send all of it, at most `cut` bytes per call (0: no limit). */
void conn_send(struct conn *c, const char *bytes, size_t n, size_t cut);
/* Receive exactly these bytes, and none after them if they have come too. */
void conn_expect(struct conn *c, const char *bytes, size_t n);
void conn_expect_end(struct conn *c);   /* the other side ended in order */
void conn_expect_reset(struct conn *c); /* or did not */
void conn_wait_acked(struct conn *c);   /* until the other's kernel has all that was sent */
void conn_reset(struct conn *c);        /* close with RST */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* ---- plays.c: what is said on a connection ---- */

/* One side of one connection: requests first .. first + n - 1 (from 1). The caller closes it. */
typedef void (*play_fn)(struct conn *c, unsigned first, unsigned n);

struct play {
	play_fn ask, serve;
};

extern const struct play play_plain; /* requests and responses, one after the other */
/* BATCH messages before the first of the other direction; responses by one write each, or one. */
extern const struct play play_batches, play_batches_at_once;
extern const struct play play_reset; /* the server resets instead of answering */
extern const struct play
	play_half;                 /* half a response; SERVER_ENDS: reset, else the client closes */
extern const struct play play_fin; /* response and FIN in one segment */
extern const struct play play_tunnel;     /* one request, then noise */
extern const struct play play_wrong_door; /* a request; what answers does not speak HTTP */
extern const struct play play_text, play_look_alikes, play_noise, play_tls; /* no request at all */

/* ---- scenarios.c: the table ---- */

enum flag {
	NONBLOCK = 1 << 0,     /* both sides O_NONBLOCK, with poll after EAGAIN */
	PEEK = 1 << 1,         /* both sides look before they read */
	FRESH = 1 << 2,        /* a connection per request */
	EXPECT = 1 << 3,       /* Expect: 100-continue */
	UPGRADE = 1 << 4,      /* Upgrade: and 101 */
	CHUNKED = 1 << 5,      /* response body in chunks of CHUNK bytes */
	UNTIL_CLOSE = 1 << 6,  /* response body without a length; the server closes first */
	NO_BODY = 1 << 7,      /* the response declares a body, and sends none (HEAD, 304) */
	NOT_HTTP = 1 << 8,     /* nothing on the wire is a request */
	BATCHED = 1 << 9,      /* BATCH requests at a time */
	SERVER_ENDS = 1 << 10, /* the server's side closes first, in its own way */
};

/* Who serves and asks. The default is one process each, one connection after the other. */
enum model { ONE, THREADS, PREFORK, PASSED, SHORT_LIVED };

struct scenario {
	const char *name, *about;
	enum call call;    /* of both sides */
	unsigned segments; /* 0: one */
	unsigned flags;
	enum model model;
	unsigned requests;  /* default number; 0: REQUESTS */
	const char *method; /* NULL: GET */
	size_t cookie;      /* bytes of a Cookie field, 0: none */
	size_t request_body, request_cut;
	unsigned status; /* 0: 200 */
	size_t response_body, response_cut;
	bool head_alone;        /* the response's head goes in a call of its own */
	bool client_head_alone; /* and is received by one: only the body by client_body_call */
	enum call body_call, client_body_call; /* 0: as the rest */
	const struct play *play; /* NULL: requests and responses, one after the other */
};

#define REQUESTS 4 /* of a scenario that does not say */
#define BATCH 8    /* pipelined requests; the number of requests is a multiple of it */
#define WORKERS 4  /* pre-forked */
#define CHUNK 100

extern const struct scenario scenarios[];               /* ends with a NULL name */
const struct scenario *scenario_find(const char *name); /* NULL: none */
/* What the request line asks for: /NAME/NUMBER, or an authority for CONNECT. */
void scenario_target(const struct scenario *s, unsigned number, char *buf, size_t size);

/* ---- sides.c: who says it ---- */

enum family { IPV4, IPV6, MAPPED };
enum role { BOTH, CLIENT, SERVER };

struct run {
	const struct scenario *scenario;
	unsigned requests;    /* in all */
	unsigned connections; /* in all */
	enum family family;
	enum role role;
	unsigned port;
	bool hold;
	int listener;
	struct tally *client, *server; /* shared memory */
	pid_t server_pid;
};

/*
 * Plays the run: fills in port, tallies and server_pid. Each side is a process; with one role it
 * is this one, with both the client is.
 */
void run_play(struct run *run);

#endif
