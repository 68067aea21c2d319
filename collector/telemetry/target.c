/* SPDX-License-Identifier: Apache-2.0 */
#include "target.h"

#include "../service/siphash.h"
#include "labels.h"
#include "telemetry.h"

#include <errno.h>
#include <stdlib.h>

#define TABLE_SIZE 4096 /* chains; a power of two */

/* Remembers which target a resource has, so that an exchange costs a pointer comparison. */
struct binding {
	struct grace_head head;
	struct binding *next;
	struct resource *resource;
	struct target *target;
	uint64_t last_ns;
};

int targets_init(struct targets *targets, struct grace *grace, unsigned int max, bool kubernetes)
{
	targets->grace = grace;
	targets->kubernetes = kubernetes;
	targets->by_labels = calloc(TABLE_SIZE, sizeof(*targets->by_labels));
	targets->by_resource = calloc(TABLE_SIZE, sizeof(*targets->by_resource));
	if (!targets->by_labels || !targets->by_resource)
		return -ENOMEM;
	return slots_init(&targets->slots, max);
}

/* ---- what a resource looks like ---- */

static bool is_k8s(enum resource_attr attr)
{
	return attr >= RES_K8S_NAMESPACE && attr <= RES_K8S_KIND;
}

/* A container is named by its pod where there is one: its id would change at each restart. */
static bool is_container(enum resource_attr attr)
{
	return attr == RES_CONTAINER_ID || attr == RES_CONTAINER_NAME;
}

static bool in_pod(const struct targets *targets, const struct resource *resource)
{
	return targets->kubernetes && resource->attr[RES_K8S_POD][0];
}

static bool on_target(const struct targets *targets, const struct resource *resource,
		      enum resource_attr attr)
{
	if (is_k8s(attr))
		return targets->kubernetes;
	return !is_container(attr) || !in_pod(targets, resource);
}

static bool on_series(const struct targets *targets, const struct resource *resource,
		      enum resource_attr attr)
{
	if (attr == RES_SERVICE_VERSION || attr == RES_CONTAINER_ID || attr == RES_HOST_NAME)
		return false;
	return on_target(targets, resource, attr);
}

static void put_series_labels(const struct targets *targets, const struct resource *resource,
			      struct labels *labels)
{
	labels_init(labels);
	for (int i = 0; i < RES_COUNT; i++) {
		if (on_series(targets, resource, i))
			labels_put(labels, resource_prom_label[i], slice_of(resource->attr[i]));
	}
}

static void put_info_labels(const struct targets *targets, const struct resource *resource,
			    struct labels *labels)
{
	labels_init(labels);
	for (int i = 0; i < RES_COUNT; i++) {
		if (on_target(targets, resource, i))
			labels_put(labels, resource_prom_label[i], slice_of(resource->attr[i]));
	}
	labels_put(labels, "telemetry_sdk_name", slice_of("keyhole"));
	labels_put(labels, "telemetry_sdk_version", slice_of(KEYHOLE_VERSION));
	labels_put(labels, "source", slice_of("keyhole"));
	labels_put(labels, "os_type", slice_of("linux"));
}

static uint64_t identity_of(const struct resource *resource)
{
	uint64_t pair[2];
	const char *job = resource->attr[RES_JOB], *instance = resource->attr[RES_INSTANCE];

	pair[0] = siphash(siphash_process_key(), job, strlen(job));
	pair[1] = siphash(siphash_process_key(), instance, strlen(instance));
	return siphash(siphash_process_key(), pair, sizeof(pair));
}

/* ---- one target_info per job and instance ---- */

static void show_only(struct targets *targets, struct target *shown)
{
	uint32_t end = slots_end(&targets->slots);

	for (uint32_t i = 0; i < end; i++) {
		struct target *other = slots_get(&targets->slots, i);

		if (other && other->identity == shown->identity)
			atomic_store_explicit(&other->shown, other == shown, memory_order_relaxed);
	}
}

static void show_newest(struct targets *targets, uint64_t identity)
{
	uint32_t end = slots_end(&targets->slots);
	struct target *newest = NULL;

	for (uint32_t i = 0; i < end; i++) {
		struct target *other = slots_get(&targets->slots, i);

		if (other && other->identity == identity &&
		    (!newest || other->order > newest->order))
			newest = other;
	}
	if (newest)
		show_only(targets, newest);
}

/* Keeps the old text if there is no memory for the new one. */
static void set_info(struct targets *targets, struct target *target,
		     const struct resource *resource)
{
	struct target_info *old = atomic_load(&target->info), *info;
	struct labels labels;

	put_info_labels(targets, resource, &labels);
	if (old && slice_same((struct slice){old->labels, old->n}, labels_slice(&labels)))
		return;
	info = grace_alloc(targets->grace, sizeof(*info) + labels.n);
	if (!info)
		return;
	info->n = labels.n;
	memcpy(info->labels, labels.text, labels.n);
	atomic_store(&target->info, info);
	grace_retire(targets->grace, old);
}

/* ---- life ---- */

static struct target *find_labels(struct targets *targets, uint64_t hash, struct slice labels)
{
	struct target *target = targets->by_labels[hash % TABLE_SIZE];

	while (target && !(target->hash == hash &&
			   slice_same((struct slice){target->labels, target->n}, labels)))
		target = target->next;
	return target;
}

static struct target *new_target(struct targets *targets, uint64_t hash, struct slice labels,
				 uint64_t identity)
{
	struct target *target = grace_alloc(targets->grace, sizeof(*target) + labels.n);
	int slot;

	if (!target)
		return NULL;
	target->hash = hash;
	target->identity = identity;
	target->n = labels.n;
	memcpy(target->labels, labels.p, labels.n);
	slot = slots_put(&targets->slots, target);
	if (slot < 0) {
		grace_retire(targets->grace, target);
		return NULL;
	}
	target->slot = (uint32_t)slot;
	target->next = targets->by_labels[hash % TABLE_SIZE];
	targets->by_labels[hash % TABLE_SIZE] = target;
	return target;
}

static void drop_target(struct targets *targets, struct target *target)
{
	struct target **link = &targets->by_labels[target->hash % TABLE_SIZE];

	while (*link != target)
		link = &(*link)->next;
	*link = target->next;
	slots_take(&targets->slots, target->slot);
	if (atomic_load_explicit(&target->shown, memory_order_relaxed))
		show_newest(targets, target->identity);
	grace_retire(targets->grace, atomic_load(&target->info));
	grace_retire(targets->grace, target);
}

void target_use(struct target *target)
{
	target->uses++;
}

void target_unuse(struct targets *targets, struct target *target)
{
	if (--target->uses == 0)
		drop_target(targets, target);
}

static struct target *resolve(struct targets *targets, const struct resource *resource)
{
	struct target *target;
	struct labels labels;
	uint64_t hash;

	put_series_labels(targets, resource, &labels);
	hash = siphash(siphash_process_key(), labels.text, labels.n);
	target = find_labels(targets, hash, labels_slice(&labels));
	if (!target)
		target = new_target(targets, hash, labels_slice(&labels), identity_of(resource));
	if (!target)
		return NULL;
	target->order = targets->next_order++;
	set_info(targets, target, resource);
	show_only(targets, target);
	return target;
}

static struct binding **chain_of(struct targets *targets, const struct resource *resource)
{
	uint64_t mixed = (uintptr_t)resource * 0x9e3779b97f4a7c15u;

	return &targets->by_resource[mixed >> 32 & (TABLE_SIZE - 1)];
}

static struct binding *bind(struct targets *targets, struct resource *resource)
{
	struct binding **chain = chain_of(targets, resource), *binding;
	struct target *target;

	if (targets->bindings == TELEMETRY_RESOURCES_MAX)
		return NULL;
	binding = grace_alloc(targets->grace, sizeof(*binding));
	if (!binding)
		return NULL;
	target = resolve(targets, resource);
	if (!target) {
		grace_retire(targets->grace, binding);
		return NULL;
	}
	target_use(target);
	binding->target = target;
	binding->resource = resource_ref(resource); /* so that the pointer stays its own */
	binding->next = *chain;
	*chain = binding;
	targets->bindings++;
	return binding;
}

static void unbind(struct targets *targets, struct binding **link)
{
	struct binding *binding = *link;

	*link = binding->next;
	targets->bindings--;
	resource_unref(binding->resource);
	target_unuse(targets, binding->target);
	grace_retire(targets->grace, binding);
}

struct target *targets_find(struct targets *targets, struct resource *resource, uint64_t now_ns)
{
	struct binding *binding = *chain_of(targets, resource);

	while (binding && binding->resource != resource)
		binding = binding->next;
	if (!binding)
		binding = bind(targets, resource);
	if (!binding)
		return NULL;
	binding->last_ns = now_ns;
	return binding->target;
}

void targets_expire(struct targets *targets, uint64_t before_ns)
{
	for (int i = 0; i < TELEMETRY_EXPIRE_STEP; i++) {
		struct binding **link = &targets->by_resource[targets->cursor];

		while (*link) {
			if ((*link)->last_ns < before_ns)
				unbind(targets, link);
			else
				link = &(*link)->next;
		}
		targets->cursor = (targets->cursor + 1) % TABLE_SIZE;
	}
}

void targets_close(struct targets *targets)
{
	for (unsigned int i = 0; targets->by_resource && i < TABLE_SIZE; i++) {
		while (targets->by_resource[i])
			unbind(targets, &targets->by_resource[i]);
	}
	free(targets->by_labels);
	free(targets->by_resource);
	slots_close(&targets->slots);
}
