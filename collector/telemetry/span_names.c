/* SPDX-License-Identifier: Apache-2.0 */
#include "span_names.h"

#include "../service/siphash.h"

#include <errno.h>
#include <stdlib.h>

#define TABLE_SIZE 1024 /* chains; a power of two */

/* Told by 64 bits of a keyed hash, as nobody can make two that are the same. */
struct span_service {
	struct grace_head head;
	struct span_service *next;
	uint64_t hash;
	unsigned int names;
};

struct span_name {
	struct grace_head head;
	struct span_name *next;
	struct span_service *service;
	uint64_t hash; /* of service and name */
	uint32_t uses;
};

int span_names_init(struct span_names *names)
{
	names->by_name = calloc(TABLE_SIZE, sizeof(*names->by_name));
	names->by_service = calloc(TABLE_SIZE, sizeof(*names->by_service));
	return names->by_name && names->by_service ? 0 : -ENOMEM;
}

void span_names_close(struct span_names *names)
{
	free(names->by_name);
	free(names->by_service);
}

static uint64_t hash_of(const char *p, size_t n)
{
	return siphash(siphash_process_key(), p, n);
}

static uint64_t hash_service(const struct resource *resource)
{
	const char *name = resource->attr[RES_SERVICE_NAME];
	const char *space = resource->attr[RES_SERVICE_NAMESPACE];
	uint64_t pair[2] = {hash_of(name, strlen(name)), hash_of(space, strlen(space))};

	return siphash(siphash_process_key(), pair, sizeof(pair));
}

static uint64_t hash_name(uint64_t service, struct slice name)
{
	uint64_t pair[2] = {service, hash_of(name.p, name.n)};

	return siphash(siphash_process_key(), pair, sizeof(pair));
}

static struct span_service *service_of(struct span_names *names, uint64_t hash)
{
	struct span_service **chain = &names->by_service[hash % TABLE_SIZE], *service = *chain;

	while (service && service->hash != hash)
		service = service->next;
	if (service)
		return service;
	service = grace_alloc(names->grace, sizeof(*service));
	if (!service)
		return NULL;
	service->hash = hash;
	service->next = *chain;
	*chain = service;
	return service;
}

static void drop_service(struct span_names *names, struct span_service *service)
{
	struct span_service **link = &names->by_service[service->hash % TABLE_SIZE];

	while (*link != service)
		link = &(*link)->next;
	*link = service->next;
	grace_retire(names->grace, service);
}

static struct span_name *make(struct span_names *names, struct span_service *service, uint64_t hash)
{
	struct span_name **chain = &names->by_name[hash % TABLE_SIZE], *made = NULL;

	if (names->max == 0 || service->names < names->max)
		made = grace_alloc(names->grace, sizeof(*made));
	if (!made)
		return NULL;
	made->service = service;
	made->hash = hash;
	made->uses = 1;
	made->next = *chain;
	*chain = made;
	service->names++;
	return made;
}

struct span_name *span_names_take(struct span_names *names, const struct resource *resource,
				  struct slice name)
{
	uint64_t of = hash_service(resource), hash = hash_name(of, name);
	struct span_name *found = names->by_name[hash % TABLE_SIZE];
	struct span_service *service;

	while (found && found->hash != hash)
		found = found->next;
	if (found) {
		found->uses++;
		return found;
	}
	service = service_of(names, of);
	if (!service)
		return NULL;
	found = make(names, service, hash);
	if (service->names == 0)
		drop_service(names, service);
	return found;
}

void span_names_give(struct span_names *names, struct span_name *name)
{
	struct span_name **link;

	if (!name || --name->uses > 0)
		return;
	link = &names->by_name[name->hash % TABLE_SIZE];
	while (*link != name)
		link = &(*link)->next;
	*link = name->next;
	if (--name->service->names == 0)
		drop_service(names, name->service);
	grace_retire(names->grace, name);
}
