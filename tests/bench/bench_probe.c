/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-probe tracepoint|fexit  attaches programs that do nothing, where Keyhole's stand
 * bench-probe stats             has the kernel measure the run time of all BPF programs
 *
 * Says `ready`, and goes on until it is killed. The kernel's figures are in the fdinfo of whoever
 * holds a program.
 */
#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "empty.skel.h"

static int attach(const char *backend)
{
	struct empty *empty = empty__open();
	bool fexit = strcmp(backend, "fexit") == 0;

	if (!empty)
		return -1;
	bpf_program__set_autoload(empty->progs.tp_send, !fexit);
	bpf_program__set_autoload(empty->progs.tp_recv, !fexit);
	bpf_program__set_autoload(empty->progs.fx_send, fexit);
	bpf_program__set_autoload(empty->progs.fx_recv, fexit);
	bpf_program__set_autoload(empty->progs.fx_early, fexit);
	return empty__load(empty) || empty__attach(empty) ? -1 : 0;
}

int main(int argc, char **argv)
{
	if (argc != 2 || (strcmp(argv[1], "stats") && strcmp(argv[1], "tracepoint") &&
			  strcmp(argv[1], "fexit"))) {
		fprintf(stderr, "usage: bench-probe stats|tracepoint|fexit\n");
		return 2;
	}
	if (strcmp(argv[1], "stats") ? attach(argv[1]) < 0
				     : bpf_enable_stats(BPF_STATS_RUN_TIME) < 0) {
		perror(argv[1]);
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
