/* SPDX-License-Identifier: Apache-2.0 */
#include "target.h"

#include "../service/siphash.h"
#include "labels.h"
#include "telemetry.h"

#include <errno.h>
#include <stdlib.h>

#define TABLE_SIZE 4096 /* chains; a power of two */

/* Remembers what a resource looks like, so that an exchange costs a comparison. */
struct binding {
	struct grace_head head;
	struct binding *next;
	struct resource *resource;
	struct info_claim claim;
	uint64_t last_ns;
	struct target *target[TARGET_LOOKS_MAX];
};

int targets_init(struct targets *targets, unsigned int max)
{
	targets->by_labels = calloc(TABLE_SIZE, sizeof(*targets->by_labels));
	targets->by_resource = calloc(TABLE_SIZE, sizeof(*targets->by_resource));
	if (!targets->by_labels || !targets->by_resource)
		return -ENOMEM;
	return infos_init(&targets->infos, max);
}

/* ---- looks ---- */

static void put_labels(const struct targets *targets, const struct resource *resource,
		       attribute_set look, struct labels *labels)
{
	labels_init(labels);
	for (unsigned int id = 0; id < ATTRS_MAX; id++) {
		if (look & ATTRS_OF_RESOURCE & ATTR_BIT(id))
			labels_put(labels, attribute_label(targets->extras, id),
				   slice_of(attribute_of_resource(resource, id)));
	}
}

static struct target *find_labels(struct targets *targets, uint64_t hash, struct slice labels)
{
	struct target *target = targets->by_labels[hash % TABLE_SIZE];

	while (target && !(target->hash == hash &&
			   slice_same((struct slice){target->labels, target->n}, labels)))
		target = target->next;
	return target;
}

static struct target *make(struct targets *targets, uint64_t hash, struct slice labels)
{
	struct target *target = grace_alloc(targets->grace, sizeof(*target) + labels.n);

	if (!target)
		return NULL;
	target->hash = hash;
	target->n = labels.n;
	memcpy(target->labels, labels.p, labels.n);
	target->next = targets->by_labels[hash % TABLE_SIZE];
	targets->by_labels[hash % TABLE_SIZE] = target;
	return target;
}

static void drop(struct targets *targets, struct target *target)
{
	struct target **link = &targets->by_labels[target->hash % TABLE_SIZE];

	while (*link != target)
		link = &(*link)->next;
	*link = target->next;
	grace_retire(targets->grace, target);
}

void target_use(struct target *target)
{
	target->uses++;
}

void target_unuse(struct targets *targets, struct target *target)
{
	if (--target->uses == 0)
		drop(targets, target);
}

static struct target *look_at(struct targets *targets, const struct resource *resource,
			      attribute_set look)
{
	struct target *target;
	struct labels labels;
	uint64_t hash;

	put_labels(targets, resource, look, &labels);
	hash = siphash(siphash_process_key(), labels.text, labels.n);
	target = find_labels(targets, hash, labels_slice(&labels));
	if (!target)
		target = make(targets, hash, labels_slice(&labels));
	if (target)
		target_use(target);
	return target;
}

/* ---- resources ---- */

static struct binding **chain_of(struct targets *targets, const struct resource *resource)
{
	return &targets->by_resource[resource->hash & (TABLE_SIZE - 1)];
}

static void release(struct targets *targets, struct binding *binding)
{
	for (unsigned int i = 0; i < targets->looks && binding->target[i]; i++)
		target_unuse(targets, binding->target[i]);
	grace_retire(targets->grace, binding);
}

static struct binding *bind(struct targets *targets, struct resource *resource)
{
	struct binding **chain = chain_of(targets, resource), *binding;

	if (targets->bindings == TELEMETRY_RESOURCES_MAX)
		return NULL;
	binding = grace_alloc(targets->grace, sizeof(*binding));
	if (!binding)
		return NULL;
	for (unsigned int i = 0; i < targets->looks; i++) {
		binding->target[i] = look_at(targets, resource, targets->look[i]);
		if (!binding->target[i]) {
			release(targets, binding);
			return NULL;
		}
	}
	if (infos_claim(&targets->infos, &binding->claim, resource) < 0) {
		release(targets, binding);
		return NULL;
	}
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
	infos_release(&targets->infos, &binding->claim);
	resource_unref(binding->resource);
	release(targets, binding);
}

struct target *const *targets_find(struct targets *targets, struct resource *resource,
				   uint64_t now_ns)
{
	struct binding *binding = *chain_of(targets, resource);

	while (binding && !resource_same(binding->resource, resource))
		binding = binding->next;
	if (!binding)
		binding = bind(targets, resource);
	if (!binding)
		return NULL;
	binding->last_ns = now_ns;
	return binding->target;
}

void targets_touch(struct target *const *found, uint64_t now_ns)
{
	struct binding *binding = (struct binding *)((char *)(uintptr_t)found -
						     offsetof(struct binding, target));

	binding->last_ns = now_ns;
}

void targets_expire(struct targets *targets, uint64_t before_ns, uint64_t at_last_ns)
{
	for (int i = 0; i < TELEMETRY_EXPIRE_STEP; i++) {
		struct binding **link = &targets->by_resource[targets->cursor];

		while (*link) {
			if ((*link)->last_ns < before_ns || (*link)->last_ns < at_last_ns)
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
	infos_close(&targets->infos);
}
