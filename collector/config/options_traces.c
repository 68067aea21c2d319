/* SPDX-License-Identifier: Apache-2.0 */
/* Options of traces: which are kept, and how spans find their parents. */
#include "option.h"

#include "../service/sampler.h"
#include "../trace/tracer.h"
#include "config.h"

#define AT(member) .offset = offsetof(struct config, member)
#define MS 1000000ull
#define SECOND (1000 * MS)

const char *config_check_sampler(const char *text, char why[PATTERN_WHY_MAX])
{
	struct sampler sampler;

	return sampler_read(&sampler, slice_of(text), slice_of(""));
}

const char *config_check_ratio(const char *text, char why[PATTERN_WHY_MAX])
{
	struct sampler sampler;

	return sampler_read(&sampler, slice_of("traceidratio"), slice_of(text));
}

static const struct option_choice remote[] = {
	{"auto", TRACER_REMOTE_AUTO, false, NULL, false},
	{"always", TRACER_REMOTE_ALWAYS, false, NULL, false},
	{"never", TRACER_REMOTE_NEVER, false, NULL, false},
	{NULL, 0, false, NULL, false},
};

static const struct option rows[] = {
	{.path = "otel_traces_export.sampler.name",
	 .type = OPTION_TEXT,
	 AT(traces.sampler_name),
	 .fallback = "parentbased_always_on",
	 .check = config_check_sampler,
	 .env_plain = "OTEL_TRACES_SAMPLER",
	 .doc = "Which traces are kept: `always_on`, `always_off`, `traceidratio`, or one of these "
		"with `parentbased_` before it: then a span with a parent does as that does."},
	{.path = "otel_traces_export.sampler.arg",
	 .type = OPTION_TEXT,
	 AT(traces.sampler_arg),
	 .check = config_check_ratio,
	 .env_plain = "OTEL_TRACES_SAMPLER_ARG",
	 .doc = "The share of `traceidratio`, from 0 to 1; 1 where it is not given."},
	{.path = "keyhole.traces.join_wait",
	 .type = OPTION_PERIOD,
	 AT(traces.join_wait_ns),
	 .min = 0,
	 .max = 60 * SECOND,
	 .fallback = "2s",
	 .env = "TRACES_JOIN_WAIT",
	 .doc = "How long a span waits for its parent, which may end later. A call that is over "
		"that "
		"much earlier than the request it belongs to becomes a trace of its own."},
	{.path = "keyhole.traces.join_spans",
	 .type = OPTION_COUNT,
	 AT(traces.join_spans),
	 .min = TRACER_ROOM_SPANS_MIN,
	 .max = TRACER_ROOM_SPANS_MAX,
	 .fallback = "8192",
	 .env = "TRACES_JOIN_SPANS",
	 .doc = "Most spans that wait so, 1.6 KiB each; further ones end the wait of the oldest "
		"(counted)."},
	{.path = "keyhole.traces.peers.wait",
	 .type = OPTION_PERIOD,
	 AT(traces.peers_wait_ns),
	 .min = 0,
	 .max = 60 * SECOND,
	 .fallback = "5s",
	 .env = "TRACES_PEERS_WAIT",
	 .doc = "How much longer a span waits for what other nodes' collectors tell of its trace, "
		"unless they have. Each node that a trace comes through takes "
		"`keyhole.traces.join_wait` and 0.3 s of it."},
	{.path = "keyhole.traces.remote_parents",
	 .type = OPTION_CHOICE,
	 AT(traces.remote),
	 .choices = remote,
	 .fallback = "auto",
	 .env = "TRACES_REMOTE_PARENTS",
	 .doc = "Is the other end of a connection, unless it is seen here, seen by a Keyhole on "
		"another node? Then a server's span has the client's as its parent. `auto`: where "
		"it is a pod of another node, as `keyhole.kubernetes` has these watched."},
};

const struct option_table options_traces = {rows, sizeof(rows) / sizeof(*rows),
					    &options_trace_peers};
