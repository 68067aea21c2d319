/* SPDX-License-Identifier: Apache-2.0 */
/* Options of telling other collectors of traces: keyhole.traces.peers. */
#include "option.h"

#include "../trace/tell_net.h"
#include "config.h"

#define AT(member) .offset = offsetof(struct config, member)
#define STRING_(x) #x
#define STRING(x) STRING_(x)

static const char *check_endpoint(const char *text, char why[PATTERN_WHY_MAX])
{
	struct tell_endpoint endpoint;
	const char *wrong = tell_endpoint_read(text, &endpoint);

	return wrong || endpoint.host[0] ? wrong : "it has the form host:port";
}

static const char *check_listen(const char *text, char why[PATTERN_WHY_MAX])
{
	struct tell_endpoint endpoint;
	const char *wrong = tell_endpoint_read(text, &endpoint);

	return wrong || !endpoint.host[0] ? wrong : tell_listen_check(&endpoint);
}

static const struct option rows[] = {
	{.path = "keyhole.traces.peers.endpoints",
	 .type = OPTION_TEXTS,
	 AT(trace_peers.endpoints),
	 .check = check_endpoint,
	 .max = TELL_ENDPOINTS_MAX,
	 .env = "TRACES_PEERS_ENDPOINTS",
	 .doc = "Collectors of other nodes that are told which trace a call to them is of, each as "
		"`host:port`. All addresses of a name are told; names are looked up every 30 s. "
		"None, the default: nobody is told, and nobody is listened to. See traces.md."},
	{.path = "keyhole.traces.peers.listen",
	 .type = OPTION_TEXT,
	 AT(trace_peers.listen),
	 .check = check_listen,
	 .fallback = ":9467",
	 .env = "TRACES_PEERS_LISTEN",
	 .doc = "UDP port at which they tell this one, as `:port` or `address:port`."},
	{.path = "keyhole.traces.peers.secret_file",
	 .type = OPTION_TEXT,
	 AT(trace_peers.secret_file),
	 .fallback = "",
	 .env = "TRACES_PEERS_SECRET_FILE",
	 .doc = "File with the secret that all of them share: " STRING(
		 TELL_SECRET_LEN) " bytes, or twice as many hex digits, such as `openssl rand -hex "
				  "32` makes. It is read again every 30 s. Required with "
				  "endpoints."},
	{.path = "keyhole.traces.peers.bytes_per_second",
	 .type = OPTION_COUNT,
	 AT(trace_peers.rate),
	 .min = TELL_RATE_MIN,
	 .max = TELL_RATE_MAX,
	 .fallback = STRING(TELL_RATE_DEFAULT),
	 .env = "TRACES_PEERS_BYTES_PER_SECOND",
	 .doc = "Most bytes sent to all of them together; what is beyond is dropped and counted."},
	{.path = "keyhole.traces.peers.table_size",
	 .type = OPTION_COUNT,
	 AT(trace_peers.table),
	 .min = TELL_TABLE_MIN,
	 .max = TELL_TABLE_MAX,
	 .fallback = STRING(TELL_TABLE_DEFAULT),
	 .env = "TRACES_PEERS_TABLE_SIZE",
	 .doc = "Calls that others told of and that are remembered, for 30 s at most: 32 bytes "
		"each, "
		"once it was needed."},
};

const struct option_table options_trace_peers = {rows, sizeof(rows) / sizeof(*rows),
						 &options_graph};
