/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that follows tests/system/fake_apiserver.py: real HTTP and TLS over loopback, one
 * thread, one server for a test program. Any failure fails the test.
 */
#ifndef KEYHOLE_TEST_KUBE_FOLLOWED_H
#define KEYHOLE_TEST_KUBE_FOLLOWED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api_server.h"
#include "collector/kube/client.h"
#include "collector/kube/pod_source.h"
#include "collector/log.h"

#define PATIENCE_NS (20 * 1000000000ull) /* an upper bound for a loaded machine */

extern char dir[]; /* for files of this program */
extern struct loop *loop;
extern struct api_server server;
extern struct kube_options options; /* made anew for each test */
extern struct kube_store *store;
extern struct kube_client *client;
extern bool plainly; /* without streaming lists */

/* For cmocka: begin and end the program, make and free what a test needs. */
int begin(void **state); /* the server has uid-1 on node-1 (container c1) and uid-2 on node-2 */
int end(void **state);
int make_client(void **state);
int free_client(void **state); /* and bring the server in order */
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_client, free_client)

const char *write_file(const char *name, const char *text); /* its path; two at a time */
void start_server(int port, const char *pods, const char *version);
void start_client(void); /* as `options` say */
void stop_client(void);
void turn(void);

/* Runs the loop until it is so. */
#define UNTIL(condition)                                                                           \
	do {                                                                                       \
		uint64_t deadline = loop_now_ns() + PATIENCE_NS;                                   \
		while (!(condition)) {                                                             \
			if (loop_now_ns() > deadline)                                              \
				fail_msg("never: %s", #condition);                                 \
			turn();                                                                    \
		}                                                                                  \
	} while (0)

/* What the server does from now on. */
void mode(const char *name);
void set(const char *settings); /* JSON */
void add_pod(const char *name, const char *uid, const char *container_id);
void delete_pod(const char *name);

/* What the client knows and did. */
bool knows(const char *uid);
size_t living(void);
bool has_container(const char *id);
uint64_t faults(enum kube_fault fault);
uint64_t events(enum kube_event_type type);
struct kube_client_stats stats(void);

/* How often the server was asked for something with this text in it. */
unsigned asked(const char *text);

#endif
