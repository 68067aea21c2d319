/* SPDX-License-Identifier: Apache-2.0 */
#include "info.h"

#include "../service/siphash.h"
#include "labels.h"

#include <errno.h>
#include <stdlib.h>

#define TABLE_SIZE 4096 /* chains; a power of two */

int infos_init(struct infos *infos, unsigned int max)
{
	infos->by_identity = calloc(TABLE_SIZE, sizeof(*infos->by_identity));
	if (!infos->by_identity)
		return -ENOMEM;
	return slots_init(&infos->slots, max);
}

void infos_close(struct infos *infos)
{
	free(infos->by_identity);
	slots_close(&infos->slots);
}

/* ---- what is said of a resource ---- */

/* A container is named by its pod where there is one: its id would change at each restart. */
static bool is_left_out(const struct infos *infos, const struct resource *resource, unsigned int id)
{
	return attribute_at(id)->group == GROUP_CONTAINER && infos->kubernetes &&
	       resource->attr[RES_K8S_POD][0] && !(infos->set.asked & ATTR_BIT(id));
}

static const char *constant(unsigned int id)
{
	switch (id) {
	case ATTR_SDK_VERSION:
		return KEYHOLE_VERSION;
	case ATTR_OS_TYPE:
		return "linux";
	default:
		return "keyhole";
	}
}

static void put_labels(const struct infos *infos, const struct resource *resource,
		       struct labels *labels)
{
	labels_init(labels);
	for (unsigned int id = 0; id < ATTRS_MAX; id++) {
		const char *value;

		if (!(infos->set.on & ATTR_BIT(id)) || is_left_out(infos, resource, id))
			continue;
		value = ATTRS_OF_RESOURCE & ATTR_BIT(id) ? attribute_of_resource(resource, id)
							 : constant(id);
		labels_put(labels, attribute_label(infos->extras, id), slice_of(value));
	}
}

/* Two infos with equal labels would spoil a scrape. */
static uint64_t identity_of(const struct infos *infos, const struct resource *resource,
			    const struct labels *labels)
{
	attribute_set both = ATTR_BIT(RES_JOB) | ATTR_BIT(RES_INSTANCE);
	const char *job = resource->attr[RES_JOB], *instance = resource->attr[RES_INSTANCE];
	uint64_t pair[2];

	if ((infos->set.on & both) != both)
		return siphash(siphash_process_key(), labels->text, labels->n);
	pair[0] = siphash(siphash_process_key(), job, strlen(job));
	pair[1] = siphash(siphash_process_key(), instance, strlen(instance));
	return siphash(siphash_process_key(), pair, sizeof(pair));
}

/* Keeps the old text if there is no memory for the new one. */
static void set_text(struct infos *infos, struct info *info, const struct labels *labels)
{
	struct info_text *old = atomic_load(&info->text), *text;

	if (old && slice_same((struct slice){old->labels, old->n}, labels_slice(labels)))
		return;
	text = grace_alloc(infos->grace, sizeof(*text) + labels->n);
	if (!text)
		return;
	text->n = labels->n;
	memcpy(text->labels, labels->text, labels->n);
	atomic_store(&info->text, text);
	grace_retire(infos->grace, old);
}

/* ---- life ---- */

static struct info **chain_of(struct infos *infos, uint64_t identity)
{
	return &infos->by_identity[identity % TABLE_SIZE];
}

static struct info *find(struct infos *infos, uint64_t identity)
{
	struct info *info = *chain_of(infos, identity);

	while (info && info->identity != identity)
		info = info->next;
	return info;
}

static int make(struct infos *infos, uint64_t identity, struct info **out)
{
	struct info *info = grace_alloc(infos->grace, sizeof(*info)), **chain;
	int slot;

	if (!info)
		return -ENOMEM;
	info->identity = identity;
	slot = slots_put(&infos->slots, info);
	if (slot < 0) {
		grace_retire(infos->grace, info);
		return slot;
	}
	info->slot = (uint32_t)slot;
	chain = chain_of(infos, identity);
	info->next = *chain;
	*chain = info;
	*out = info;
	return 0;
}

static void drop(struct infos *infos, struct info *info)
{
	struct info **link = chain_of(infos, info->identity);

	while (*link != info)
		link = &(*link)->next;
	*link = info->next;
	slots_take(&infos->slots, info->slot);
	grace_retire(infos->grace, atomic_load(&info->text));
	grace_retire(infos->grace, info);
}

int infos_claim(struct infos *infos, struct info_claim *claim, const struct resource *resource)
{
	struct labels labels;
	uint64_t identity;
	int r = 0;

	put_labels(infos, resource, &labels);
	identity = identity_of(infos, resource, &labels);
	claim->info = find(infos, identity);
	if (!claim->info)
		r = make(infos, identity, &claim->info);
	if (r < 0)
		return r;
	claim->resource = resource;
	claim->older = claim->info->newest;
	claim->info->newest = claim;
	set_text(infos, claim->info, &labels);
	return 0;
}

void infos_release(struct infos *infos, struct info_claim *claim)
{
	struct info *info = claim->info;
	struct info_claim **link = &info->newest;
	bool newest = *link == claim;
	struct labels labels;

	while (*link != claim)
		link = &(*link)->older;
	*link = claim->older;
	if (!info->newest) {
		drop(infos, info);
	} else if (newest) {
		put_labels(infos, info->newest->resource, &labels);
		set_text(infos, info, &labels);
	}
}
