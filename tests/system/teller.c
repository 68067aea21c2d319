/* SPDX-License-Identifier: Apache-2.0 */
/*
 * teller LISTEN SECRET-FILE BYTES-PER-SECOND ENDPOINT...
 *
 * The part of a collector that tells others of traces, alone, in the collector's own sandbox. It
 * does what its standard input says, a line each, and answers with a line:
 *
 *   put SPAN TRACE FLAGS   tells of a call: 16 hex digits, 32, 2
 *   burst N                of N calls, whose spans are 1 to N, and whose traces the same
 *   find SPAN              "TRACE FLAGS", or "unknown"
 *   count NAME             a number of struct tell_stats and its like, as metrics name them
 */
#include "log.h"
#include "policy/sandbox.h"
#include "trace/tell_net.h"

#include <curl/curl.h>
#include <err.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static struct loop *loop;
static struct tell *tell;
static struct tell_net *net;

static bool read_hex(const char *text, uint8_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned int byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		to[i] = (uint8_t)byte;
	}
	return true;
}

static void put(const char *span, const char *trace, const char *flags)
{
	uint8_t span_id[SPAN_ID_LEN], trace_id[SPAN_TRACE_ID_LEN], flag;

	if (!read_hex(span, span_id, sizeof(span_id)) ||
	    !read_hex(trace, trace_id, sizeof(trace_id)) || !read_hex(flags, &flag, 1))
		errx(2, "no hex digits");
	tell_put(tell, span_id, trace_id, flag);
	puts("put");
}

static void burst(unsigned long n)
{
	for (unsigned long i = 1; i <= n; i++) {
		uint8_t id[SPAN_TRACE_ID_LEN] = {0};

		for (size_t byte = 0; byte < sizeof(i); byte++)
			id[byte] = (uint8_t)(i >> 8 * (7 - byte));
		tell_put(tell, id, id, 1);
	}
	puts("put");
}

static void find(const char *span)
{
	uint8_t span_id[SPAN_ID_LEN], trace_id[SPAN_TRACE_ID_LEN], flags;

	if (!read_hex(span, span_id, sizeof(span_id)))
		errx(2, "no hex digits");
	if (!tell_find(tell, span_id, trace_id, &flags)) {
		puts("unknown");
		return;
	}
	for (size_t i = 0; i < sizeof(trace_id); i++)
		printf("%02x", trace_id[i]);
	printf(" %02x\n", flags);
}

static uint64_t number(const char *name)
{
	const struct tell_net_stats *s = tell_net_stats(net);
	const struct tell_stats *t = tell_stats(tell);
	const struct {
		const char *name;
		uint64_t number;
	} numbers[] = {
		{"peers", tell_net_names(net)->peers},
		{"resolve_failures", tell_net_names(net)->failures},
		{"too_many", tell_net_names(net)->too_many},
		{"sent", s->sent},
		{"send_failures", s->send_failures},
		{"records_sent", s->records_sent},
		{"records_received", t->got},
		{"rate", s->rate_dropped},
		{"no_peers", s->no_peers},
		{"out_queue", t->put_dropped},
		{"in_queue", t->got_dropped},
		{"table", t->evicted},
		{"pauses", s->pauses},
		{"secret_failures", s->secret_failures},
		{"socket_full", tell_net_lost(net)},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strcmp(numbers[i].name, name) == 0)
			return numbers[i].number;
	}
	for (int i = 0; i < TELL_REFUSALS; i++) {
		if (strcmp(tell_refusal_word((enum tell_refusal)i), name) == 0)
			return s->received[i];
	}
	errx(2, "no such number: %s", name);
}

static void obey(char *line)
{
	char *word[4], *rest;

	for (int i = 0; i < 4; i++)
		word[i] = strtok_r(i ? NULL : line, " ", &rest);
	if (word[0] && strcmp(word[0], "put") == 0 && word[3])
		put(word[1], word[2], word[3]);
	else if (word[1] && strcmp(word[0], "burst") == 0)
		burst(strtoul(word[1], NULL, 10));
	else if (word[1] && strcmp(word[0], "find") == 0)
		find(word[1]);
	else if (word[1] && strcmp(word[0], "count") == 0)
		printf("%llu\n", (unsigned long long)number(word[1]));
	else
		errx(2, "not understood: %s", word[0] ? word[0] : "an empty line");
}

static void on_input(void *arg, int fd, uint32_t events)
{
	static char text[65536];
	static size_t have;
	ssize_t n = read(fd, text + have, sizeof(text) - have - 1);
	char *end;

	(void)arg;
	(void)events;
	if (n <= 0) {
		loop_stop(loop);
		return;
	}
	have += (size_t)n;
	while ((end = memchr(text, '\n', have))) {
		*end++ = 0;
		obey(text);
		have -= (size_t)(end - text);
		memmove(text, end, have);
	}
	fflush(stdout);
}

/* What the intake thread does once per batch. */
static void on_turn(void *arg)
{
	(void)arg;
	tell_turn(tell, loop_now_ns());
	loop_after(loop, 10, on_turn, NULL);
}

static void sandbox(char *secret_file)
{
	struct policy_collector_needs needs = {.read = {dirname(secret_file)}};
	struct policy_report report = {0};

	if (policy_enter_collector(&needs, false, &report))
		errx(1, "%s", report.error);
}

int main(int argc, char **argv)
{
	struct tell_net_options options = {0};

	if (argc < 5)
		errx(2, "usage: teller LISTEN SECRET-FILE BYTES-PER-SECOND ENDPOINT...");
	options.listen = argv[1];
	options.secret_file = argv[2];
	options.bytes_per_second = strtoull(argv[3], NULL, 10);
	options.endpoints = (const char *const *)argv + 4;
	options.endpoints_n = (size_t)argc - 4;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	loop = loop_new();
	if (!loop || tell_new(&tell, TELL_TABLE_DEFAULT) ||
	    tell_net_start(&net, loop, tell, &options))
		return 1;
	sandbox(strdup(argv[2]));
	loop_watch(loop, STDIN_FILENO, EPOLLIN, on_input, NULL);
	loop_after(loop, 0, on_turn, NULL);
	loop_run(loop);
	tell_net_stop(net);
	tell_free(tell);
	loop_free(loop);
	return 0;
}
