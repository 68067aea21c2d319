/* SPDX-License-Identifier: Apache-2.0 */
#include "resource.h"

#include "../slice.h"
#include "siphash.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

#define RES_X(e, otel, prom) [RES_##e] = (otel),
const char *const resource_otel_name[RES_COUNT] = {RESOURCE_ATTRS(RES_X)};
#undef RES_X

#define RES_X(e, otel, prom) [RES_##e] = (prom),
const char *const resource_prom_label[RES_COUNT] = {RESOURCE_ATTRS(RES_X)};
#undef RES_X

/* text[] holds the values in order, each with its NUL, so that equal texts mean equal values. */
struct resource *resource_new_with(const char *const values[RES_COUNT], const char *const *extra,
				   size_t extras)
{
	char text[(RES_COUNT + RESOURCE_EXTRAS_MAX) * (RESOURCE_VALUE_MAX + 1)];
	size_t at[RES_COUNT + RESOURCE_EXTRAS_MAX], n = 0;
	struct resource *resource;

	for (size_t i = 0; i < RES_COUNT + RESOURCE_EXTRAS_MAX; i++) {
		const char *value = NULL;

		if (i < RES_COUNT)
			value = values[i];
		else if (i - RES_COUNT < extras)
			value = extra[i - RES_COUNT];
		at[i] = n;
		n += utf8_clean(slice_of(value), text + n, RESOURCE_VALUE_MAX);
		text[n++] = '\0';
	}
	resource = malloc(sizeof(*resource) + n);
	if (!resource)
		return NULL;
	memcpy(resource->text, text, n);
	for (size_t i = 0; i < RES_COUNT; i++)
		resource->attr[i] = resource->text + at[i];
	for (size_t i = 0; i < RESOURCE_EXTRAS_MAX; i++)
		resource->extra[i] = resource->text + at[RES_COUNT + i];
	resource->hash = siphash(siphash_process_key(), text, n);
	resource->text_n = (uint32_t)n;
	resource->refs = 1;
	return resource;
}

struct resource *resource_new(const char *const values[RES_COUNT])
{
	return resource_new_with(values, NULL, 0);
}

bool resource_same(const struct resource *a, const struct resource *b)
{
	return a == b || (a->hash == b->hash && a->text_n == b->text_n &&
			  memcmp(a->text, b->text, a->text_n) == 0);
}

struct resource *resource_ref(struct resource *resource)
{
	__atomic_fetch_add(&resource->refs, 1, __ATOMIC_RELAXED);
	return resource;
}

void resource_unref(struct resource *resource)
{
	if (resource && __atomic_sub_fetch(&resource->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(resource);
}
