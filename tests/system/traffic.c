/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traffic --list
 * traffic SCENARIO [--port P] [--requests N] [--ipv6|--mapped] [--hold] [--role client|server]
 *
 * Plays one scenario over loopback and prints one line of JSON: what was done, counted by the
 * side(s) played. Bodies are counted as on the wire, chunk sizes included. With both sides (the
 * default) the two counts are compared and a difference is an error. --hold opens the first
 * connection, prints "ready" and waits for a line on standard input before the first request.
 * Exit status 77, with the reason on standard error: this kernel refuses what the scenario needs.
 */
#include "traffic.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void report(const struct run *run)
{
	static const char *const families[] = {"ipv4", "ipv6", "mapped"};
	static const char *const roles[] = {"both", "client", "server"};
	const struct scenario *s = run->scenario;
	const struct tally *t = run->role == SERVER ? run->server : run->client;
	char target[64];

	printf("{\"scenario\":\"%s\",\"role\":\"%s\",\"family\":\"%s\",\"server_port\":%u,"
	       "\"client_pid\":%d,\"server_pid\":%d,\"connections\":%u,",
	       s->name, roles[run->role], families[run->family], run->port,
	       run->role == SERVER ? 0 : getpid(), run->server_pid, t->connections);
	printf("\"requests\":%u,\"responses\":%u,\"request_bytes\":%zu,\"response_bytes\":%zu,"
	       "\"request_body_bytes\":%zu,\"response_body_bytes\":%zu,\"other_bytes\":%zu,"
	       "\"eagain\":%u,\"methods\":{",
	       t->requests, t->responses, t->request_bytes, t->response_bytes, t->request_body,
	       t->response_body, t->other_bytes, run->client->eagain + run->server->eagain);
	if (t->requests)
		printf("\"%s\":%u", s->method ? s->method : "GET", t->requests);
	printf("},\"statuses\":{");
	if (t->responses)
		printf("\"%u\":%u", s->status ? s->status : 200, t->responses);
	printf("},\"paths\":[");
	for (unsigned i = 1; i <= t->requests; i++) {
		scenario_target(s, i, target, sizeof(target));
		printf("%s\"%s\"", i > 1 ? "," : "", target);
	}
	printf("]}\n");
}

static void plan(struct run *run, unsigned requests)
{
	const struct scenario *s = run->scenario;
	unsigned unit = s->model == THREADS  ? 2
			: s->model == MANY   ? ROUNDS
			: s->flags & BATCHED ? BATCH
					     : 1;

	if (!requests)
		requests = s->requests ? s->requests : REQUESTS;
	if (s->flags & NOT_HTTP)
		requests = 1; /* connection; no request is made on it */
	run->requests = (requests + unit - 1) / unit * unit;
	run->connections = s->model == THREADS ? 2
			   : s->model == MANY  ? run->requests / ROUNDS
			   : s->flags & FRESH  ? run->requests
					       : 1;
}

static void usage(void)
{
	die("usage: traffic --list | traffic SCENARIO [--port P] [--requests N] [--ipv6|--mapped]"
	    " [--hold] [--role client|server]");
}

static unsigned number(const char *text, unsigned max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || n == 0 || n > max)
		die("'%s' is no number from 1 to %u", text, max);
	return n;
}

static enum role role_of(const char *text)
{
	if (strcmp(text, "client") == 0)
		return CLIENT;
	if (strcmp(text, "server") == 0)
		return SERVER;
	die("'%s' is no role: client or server", text);
}

static void list(void)
{
	for (const struct scenario *s = scenarios; s->name; s++)
		printf("%-16s %s\n", s->name, s->about);
}

static void skip_if_missing(const struct scenario *s)
{
	const char *why = uring_missing(s);

	if (!why)
		return;
	fprintf(stderr, "traffic: %s: %s\n", s->name, why);
	exit(77);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"list", no_argument, NULL, 'l'},           {"port", required_argument, NULL, 'p'},
		{"requests", required_argument, NULL, 'n'}, {"ipv6", no_argument, NULL, '6'},
		{"mapped", no_argument, NULL, 'm'},         {"hold", no_argument, NULL, 'h'},
		{"role", required_argument, NULL, 'r'},     {0},
	};
	struct run run = {.listener = -1};
	unsigned requests = 0;

	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (o) {
		case 'l':
			list();
			return 0;
		case 'p':
			run.port = number(optarg, 65535);
			break;
		case 'n':
			requests = number(optarg, 1000000);
			break;
		case '6':
			run.family = IPV6;
			break;
		case 'm':
			run.family = MAPPED;
			break;
		case 'h':
			run.hold = true;
			break;
		case 'r':
			run.role = role_of(optarg);
			break;
		default:
			usage();
		}
	}
	if (optind != argc - 1)
		usage();
	run.scenario = scenario_find(argv[optind]);
	if (!run.scenario)
		die("no scenario '%s': traffic --list names them", argv[optind]);
	if (run.role == CLIENT && !run.port)
		die("--role client needs the server's --port");
	if (run.role != BOTH && run.scenario->flags & TOGETHER)
		die("%s needs both sides in one run", run.scenario->name);
	skip_if_missing(run.scenario);
	plan(&run, requests);
	run_play(&run);
	report(&run);
	return 0;
}
