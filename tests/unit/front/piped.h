/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline without threads, fed record by record as intake does it, and a stand-in for the intake
 * that keeps what BPF was told. Any failure fails the test.
 */
#ifndef KEYHOLE_TESTS_FRONT_PIPED_H
#define KEYHOLE_TESTS_FRONT_PIPED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline.h"
#include "tests/unit/identity/node.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define OK_BEGIN "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok"
#define CGROUP 70
#define TGID 700
#define ROOM 4
#define PORT 80 /* of exchange() */

extern struct pipeline *pipeline;
extern struct intake_ops ops;
extern struct pipeline_options o; /* for start(); made anew for each test */
extern uint64_t now;

/* What BPF was told. */
extern struct bpf_told {
	uint64_t ignored[64]; /* keys; 0: a free place */
	uint64_t scope;
	uint32_t want;
} bpf;

bool ignores(uint32_t tgid, uint16_t port); /* of an a_process() */

/* For cmocka. */
int setup(void **state);
int teardown(void **state);
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Before start(). */
void make_selector(const struct selector_entry *entry); /* NULL: everything is shown */
struct rulebook *book_of(const char *yaml);
void start(bool cluster);

/* What comes, and what the loop does. */
void feed(const void *record, size_t size);
void exchange_of(uint64_t cgroup, uint32_t tgid, const char *req, const char *resp);
void exchange(uint64_t cgroup, uint32_t tgid, const char *target, const char *resp);

/* A connection seen from its beginning, in segments: seq is 1 at first. */
struct piped_conn {
	enum kh_role role;
	uint8_t peer;  /* 10.0.0.peer */
	uint16_t port; /* the server's */
	uint64_t cookie, cgroup;
	uint32_t tgid;
	uint32_t seq[2]; /* of what comes next: [1] sent, [0] received */
};
void segment(struct piped_conn *conn, bool sent, const char *text, size_t n); /* n <= 400 */

void tell(struct kh_cgroup cgroup); /* and TGID in it, "nginx" */
void list(struct kube_pod *pod);    /* all pods that there are; NULL: none */
void idle_after(uint64_t ns);

/* What became of it. */
uint64_t stat_of(const _Atomic uint64_t *s);
#define STAT(name) stat_of(&pipeline_stats(pipeline)->name)
void adds_up(void);
void counts(uint64_t exchanges, uint64_t delivered, uint64_t waiting);

#endif
