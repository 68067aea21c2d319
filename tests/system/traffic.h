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
#include <stdio.h>
#include <sys/types.h>

/* ---- calls.c ---- */

#define READ_MAX 65536  /* bytes asked for by one read */
#define READ_SEGMENT 24 /* bytes of every segment of a scatter read but the last */
#define MMSGS 8         /* messages of one recvmmsg and sendmmsg */
#define SEGMENTS_MAX 64 /* of one call */

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
	CALL_ZEROCOPY, /* send with MSG_ZEROCOPY, its completion awaited; recvfrom */
	CALL_URING,    /* io_uring, which is waited for; with segments sendmsg and recvmsg of it */
	CALL_SQPOLL,   /* likewise, submitted by a thread of the kernel's */
	CALL_DECOY,    /* write; receives by io_uring that end while the thread reads a file */
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
	unsigned ready;       /* times that this side said the other may go on: conn_ready */
};

struct conn {
	int fd;
	unsigned number; /* of the connection in the run, from 0; both sides agree */
	const struct scenario *scenario;
	struct tally *tally, *other; /* of this side, and of the other one */
	enum call call;              /* how bytes are moved now */
	bool client;
	unsigned sends;    /* of CALL_DECOY */
	unsigned segments; /* of each scatter list, >= 1 */
	bool peek;         /* look at the bytes with MSG_PEEK before each read */
};

struct iovec;

/* Segments of READ_SEGMENT bytes and the rest, so that also a short message is spread over them.
   Returns their number, <= want. */
int cut_small(struct iovec *iov, unsigned want, char *p, size_t n);
/* Send all of it, at most `cut` bytes per call (0: no limit). */
void conn_send(struct conn *c, const char *bytes, size_t n, size_t cut);
/* Receive exactly these bytes, and none after them if they have come too. */
void conn_expect(struct conn *c, const char *bytes, size_t n);
void conn_expect_end(struct conn *c);   /* the other side ended in order */
void conn_expect_reset(struct conn *c); /* or did not */
void conn_wait_acked(struct conn *c);   /* until the other's kernel has all that was sent */
void conn_reset(struct conn *c);        /* close with RST */
/* For scenarios that need an order of their own; counted per side, for all of its connections. */
void conn_ready(struct conn *c);             /* lets the other side go on */
void conn_await(struct conn *c, unsigned n); /* until the other side said so n times */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* ---- uring.c: calls by io_uring; each thread has a ring of its own ---- */

ssize_t uring_send(struct conn *c, char *p, size_t n);
ssize_t decoy_send(struct conn *c, const char *p, size_t n);
ssize_t uring_receive(struct conn *c, char *p, size_t n);
/* Why this kernel refuses what that scenario needs; NULL if it does not. */
const char *uring_missing(const struct scenario *s);

/* ---- messages.c: both sides make the same ones, and count them ---- */

struct message {
	char *bytes; /* owned */
	size_t len;
	size_t head; /* bytes before the body */
};

#define _cleanup_message_ __attribute__((cleanup(message_drop)))

void message_drop(struct message *m);
FILE *message_open(struct message *m); /* what is written to it; it is whole after fclose */
struct message make_request(const struct scenario *s, unsigned number);
struct message make_response(const struct scenario *s, unsigned number);

void count_bytes(size_t *to, size_t n);
void count_request(struct conn *c, const struct message *m);
void count_response(struct conn *c, const struct message *m);
/* A response that broke off after `n` bytes, or an interim one. */
void count_response_part(struct conn *c, const struct message *m, size_t n);

/* ---- plays.c: what is said on a connection ---- */

/* As the scenario says; each counts what it did. */
void send_request(struct conn *c, unsigned number);
void expect_request(struct conn *c, unsigned number);
void send_response(struct conn *c, unsigned number);
void expect_response(struct conn *c, unsigned number);

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

/* ---- absent.c: memory that is gone when the call returns ---- */

extern const struct play play_absent;     /* the head of the response that the server sends */
extern const struct play play_absent_iov; /* the segments' array of the server's receive */

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
	TOGETHER = 1 << 11,    /* the sides wait for one another: not with one role alone */
};

/* Who serves and asks. The default is one process each, one connection after the other. */
enum model {
	ONE,
	THREADS,
	PREFORK,
	PASSED,
	SHORT_LIVED,
	MANY, /* ROUNDS requests each, on connections that are all open at once */
};

struct scenario {
	const char *name, *about;
	enum call call, client_call;        /* of both sides; the client's, if it is another */
	unsigned segments, client_segments; /* likewise; 0: one */
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
#define ROUNDS 2 /* requests on each of many connections */

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
