/* SPDX-License-Identifier: Apache-2.0 */
#include "trace_peers.h"

#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOG_MODULE "trace-peers"

static void find_directory(struct trace_peers *peers)
{
	const char *slash = strrchr(peers->secret_file, '/');
	size_t n = slash ? (size_t)(slash - peers->secret_file) : 0;

	if (n && n < sizeof(peers->directory))
		snprintf(peers->directory, sizeof(peers->directory), "%.*s", (int)n,
			 peers->secret_file);
}

static int start_net(struct trace_peers *peers, struct loop *loop, const struct config *config)
{
	const struct tell_net_options o = {.listen = config->trace_peers.listen,
					   .endpoints = config->trace_peers.endpoints.v,
					   .endpoints_n = config->trace_peers.endpoints.n,
					   .secret_file = config->trace_peers.secret_file,
					   .bytes_per_second = config->trace_peers.rate};

	peers->secret_file = o.secret_file;
	find_directory(peers);
	return tell_net_start(&peers->net, loop, peers->tell, &o);
}

int trace_peers_start(struct trace_peers *peers, struct loop *loop, const struct config *config)
{
	int r;

	if (!config->trace_peers.endpoints.n)
		return 0;
	if (!config->trace_peers.secret_file[0]) {
		log_error("keyhole.traces.peers.endpoints are set, but no secret_file beside them; "
			  "make one for all collectors by: openssl rand -hex 32");
		return -EINVAL;
	}
	r = tell_new(&peers->tell, (uint32_t)config->trace_peers.table);
	if (!r)
		r = start_net(peers, loop, config);
	if (!r)
		log_info("collectors tell each other of traces at UDP port %u",
			 tell_net_port(peers->net));
	else if (r == -ENOMEM)
		log_error("telling other collectors of traces cannot be set up: out of memory");
	return r;
}

const char *trace_peers_path(const struct trace_peers *peers, bool (*is_broad)(const char *path))
{
	if (!peers->net)
		return NULL;
	return peers->directory[0] && !is_broad(peers->directory) ? peers->directory
								  : peers->secret_file;
}

static uint64_t lost(void *net)
{
	return tell_net_lost(net);
}

static int bind_datagrams(struct tell_net *net, struct selfmetrics *self)
{
	const struct tell_net_stats *s = tell_net_stats(net);
	int r = selfmetrics_add(self, SELF_TRACE_PEERS_SENT, "", &s->sent) |
		selfmetrics_add(self, SELF_TRACE_PEERS_SEND_FAILURES, "", &s->send_failures) |
		selfmetrics_add(self, SELF_TRACE_PEERS_RECEIVED, "", &s->received[TELL_TAKEN]) |
		selfmetrics_add(self, SELF_TRACE_PEERS_PAUSES, "", &s->pauses) |
		selfmetrics_add(self, SELF_TRACE_PEERS_SECRET_FAILURES, "", &s->secret_failures) |
		selfmetrics_add_fn(self, SELF_TRACE_PEERS_REFUSED, "socket_full", lost, net);

	for (int i = TELL_TAKEN + 1; i < TELL_REFUSALS; i++)
		r |= selfmetrics_add(self, SELF_TRACE_PEERS_REFUSED,
				     tell_refusal_word((enum tell_refusal)i), &s->received[i]);
	return r;
}

static int bind_records(struct trace_peers *peers, struct selfmetrics *self)
{
	const struct tell_net_stats *s = tell_net_stats(peers->net);
	const struct tell_stats *t = tell_stats(peers->tell);

	return selfmetrics_add(self, SELF_TRACE_PEERS_RECORDS, "sent", &s->records_sent) |
	       selfmetrics_add(self, SELF_TRACE_PEERS_RECORDS, "received", &t->got) |
	       selfmetrics_add(self, SELF_TRACE_PEERS_DROPPED, "no_peers", &s->no_peers) |
	       selfmetrics_add(self, SELF_TRACE_PEERS_DROPPED, "rate", &s->rate_dropped) |
	       selfmetrics_add(self, SELF_TRACE_PEERS_DROPPED, "out_queue", &t->put_dropped) |
	       selfmetrics_add(self, SELF_TRACE_PEERS_DROPPED, "in_queue", &t->got_dropped) |
	       selfmetrics_add(self, SELF_TRACE_PEERS_DROPPED, "table", &t->evicted) |
	       selfmetrics_add(self, SELF_TRACE_PEERS_LOOKUPS, "found", &t->found) |
	       selfmetrics_add(self, SELF_TRACE_PEERS_LOOKUPS, "unknown", &t->unknown);
}

int trace_peers_bind(struct trace_peers *peers, struct selfmetrics *self)
{
	const struct tell_names_stats *n;

	if (!peers->net)
		return 0;
	n = tell_net_names(peers->net);
	return bind_datagrams(peers->net, self) | bind_records(peers, self) |
			       selfmetrics_add(self, SELF_TRACE_PEERS, "", &n->peers) |
			       selfmetrics_add(self, SELF_TRACE_PEERS_RESOLVE_FAILURES, "",
					       &n->failures) |
			       selfmetrics_add(self, SELF_LIMIT_REACHED, "trace_peers",
					       &n->too_many) |
			       selfmetrics_add_constant(self, SELF_MEMORY, "trace_peers",
							tell_bytes(peers->tell))
		       ? -ENOSPC
		       : 0;
}

void trace_peers_stop(struct trace_peers *peers)
{
	tell_net_stop(peers->net);
	peers->net = NULL;
}

void trace_peers_free(struct trace_peers *peers)
{
	tell_free(peers->tell);
	peers->tell = NULL;
}
