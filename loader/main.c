/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyhole-loader: the only process of Keyhole that holds a privilege, and only until its programs
 * are attached. It never reads a byte that a workload or the network wrote.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "check.h"
#include "options.h"
#include "policy/capability.h"
#include "policy/process.h"
#include "policy/sandbox.h"
#include "say.h"
#include "serve.h"
#include "bpf/events.h"

static volatile int stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

/* No SA_RESTART: poll(2) must come back. */
static void catch_signals(void)
{
	struct sigaction act = {.sa_handler = on_signal};

	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Exactly the two capabilities, or nothing. */
static int take_privileges(void)
{
	struct policy_report report = {0};

	if (policy_caps_check(&report) || policy_caps_keep_only(&report)) {
		say("%s", report.error);
		return -1;
	}
	if (report.note[0])
		say("%s", report.note);
	return 0;
}

static int listen_at(const char *path)
{
	int sock = handover_listen(path);

	if (sock == -EEXIST)
		say("--socket=%s: exists and is no socket; remove it or name another path", path);
	else if (sock == -EADDRINUSE)
		say("--socket=%s: another process listens there; stop it or name another path",
		    path);
	else if (sock < 0)
		say("--socket=%s: %s; its directory must exist and be writable", path,
		    strerror(-sock));
	return sock;
}

/* What is in force is part of the offer: the collector exports it. */
static int enter_sandbox(const struct options *o, struct handover_offer *offer)
{
	struct policy_report report = {.may_lack = o->may_lack};
	char line[1024];

	if (policy_enter_loader(o->no_sandbox, &report)) {
		say("%s", report.error);
		return -1;
	}
	say("sandbox: %s", policy_report_line(&report, line, sizeof(line)));
	offer->sandbox = policy_parts_on(&report);
	if (o->no_sandbox)
		say("--no-sandbox: no seccomp filter is in force; use this for debugging only");
	return 0;
}

static int run(const struct options *o)
{
	struct handover_offer offer;
	int fds[HANDOVER_FDS], sock, notify, r;
	struct backend *backend;
	struct kernel kernel;

	if (take_privileges())
		return 1;
	backend_probe(&kernel);
	if (kernel.no_btf[0] || kernel.no_bpf[0]) {
		say("%s", kernel.no_btf[0] ? kernel.no_btf : kernel.no_bpf);
		return 1;
	}
	backend = backend_start(&kernel, o);
	if (!backend) {
		char choice[64], reason[2 * BACKEND_REASON + 64];

		if (!backend_choose(&kernel, o->backend, choice, sizeof(choice), reason,
				    sizeof(reason)))
			say("no backend runs on Linux %s: %s", kernel.release, reason);
		return 1;
	}
	/* only now: a collector that finds the socket gets an answer at once */
	sock = listen_at(o->socket);
	if (sock < 0) {
		backend_stop(backend);
		return 1;
	}
	backend_offer(backend, &offer, fds);
	say("version %s, Linux %s, backend %s%s%s%s%s, running processes: %s, socket %s",
	    KEYHOLE_VERSION, kernel.release, offer.backend,
	    kernel.no_tracepoint[0] ? "; tracepoint not: " : "", kernel.no_tracepoint,
	    kernel.no_fexit[0] ? "; fexit not: " : "", kernel.no_fexit, offer.snapshot, o->socket);
	notify = serve_notify_open();
	if (enter_sandbox(o, &offer))
		return 1;
	serve_notify(notify);
	backend_settle(backend);
	r = -serve(sock, (uid_t)o->peer_uid, &offer, fds, &stop);
	if (r)
		say("socket %s: %s", o->socket, strerror(r));
	/* The sandbox allows no unlink and no bpf(2): the next loader replaces the stale socket,
	 * and the kernel takes everything down when the descriptors go. */
	return r != 0;
}

int main(int argc, char **argv)
{
	struct options o;

	policy_close_inherited();
	if (options_parse(&o, argc, argv))
		return 2;
	if (o.help) {
		options_help();
		return 0;
	}
	if (o.version) {
		printf("keyhole-loader %s (ABI %u)\n", KEYHOLE_VERSION, KH_ABI_VERSION);
		return 0;
	}
	if (o.check)
		return check(&o);
	catch_signals();
	return run(&o);
}
