/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure [BACKEND [LOADER-OPTION...]]
 *
 * Loads Keyhole's programs as the loader would for BACKEND (default: each that this kernel has)
 * and says what the verifier had to do for them. Attaches nothing. Lines:
 *
 *   built COMPILER ARCHITECTURE
 *   without BACKEND REASON                    this kernel has not got it
 *   BACKEND PROGRAM INSNS PROCESSED TOTAL PEAK
 *
 * INSNS are the program's instructions with the functions that it calls, PROCESSED those that the
 * verifier walked through, TOTAL and PEAK the states that it made and kept. Exit status 77: this
 * kernel runs none; 2: wrong usage; 1: a program does not load.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/events.h"
#include "keyhole.skel.h"
#include "loader/backend.h"
#include "loader/options.h"
#include "loader/programs.h"
#include "task_iter.skel.h"

/* The kernel's BPF_LOG_STATS: totals, no line per instruction. It writes more meanwhile, and takes
 * that back: the iterator's 159 bytes do not load with 4 KiB on 6.18. */
#define LOG_STATS 4
#define LOG_SIZE (256 << 10)

#define PROGRAMS_MAX 64
#define CANNOT 77

static char logs[PROGRAMS_MAX][LOG_SIZE];
static char complaint[256]; /* libbpf's first */

__attribute__((format(printf, 2, 0)))
static int note_complaint(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && !complaint[0]) {
		vsnprintf(complaint, sizeof(complaint), format, args);
		complaint[strcspn(complaint, "\n")] = 0;
	}
	return 0;
}

/* ---- one object ---- */

static int ask_for_stats(struct bpf_object *obj)
{
	struct bpf_program *prog = NULL;
	size_t n = 0;
	int r = 0;

	while ((prog = bpf_object__next_program(obj, prog))) {
		if (n == PROGRAMS_MAX)
			return -E2BIG;
		logs[n][0] = 0;
		if (!r)
			r = bpf_program__set_log_level(prog, LOG_STATS);
		if (!r)
			r = bpf_program__set_log_buf(prog, logs[n++], LOG_SIZE);
	}
	return r;
}

/*
 * After the load. Programs that the loader would not load have no line. The totals are a line of
 * their own: Linux 7.2 also has `insns processed A+B+C`, for each function.
 */
static int print_stats(struct bpf_object *obj, const char *backend)
{
	struct bpf_program *prog = NULL;
	size_t n = 0;

	while ((prog = bpf_object__next_program(obj, prog))) {
		const char *name = bpf_program__name(prog),
			   *stats = strstr(logs[n++], "\nprocessed ");
		unsigned int processed, total, peak;

		if (!bpf_program__autoload(prog))
			continue;
		if (!stats || sscanf(stats,
				     "\nprocessed %u insns (limit %*u) max_states_per_insn %*u "
				     "total_states %u peak_states %u",
				     &processed, &total, &peak) != 3) {
			snprintf(complaint, sizeof(complaint),
				 "%s: the verifier's log has no totals as they are known", name);
			return -EPROTO;
		}
		printf("%s %s %zu %u %u %u\n", backend, name, bpf_program__insn_cnt(prog),
		       processed, total, peak);
	}
	return 0;
}

/* ---- one backend ---- */

static int measure_iter(const struct keyhole *s, const char *backend)
{
	struct task_iter *iter = task_iter__open();
	int r;

	if (!iter)
		return -errno;
	r = programs_share(iter, s);
	if (!r)
		r = ask_for_stats(iter->obj);
	if (!r)
		r = task_iter__load(iter);
	if (!r)
		r = print_stats(iter->obj, backend);
	task_iter__destroy(iter);
	return r;
}

static int measure(const struct programs_backend *backend, const struct kernel *k,
		   const struct options *o)
{
	int cpus = libbpf_num_possible_cpus(), r;
	struct keyhole *s;

	if (cpus < 1)
		return cpus;
	s = keyhole__open();
	if (!s)
		return -errno;
	programs_choose(s, k, backend->tp, backend->fx);
	r = programs_configure(s, o, (unsigned int)cpus);
	if (!r)
		r = ask_for_stats(s->obj);
	if (!r)
		r = keyhole__load(s);
	if (!r)
		r = print_stats(s->obj, backend->name);
	if (!r && k->task_iter)
		r = measure_iter(s, backend->name);
	keyhole__destroy(s);
	return r;
}

/* Says so where the kernel has not got it. Returns 0, CANNOT or 1. */
static int try(const struct programs_backend *backend, const struct kernel *k,
	       const struct options *o)
{
	const char *missing = backend->tp && k->no_tracepoint[0] ? k->no_tracepoint
			      : backend->fx                      ? k->no_fexit
								 : "";
	int r;

	if (missing[0]) {
		printf("without %s %s\n", backend->name, missing);
		return CANNOT;
	}
	r = measure(backend, k, o);
	if (r == 0)
		return 0;
	fprintf(stderr, "measure: backend %s does not load on Linux %s: %s (%s)\n", backend->name,
		k->release, complaint[0] ? complaint : "no further word from libbpf", strerror(-r));
	return 1;
}

/* ---- command line ---- */

static int usage(const char *why, const char *what)
{
	fprintf(stderr,
		"measure: %s%s; usage: measure [tracepoint+fexit|tracepoint|fexit "
		"[LOADER-OPTION...]]\n",
		what, why);
	return 2;
}

static bool known(const char *name)
{
	size_t i;

	for (i = 0; i < PROGRAMS_BACKENDS; i++)
		if (strcmp(programs_backends[i].name, name) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	struct options o;
	struct kernel k;
	int r = CANNOT;
	size_t i;

	if (only && !known(only))
		return usage(": no such backend", only);
	if (options_parse(&o, only ? argc - 1 : argc, only ? argv + 1 : argv))
		return 2;
	if (o.backend != BACKEND_AUTO || o.help || o.version || o.check)
		return usage("only options of what is loaded make sense here", "");
	backend_probe(&k);
	if (k.no_btf[0] || k.no_bpf[0]) {
		fprintf(stderr, "measure: %s\n", k.no_btf[0] ? k.no_btf : k.no_bpf);
		return CANNOT;
	}
	libbpf_set_print(note_complaint);
	printf("built %s\n", MEASURE_BUILT);
	for (i = 0; i < PROGRAMS_BACKENDS; i++) {
		int one;

		if (only && strcmp(programs_backends[i].name, only) != 0)
			continue;
		one = try(&programs_backends[i], &k, &o);
		if (one == 1)
			return 1;
		if (one == 0)
			r = 0;
	}
	return r;
}
