/* SPDX-License-Identifier: Apache-2.0 */
#include "workloads.h"

#include "language.h"
#include "pod_subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct workloads {
	struct workloads_options o;
	struct keyed table;
	struct workload *list;
	uint64_t unnamed;
	char own_pod[sizeof(((struct cgroup_identity *)0)->pod)];
	uint32_t edition; /* of the rules */
};

struct workloads *workloads_new(const struct workloads_options *options)
{
	struct workloads *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->o = *options;
	w->list = calloc(WORKLOADS_MAX, sizeof(*w->list));
	if (!w->list || keyed_init(&w->table, WORKLOADS_MAX)) {
		workloads_free(w);
		return NULL;
	}
	return w;
}

void workloads_follow(struct workloads *w, const struct workloads_options *options)
{
	w->o = *options;
	w->edition++;
}

void workloads_free(struct workloads *w)
{
	size_t i;

	if (!w)
		return;
	for (i = 0; w->list && i < WORKLOADS_MAX; i++)
		if (w->list[i].resource)
			resource_unref(w->list[i].resource);
	keyed_free(&w->table);
	free(w->list);
	free(w);
}

/* ---- what is known of one workload ---- */

struct facts {
	const struct known_cgroup *cgroup;
	const struct known_process *process;
	const struct kube_pod *pod;
	const struct kube_container *container;
	bool expected; /* more may still come */
};

/* The kubelet's own container: inside a pod's container others may run. */
static const char *container_id(const struct known_cgroup *c)
{
	return c->id.pod_container[0] ? c->id.pod_container : c->id.container;
}

static void find_pod(const struct workloads *w, const struct kube_pods *pods, struct facts *f)
{
	const char *id = container_id(f->cgroup);

	if (f->cgroup->id.pod[0])
		f->pod = kube_pods_by_uid(pods, slice_of(f->cgroup->id.pod));
	if (id[0]) {
		const struct kube_container *container = NULL;
		const struct kube_pod *by_id =
			kube_pods_by_container(pods, slice_of(id), &container);

		/* an id that belongs to another pod than the path says names nobody */
		if (by_id && (!f->cgroup->id.pod[0] || f->pod == by_id)) {
			f->pod = by_id;
			f->container = container;
		}
	}
	/*
	 * The API learns a container's id a second after it started. A pod's sandbox has an id that
	 * it never learns; it speaks no HTTP, so waiting for it costs nothing.
	 */
	f->expected = f->cgroup->id.pod[0] ? !f->container : !f->pod && !kube_pods_synced(pods);
}

static void gather(struct workloads *w, const struct kube_pods *pods, uint64_t cgroup,
		   uint32_t tgid, struct facts *f)
{
	memset(f, 0, sizeof(*f));
	f->cgroup = known_cgroup(w->o.known, cgroup);
	f->process = known_process(w->o.known, tgid);
	if (!f->cgroup) {
		f->expected = true; /* its record was lost, or belongs to a collector before us */
		return;
	}
	if (pods && f->cgroup->in_container)
		find_pod(w, pods, f);
}

/* ---- questions to service/ ---- */

static const char *pod_label(const void *pod, const char *key)
{
	return kube_pod_label(pod, key);
}

static const char *pod_annotation(const void *pod, const char *key)
{
	return kube_pod_annotation(pod, key);
}

static void process_of(const struct known_process *p, struct selector_subject *s)
{
	s->text[SELECTOR_EXE_PATH] = p->exe;
	s->text[SELECTOR_CMD_ARGS] = p->args;
	s->text[SELECTOR_LANGUAGES] = language_of(p->exe);
	s->ports = p->ports;
	s->port_count = p->port_count;
	s->pid = p->tgid;
}

/* The pod's part, and the container's; the process' is added by process_of(). */
static void subject_of(const struct workloads *w, const struct facts *f, bool final,
		       struct selector_subject *s)
{
	memset(s, 0, sizeof(*s));
	s->metadata = SELECTOR_METADATA_NONE;
	s->in_container = f->cgroup && f->cgroup->in_container;
	if (f->expected && w->o.store && !final)
		s->metadata = SELECTOR_METADATA_PENDING;
	if (f->pod)
		pod_subject(f->pod, f->container, s);
}

static void pod_of(const struct kube_pod *pod, char *start, struct resolve_pod *p)
{
	*p = (struct resolve_pod){
		.name = pod->name,
		.uid = pod->uid,
		.space = pod->namespace,
		.node = pod->node,
		.start_time = kube_pod_start_text(pod, start),
		.deployment = pod->workload[KUBE_DEPLOYMENT],
		.replicaset = pod->workload[KUBE_REPLICASET],
		.daemonset = pod->workload[KUBE_DAEMONSET],
		.statefulset = pod->workload[KUBE_STATEFULSET],
		.job = pod->workload[KUBE_JOB],
		.cronjob = pod->workload[KUBE_CRONJOB],
		.owner_name = pod->owner_name,
		.owner_kind = pod->owner_kind,
		.label = pod_label,
		.annotation = pod_annotation,
		.pod = pod,
	};
}

static struct resource *name_it(const struct workloads *w, const struct facts *f, const char *name,
				const char *space)
{
	char start[KUBE_START_TEXT_MAX];
	struct resolve_pod pod;
	struct resolve_input in = {.entry_name = name, .entry_namespace = space};

	if (f->process) {
		in.exe = f->process->exe;
		in.comm = f->process->comm;
		/* clients come and go: each would be an instance, with series of its own */
		in.pid = f->process->listens ? f->process->tgid : 0;
	}
	if (f->cgroup) {
		in.unit = f->cgroup->own_name;
		in.container_id = f->cgroup->id.container;
	}
	if (f->container) {
		in.container_name = f->container->name;
		in.image = f->container->image;
		in.otel_service_name = f->container->otel_service_name;
		in.otel_resource_attributes = f->container->otel_resource_attributes;
	}
	if (f->pod) {
		pod_of(f->pod, start, &pod);
		in.pod = &pod;
	}
	return resolve(w->o.rules, &in);
}

/* ---- the answer ---- */

static void show(struct workload *to, struct resource *resource)
{
	const char *p;

	if (to->resource)
		resource_unref(to->resource);
	to->resource = resource;
	to->state = resource ? WORKLOAD_SHOWN : WORKLOAD_HIDDEN;
	to->service = 0xcbf29ce484222325ull; /* FNV-1a: only to tell services apart */
	if (!resource)
		return;
	for (p = resource->attr[RES_SERVICE_NAME]; *p; p++)
		to->service = (to->service ^ (uint8_t)*p) * 0x100000001b3ull;
	for (p = resource->attr[RES_SERVICE_NAMESPACE]; *p; p++)
		to->service = (to->service ^ (uint8_t)*p) * 0x100000001b3ull;
}

/* family[0] is the process, behind it its parents as far as they are known. */
static enum selector_answer ask(const struct workloads *w, const struct facts *f,
				const struct selector_subject *pod, struct selector_choice *choice)
{
	struct selector_subject family[1 + KNOWN_PARENTS];
	const struct known_process *p = f->process;
	size_t i;

	family[0] = *pod;
	if (p)
		process_of(p, &family[0]);
	for (i = 1; p && i <= KNOWN_PARENTS && selector_includes(w->o.selector); i++) {
		p = known_parent(w->o.known, p);
		if (!p)
			break;
		family[i] = *pod;
		process_of(p, &family[i]);
		family[i - 1].parent = &family[i];
	}
	return selector_match(w->o.selector, &family[0], choice);
}

/* While names are expected, nothing is decided for long: the kernel would send no more. */
static void hide(const struct workloads *w, struct workload *to, const struct facts *f,
		 const struct selector_subject *pod)
{
	struct selector_subject any = *pod;

	show(to, NULL);
	if (!f->cgroup || f->expected)
		return;
	any.any_process = true;
	to->hide_cgroup = selector_match(w->o.selector, &any, NULL) == SELECTOR_NO;
	to->hide_process = f->process && f->process->start_ns;
}

/* In scope is what the configuration says: the node, or Keyhole's own pod. */
static bool in_scope(const struct workloads *w, const struct facts *f)
{
	return !w->o.own_pod ||
	       (f->cgroup && w->own_pod[0] && strcmp(f->cgroup->id.pod, w->own_pod) == 0);
}

/* What changes with the process and its parents. */
static uint32_t process_version(struct workloads *w, const struct known_process *p)
{
	uint32_t sum = 0, i;

	for (i = 0; p && i <= KNOWN_PARENTS; i++) {
		sum += p->version;
		p = selector_includes(w->o.selector) ? known_parent(w->o.known, p) : NULL;
	}
	return sum;
}

static void answer(struct workloads *w, const struct kube_pods *pods, struct workload *to,
		   uint64_t now_ns, bool must_go)
{
	struct selector_choice choice = {0};
	struct selector_subject pod;
	struct facts f;
	bool final;

	gather(w, pods, to->cgroup, to->tgid, &f);
	to->process_version = process_version(w, f.process);
	if (f.process && to->start_ns != f.process->start_ns && to->start_ns)
		to->exports = 0;
	to->start_ns = f.process ? f.process->start_ns : 0;
	to->pod_serial = f.pod ? f.pod->serial : 0;
	if (!f.cgroup && to->cgroup_known && to->state != WORKLOAD_PENDING)
		return; /* forgotten meanwhile: what was known then is better */
	final = !f.expected || to->gave_up || must_go || now_ns - to->first_ns >= w->o.wait_ns;
	to->cgroup_known = f.cgroup != NULL;
	to->hide_cgroup = to->hide_process = false;
	if (f.cgroup && !in_scope(w, &f)) {
		show(to, NULL);
		to->hide_cgroup = w->own_pod[0] != 0;
		return;
	}
	if (!final) {
		to->state = WORKLOAD_PENDING;
		return;
	}
	if (f.expected && !to->gave_up) {
		to->gave_up = true;
		w->unnamed++;
	}
	subject_of(w, &f, true, &pod);
	if (in_scope(w, &f) && ask(w, &f, &pod, &choice) == SELECTOR_YES &&
	    (!choice.silent || (w->o.traces && !choice.untraced)))
		show(to, name_it(w, &f, choice.name, choice.space));
	else
		hide(w, to, &f, &pod);
	to->routes = choice.routes;
	to->metrics = !choice.silent;
	to->left_out = choice.left_out;
	to->traces = w->o.traces && !choice.untraced;
	to->has_sampler = choice.has_sampler;
	to->sampler = choice.sampler;
}

/* Another snapshot, but of this pod it says what the one before said. */
static bool same_pod(struct workloads *w, const struct workload *it)
{
	return it->pod_serial && workloads_pod_serial(w, it->cgroup, 0) == it->pod_serial;
}

/* Looks at cgroup and process in any case: what is in use must not be the next to be forgotten. */
static bool holds(struct workloads *w, const struct workload *it, uint64_t generation)
{
	const struct known_process *p = known_process(w->o.known, it->tgid);
	const struct known_cgroup *c = known_cgroup(w->o.known, it->cgroup);

	return it->state != WORKLOAD_PENDING && it->edition == w->edition &&
	       process_version(w, p) == it->process_version && (!c || it->cgroup_known) &&
	       (it->pods_generation == generation || same_pod(w, it));
}

static uint64_t key_of(uint64_t cgroup, uint32_t tgid)
{
	return cgroup * 0x9e3779b97f4a7c15ull ^ tgid;
}

const struct workload *workloads_find(struct workloads *w, uint64_t cgroup, uint32_t tgid,
				      uint64_t now_ns, bool must_go)
{
	const struct kube_pods *pods = w->o.store ? kube_store_current(w->o.store) : NULL;
	uint64_t generation = pods ? kube_pods_generation(pods) : 0;
	uint64_t key = key_of(cgroup, tgid);
	uint32_t slot = keyed_find(&w->table, key);
	struct workload *it;

	if (slot == KEYED_NONE)
		slot = keyed_add(&w->table, key);
	it = &w->list[slot];
	if (it->cgroup != cgroup || it->tgid != tgid || !it->first_ns) {
		if (it->resource)
			resource_unref(it->resource);
		*it = (struct workload){.cgroup = cgroup, .tgid = tgid, .first_ns = now_ns};
	} else if (holds(w, it, generation)) {
		it->pods_generation = generation;
		it->last_ns = now_ns;
		return it;
	}
	answer(w, pods, it, now_ns, must_go);
	it->pods_generation = generation;
	it->edition = w->edition;
	it->last_ns = now_ns;
	return it;
}

#define FORGET_STEP 16

void workloads_forget(struct workloads *w, uint64_t now_ns)
{
	for (unsigned int i = 0; i < FORGET_STEP; i++) {
		uint32_t slot = keyed_oldest(&w->table);
		struct workload *it = slot == KEYED_NONE ? NULL : &w->list[slot];

		if (!it || it->last_ns + WORKLOADS_IDLE_NS > now_ns)
			return;
		keyed_remove(&w->table, key_of(it->cgroup, it->tgid));
		if (it->resource)
			resource_unref(it->resource);
		*it = (struct workload){0};
	}
}

void workloads_own_pod(struct workloads *w, const char *uid)
{
	snprintf(w->own_pod, sizeof(w->own_pod), "%s", uid);
}

uint64_t workloads_pod_serial(struct workloads *w, uint64_t cgroup, uint64_t was)
{
	struct facts f = {.cgroup = known_cgroup(w->o.known, cgroup)};

	if (!f.cgroup)
		return was;
	if (w->o.store && f.cgroup->in_container)
		find_pod(w, kube_store_current(w->o.store), &f);
	return f.pod ? f.pod->serial : 0;
}

uint64_t workloads_unnamed(const struct workloads *w)
{
	return w->unnamed;
}

uint64_t workloads_evicted(const struct workloads *w)
{
	return w->table.evictions;
}

size_t workloads_bytes(const struct workloads *w)
{
	return keyed_bytes(&w->table) + w->table.used * sizeof(*w->list);
}

void workloads_export(struct workloads *w, const struct workload *workload, uint8_t signals)
{
	w->list[workload - w->list].exports |= signals;
}
