/* SPDX-License-Identifier: Apache-2.0 */
/* Loading and attaching: nothing else in Keyhole leaves a program in the kernel. */
#include "backend.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/events.h"
#include "keyhole.skel.h"
#include "policy/resident.h"
#include "programs.h"
#include "say.h"
#include "task_iter.skel.h"

#define KEPT_MAX 128 /* maps, programs and links of both objects: about 50 are taken */

struct backend {
	/* libbpf's objects, until backend_settle(); `iter` is NULL where the kernel has no such */
	struct keyhole *skel;
	struct task_iter *iter;
	int kept[KEPT_MAX]; /* duplicates of all their descriptors */
	size_t kept_count;
	int fds[HANDOVER_FDS]; /* of them */
	struct handover_offer offer;
};

/* ---- libbpf's complaints: the last one is the reason when a load fails ---- */

static char complaint[BACKEND_REASON];

__attribute__((format(printf, 2, 0)))
static int note_complaint(enum libbpf_print_level level, const char *format, va_list args)
{
	size_t n;

	if (level != LIBBPF_WARN || complaint[0])
		return 0;
	vsnprintf(complaint, sizeof(complaint), format, args);
	n = strcspn(complaint, "\n");
	complaint[n] = 0;
	return 0;
}

/* ---- after the load ---- */

static int start_iter(struct backend *b)
{
	int r;

	b->iter = task_iter__open();
	if (!b->iter)
		return -errno;
	r = programs_share(b->iter, b->skel);
	if (!r)
		r = task_iter__load(b->iter);
	if (!r)
		r = task_iter__attach(b->iter);
	return r;
}

/*
 * The control page starts with capturing on, so that nothing is missed while the first collector
 * is on its way. The counters page is frozen: programs still write it, no process can.
 */
static int prepare_pages(struct keyhole *s, const struct options *o)
{
	struct kh_control *control;
	int fd = bpf_map__fd(s->maps.kh_control_page);

	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (control == MAP_FAILED)
		return -errno;
	control->generation = 1;
	control->wake_bytes = (uint32_t)KH_WAKE_BYTES(o->data_ring);
	control->enabled = 1;
	munmap(control, sizeof(*control));
	return bpf_map_freeze(bpf_map__fd(s->maps.kh_counter_page)) ? -errno : 0;
}

static uint64_t page_round(uint64_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) & ~(page - 1);
}

static void write_offer(struct backend *b, const struct kernel *k, const struct options *o,
			const char *name, unsigned int cpus)
{
	struct handover_offer *of = &b->offer;

	of->magic = HANDOVER_MAGIC;
	of->abi = KH_ABI_VERSION;
	of->status = HANDOVER_OK;
	of->cpus = cpus;
	of->data_size = o->data_ring;
	of->life_size = o->life_ring;
	of->control_size = page_round(sizeof(struct kh_control));
	of->counters_size = page_round(cpus * sizeof(struct kh_counters));
	of->request_head = (uint32_t)o->request_head;
	of->response_head = (uint32_t)o->response_head;
	of->pid = (uint32_t)getpid();
	snprintf(of->version, sizeof(of->version), "%s", KEYHOLE_VERSION);
	snprintf(of->kernel, sizeof(of->kernel), "%s", k->release);
	snprintf(of->backend, sizeof(of->backend), "%s", name);
	snprintf(of->snapshot, sizeof(of->snapshot), "%s",
		 k->no_snapshot[0] ? "unavailable" : k->task_iter ? "task iterator" : "task list");
}

/* A duplicate of `fd`, which outlives libbpf's objects; closed by exec. */
static int keep(struct backend *b, int fd)
{
	int copy;

	if (b->kept_count == KEPT_MAX)
		return -ENOBUFS;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	b->kept[b->kept_count++] = copy;
	return copy;
}

static int keep_object(struct backend *b, struct bpf_object *obj,
		       const struct bpf_object_skeleton *s)
{
	struct bpf_program *prog;
	struct bpf_map *map;
	int r = 0;

	bpf_object__for_each_map (map, obj)
		if (r >= 0 && bpf_map__fd(map) >= 0)
			r = keep(b, bpf_map__fd(map));
	bpf_object__for_each_program (prog, obj)
		if (r >= 0 && bpf_program__fd(prog) >= 0)
			r = keep(b, bpf_program__fd(prog));
	for (int i = 0; r >= 0 && i < s->prog_cnt; i++)
		if (*s->progs[i].link)
			r = keep(b, bpf_link__fd(*s->progs[i].link));
	return r < 0 ? r : 0;
}

/* All that the kernel made, so that it lives without libbpf; what is handed over by its place. */
static int keep_all(struct backend *b)
{
	const int maps[HANDOVER_FDS] = {
		[HANDOVER_DATA] = bpf_map__fd(b->skel->maps.kh_data),
		[HANDOVER_LIFE] = bpf_map__fd(b->skel->maps.kh_life),
		[HANDOVER_CONTROL] = bpf_map__fd(b->skel->maps.kh_control_page),
		[HANDOVER_COUNTERS] = bpf_map__fd(b->skel->maps.kh_counter_page),
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < HANDOVER_FDS; i++)
		r = b->fds[i] = keep(b, maps[i]);
	if (r >= 0)
		r = keep_object(b, b->skel->obj, b->skel->skeleton);
	if (r >= 0 && b->iter)
		r = keep_object(b, b->iter->obj, b->iter->skeleton);
	return r < 0 ? r : 0;
}

static void destroy(struct backend *b)
{
	task_iter__destroy(b->iter);
	keyhole__destroy(b->skel);
	b->iter = NULL;
	b->skel = NULL;
}

static void close_kept(struct backend *b)
{
	while (b->kept_count)
		close(b->kept[--b->kept_count]);
}

static int start(struct backend *b, const struct kernel *k, const struct options *o, bool tp, bool fx,
		 const char *name)
{
	int cpus = libbpf_num_possible_cpus(), r;

	if (cpus < 1 || cpus > KH_CPUS_MAX)
		return -E2BIG;
	complaint[0] = 0;
	b->skel = keyhole__open();
	if (!b->skel)
		return -errno;
	r = programs_choose(b->skel, k, tp, fx);
	if (!r)
		r = programs_configure(b->skel, o, (unsigned int)cpus);
	if (!r)
		r = keyhole__load(b->skel);
	if (!r)
		r = prepare_pages(b->skel, o);
	if (!r && k->task_iter)
		r = start_iter(b);
	if (!r)
		r = keyhole__attach(b->skel);
	if (!r)
		r = keep_all(b);
	if (r) {
		close_kept(b);
		destroy(b);
		return r;
	}
	write_offer(b, k, o, name, (unsigned int)cpus);
	return 0;
}

struct backend *backend_start(const struct kernel *k, const struct options *o)
{
	bool can_tp = !k->no_tracepoint[0] && o->backend != BACKEND_FEXIT;
	bool can_fx = !k->no_fexit[0] && o->backend != BACKEND_TRACEPOINT;
	struct backend *b = calloc(1, sizeof(*b));
	size_t i;

	if (!b)
		return NULL;
	libbpf_set_print(note_complaint);
	for (i = 0; i < PROGRAMS_BACKENDS; i++) {
		const struct programs_backend *p = &programs_backends[i];
		int r;

		if ((p->tp && !can_tp) || (p->fx && !can_fx))
			continue;
		r = start(b, k, o, p->tp, p->fx, p->name);
		if (r == 0)
			return b;
		say("backend %s does not run on Linux %s: %s (%s)", p->name, k->release,
		    complaint[0] ? complaint : "no further word from libbpf", strerror(-r));
	}
	free(b);
	return NULL;
}

void backend_stop(struct backend *b)
{
	if (!b)
		return;
	close_kept(b);
	destroy(b);
	free(b);
}

void backend_settle(struct backend *b)
{
	destroy(b);
	policy_give_back();
}

void backend_offer(const struct backend *b, struct handover_offer *offer, int fds[HANDOVER_FDS])
{
	*offer = b->offer;
	memcpy(fds, b->fds, sizeof(b->fds));
}
