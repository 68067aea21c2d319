/* SPDX-License-Identifier: Apache-2.0 */
/* The loader's command line. Every option is one row of the table in options.c. */
#ifndef KEYHOLE_LOADER_OPTIONS_H
#define KEYHOLE_LOADER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum backend_choice {
	BACKEND_AUTO,
	BACKEND_TRACEPOINT,
	BACKEND_FEXIT,
};

struct options {
	const char *socket;
	uint64_t data_ring, life_ring; /* bytes, powers of two */
	uint64_t request_head, response_head;
	uint64_t sockets; /* HTTP connections followed at once */
	uint64_t streams; /* other TCP connections likewise */
	uint64_t peer_uid;
	enum backend_choice backend;
	unsigned int may_lack; /* POLICY_BIT()s, see policy/report.h */
	bool check, version, help, no_sandbox;
};

/*
 * Fills `o` with defaults, then from argv. Returns 0, or -EINVAL after one line on standard
 * error that names the option, what is wrong and what would be right.
 */
int options_parse(struct options *o, int argc, char **argv);

void options_help(void); /* to standard output */

#endif
