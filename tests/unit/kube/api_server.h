/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs tests/system/fake_apiserver.py beside a test, on a loopback port of its own, and tells it
 * what to do. Any failure fails the test.
 */
#ifndef KEYHOLE_TEST_KUBE_API_SERVER_H
#define KEYHOLE_TEST_KUBE_API_SERVER_H

#include <sys/types.h>

struct api_server {
	pid_t pid;
	int port;
};

/* `args` end with NULL. Returns when the server accepts connections; port 0: any. */
struct api_server api_server_start(int port, const char *const args[]);
void api_server_stop(struct api_server *server);

/* One request to its control interface; the answer's status must be 200. */
void api_server_control(const struct api_server *server, const char *method, const char *path,
			const char *body);

/* The answer's body; static, valid until the next call. */
const char *api_server_state(const struct api_server *server);

#endif
