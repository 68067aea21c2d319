/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader after attach: it holds the programs' links and the rings, and hands the rings to a
 * collector. Beside the shared table it needs this and no more.
 */
#include "calls.h"

#include <sys/socket.h>

#define ALLOW(name, why, ...)                                                                      \
	{                                                                                          \
		(name), POLICY_ALLOW, (why),                                                       \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define START(name, why)                                                                           \
	{                                                                                          \
		(name), POLICY_START, (why),                                                       \
		{{0}}                                                                              \
	}

static const char serves[] = "one collector at a time";
static const char loads[] = "libbpf: loading and attaching";

static const struct policy_call rows[] = {
	ALLOW("accept4", serves),
	ALLOW("accept", serves),
	ALLOW("recvmsg", serves),
	ALLOW("sendmsg", serves),
	ALLOW("recvfrom", serves),
	ALLOW("shutdown", serves),
	ALLOW("getsockopt", "SO_PEERCRED: who is it", INT_IS(1, SOL_SOCKET)),

	START("bpf", loads),
	START("memfd_create", loads),
	START("setsockopt", loads),
};

const struct policy_table policy_loader_calls = {rows, sizeof(rows) / sizeof(rows[0])};
