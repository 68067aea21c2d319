/* SPDX-License-Identifier: Apache-2.0 */
#include "semconv.h"

/* NULL: not renamed there. */
static const struct renamed {
	const char *current;
	const char *in[SEMCONVS];
} table[] = {
#define ATTRIBUTE(current, label, beyla, beyla_label, beyla_3_20, beyla_3_20_label)                \
	{current, {[SEMCONV_BEYLA] = (beyla), [SEMCONV_BEYLA_3_20] = (beyla_3_20)}},               \
	{                                                                                          \
		label,                                                                             \
		{                                                                                  \
			[SEMCONV_BEYLA] = (beyla_label), [SEMCONV_BEYLA_3_20] = (beyla_3_20_label) \
		}                                                                                  \
	}
	ATTRIBUTE("rpc.system.name", "rpc_system_name", NULL, NULL, "rpc.system", "rpc_system"),
	ATTRIBUTE("rpc.status_code", "rpc_status_code", "rpc.response.status_code",
		  "rpc_response_status_code", "rpc.grpc.status_code", "rpc_grpc_status_code"),
	ATTRIBUTE("messaging.system.name", "messaging_system_name", "messaging.system",
		  "messaging_system", "messaging.system", "messaging_system"),
	ATTRIBUTE("rpc.server.call.duration", "rpc_server_call_duration_seconds", NULL, NULL,
		  "rpc.server.duration", "rpc_server_duration_seconds"),
	ATTRIBUTE("rpc.client.call.duration", "rpc_client_call_duration_seconds", NULL, NULL,
		  "rpc.client.duration", "rpc_client_duration_seconds"),
};

const char *semconv_name(enum semconv version, const char *current)
{
	if (version == SEMCONV_CURRENT)
		return current;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (table[i].in[version] && strcmp(table[i].current, current) == 0)
			return table[i].in[version];
	}
	return current;
}

/* grpc/doc/statuscodes.md: name and, in decimal, number. */
static const char *const grpc[][2] = {
	{"OK", "0"},
	{"CANCELLED", "1"},
	{"UNKNOWN", "2"},
	{"INVALID_ARGUMENT", "3"},
	{"DEADLINE_EXCEEDED", "4"},
	{"NOT_FOUND", "5"},
	{"ALREADY_EXISTS", "6"},
	{"PERMISSION_DENIED", "7"},
	{"RESOURCE_EXHAUSTED", "8"},
	{"FAILED_PRECONDITION", "9"},
	{"ABORTED", "10"},
	{"OUT_OF_RANGE", "11"},
	{"UNIMPLEMENTED", "12"},
	{"INTERNAL", "13"},
	{"UNAVAILABLE", "14"},
	{"DATA_LOSS", "15"},
	{"UNAUTHENTICATED", "16"},
};

struct slice semconv_grpc_status(enum semconv version, struct slice name)
{
	for (size_t i = 0; version == SEMCONV_BEYLA_3_20 && i < sizeof(grpc) / sizeof(*grpc); i++) {
		if (slice_is(name, grpc[i][0]))
			return slice_of(grpc[i][1]);
	}
	return name;
}
