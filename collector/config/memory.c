/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include "../export/export.h"
#include "../export/otlp.h"
#include "../identity/waiting.h"
#include "../kube/pod_source.h"
#include "../protocol/streams.h"
#include "../trace/span_queue.h"
#include "../trace/tracer.h"

#include <inttypes.h>
#include <stdio.h>

/*
 * Of 100. Those of traces and peers are the series' where there are none. What series get is for
 * answers to scrapes, too, a third of it: compressed, one of as many series as fit is smaller.
 */
enum { SERIES = 45, STREAMS = 20, TRACES = 20, PEERS = 10, WAITING = 5 };

static uint64_t lesser(uint64_t own, uint64_t share)
{
	return own < share ? own : share;
}

static uint64_t at_least(uint64_t share, uint64_t least)
{
	return share > least ? share : least;
}

/* Half for those that wait for their parents, half for those that wait to be sent. */
static void share_traces(struct config *config, uint64_t bytes)
{
	uint64_t room = TRACER_ROOM_BYTES_PER_SPAN + TRACER_PLACE_BYTES;

	config->traces.join_spans = lesser(config->traces.join_spans,
					   at_least(bytes / 2 / room, TRACER_ROOM_SPANS_MIN));
	config->otlp.queue_bytes =
		lesser(config->otlp.queue_bytes, at_least(bytes / 2, SPAN_QUEUE_BYTES_MIN));
}

static bool sends_traces(const struct config *config)
{
	const char *own = config->otlp.endpoint[OTLP_TRACES],
		   *common = config->otlp.common_endpoint;

	return (own && *own) || (common && *common);
}

static void share(struct config *config, uint64_t bytes)
{
	uint64_t part = bytes / 100, series = SERIES * part;

	if (config->keyhole.peers.n == 0)
		series += PEERS * part;
	if (!sends_traces(config))
		series += TRACES * part;
	else
		share_traces(config, TRACES * part);
	config->keyhole.series_memory = lesser(config->keyhole.series_memory, series - series / 3);
	config->keyhole.waiting_records =
		lesser(config->keyhole.waiting_records, WAITING * part / WAITING_BYTES);
	config->shares.streams = lesser(config->shares.streams, STREAMS * part);
	config->shares.answers = lesser(config->shares.answers, series / 3);
	config->shares.peer_pods =
		lesser(config->shares.peer_pods, PEERS * part * 3 / 4 / MEMORY_PEER);
	config->shares.peer_services =
		lesser(config->shares.peer_services, PEERS * part / 4 / MEMORY_PEER);
}

/* What is off has no share, and is not said. */
static void share_and_say(struct binding *b, struct config *config, uint64_t bytes)
{
	char traces[120] = "", peers[80] = "";

	share(config, bytes);
	if (sends_traces(config))
		snprintf(traces, sizeof(traces),
			 ", traces.queue_bytes %" PRIu64 " bytes, traces.join_spans %" PRIu64
			 " spans",
			 (uint64_t)config->otlp.queue_bytes, (uint64_t)config->traces.join_spans);
	if (config->keyhole.peers.n > 0)
		snprintf(peers, sizeof(peers), ", peers %" PRIu64 " pods and %" PRIu64 " Services",
			 (uint64_t)config->shares.peer_pods,
			 (uint64_t)config->shares.peer_services);
	note_info(b->notes, NULL,
		  "keyhole.memory_limit is shared out: series_memory %" PRIu64
		  " bytes, streams %" PRIu64 " bytes, answers to scrapes %" PRIu64
		  " bytes, waiting_room.records %" PRIu64 "%s%s",
		  (uint64_t)config->keyhole.series_memory, (uint64_t)config->shares.streams,
		  (uint64_t)config->shares.answers, (uint64_t)config->keyhole.waiting_records,
		  traces, peers);
}

void memory_settle(struct binding *b, struct config *config)
{
	uint64_t limit = config->keyhole.memory_limit;

	config->shares.streams = STREAMS_BYTES_DEFAULT;
	config->shares.answers = (uint64_t)EXPORT_SCRAPES_MAX * EXPORT_BODY_MAX;
	config->shares.peer_pods = KUBE_PEER_PODS_MAX;
	config->shares.peer_services = KUBE_PEER_SERVICES_MAX;
	if (limit == 0)
		return;
	if (limit < MEMORY_LIMIT_MIN)
		note_error(
			b->notes, NULL,
			"keyhole.memory_limit is %llu bytes, with which Keyhole cannot work: give "
			"at least %u (48 MiB), or 0 for no limit",
			(unsigned long long)limit, MEMORY_LIMIT_MIN);
	else
		share_and_say(b, config, limit - limit / 8 - MEMORY_FIXED);
}
