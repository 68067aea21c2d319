/* SPDX-License-Identifier: Apache-2.0 */
#include "route_learn.h"

#include <errno.h>
#include <stdlib.h>

#define SLOTS (ROUTE_SERVICES_MAX * 2) /* half empty, so that probing ends soon */

/* Nodes are known by their number; 0 is none. */
struct node {
	uint32_t child, next;
	uint16_t children;
	bool collapsed; /* its only child is the wildcard, whatever comes */
	uint8_t n;      /* bytes of text; 0: the wildcard */
	char text[ROUTE_GUESS_SEGMENT_MAX];
};

struct service {
	uint64_t id;
	uint32_t root; /* 0: slot is empty */
	uint32_t nodes;
};

struct route_learner {
	struct route_stats *stats;
	unsigned cardinality;
	uint32_t epoch;
	uint32_t free;  /* list of nodes that were given back */
	uint32_t fresh; /* first node never used */
	uint32_t services;
	struct service service[SLOTS];
	struct node node[ROUTE_NODES_MAX + ROUTE_SERVICES_MAX + 1]; /* roots are not counted */
};

static void add_one(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

struct route_learner *route_learner_new(unsigned cardinality, struct route_stats *stats)
{
	/* Pages of it come into being as they are touched. */
	struct route_learner *learner = calloc(1, sizeof(*learner));

	if (!learner)
		return NULL;
	learner->stats = stats;
	learner->cardinality = cardinality;
	learner->fresh = 1;
	return learner;
}

void route_learner_free(struct route_learner *learner)
{
	free(learner);
}

static uint32_t take_node(struct route_learner *l, struct slice text)
{
	uint32_t index = l->free;
	struct node *node;

	if (index) {
		l->free = l->node[index].next;
	} else if (l->fresh < sizeof(l->node) / sizeof(*l->node)) {
		index = l->fresh++;
	} else {
		return 0;
	}
	node = &l->node[index];
	*node = (struct node){.n = (uint8_t)text.n};
	if (text.n > 0)
		memcpy(node->text, text.p, text.n);
	return index;
}

/* Gives back a node's children; depth is bounded by ROUTE_SEGMENTS_MAX. */
static void drop_children(struct route_learner *l, struct service *service, struct node *parent)
{
	uint32_t index = parent->child;

	while (index) {
		struct node *node = &l->node[index];
		uint32_t next = node->next;

		drop_children(l, service, node);
		node->next = l->free;
		l->free = index;
		service->nodes--;
		index = next;
	}
	parent->child = 0;
	parent->children = 0;
}

static struct service *service_for(struct route_learner *l, uint64_t id)
{
	uint32_t i = (uint32_t)(id * 0x9e3779b97f4a7c15ULL >> 40) % SLOTS;

	for (; l->service[i].root; i = (i + 1) % SLOTS) {
		if (l->service[i].id == id)
			return &l->service[i];
	}
	if (l->services == ROUTE_SERVICES_MAX)
		return NULL;
	l->service[i].root = take_node(l, (struct slice){NULL, 0});
	if (!l->service[i].root)
		return NULL;
	l->service[i].id = id;
	l->services++;
	return &l->service[i];
}

static struct node *find(struct route_learner *l, const struct node *parent, struct slice text)
{
	for (uint32_t i = parent->child; i; i = l->node[i].next) {
		if (slice_same((struct slice){l->node[i].text, l->node[i].n}, text))
			return &l->node[i];
	}
	return NULL;
}

static struct node *insert(struct route_learner *l, struct service *service, struct node *parent,
			   struct slice text)
{
	uint32_t index = 0;

	if (service->nodes < ROUTE_SERVICE_NODES_MAX)
		index = take_node(l, text);
	if (!index) {
		add_one(&l->stats->nodes_full);
		return NULL;
	}
	service->nodes++;
	l->node[index].next = parent->child;
	parent->child = index;
	parent->children++;
	return &l->node[index];
}

static void collapse(struct route_learner *l, struct service *service, struct node *node)
{
	drop_children(l, service, node);
	node->collapsed = true;
	l->epoch++;
	add_one(&l->stats->collapses);
}

/* The node one segment further; NULL: no node is left. Empties a segment that is the wildcard. */
static struct node *step(struct route_learner *l, struct service *service, struct node *node,
			 struct slice *segment)
{
	struct node *next;

	if (node->collapsed)
		segment->n = 0;
	next = find(l, node, *segment);
	if (next)
		return next;
	if (!node->collapsed && node->children >= l->cardinality) {
		collapse(l, service, node);
		segment->n = 0;
	}
	return insert(l, service, node, *segment);
}

int route_learn(struct route_learner *l, uint64_t id, struct slice *segments, size_t n)
{
	struct service *service = service_for(l, id);
	struct node *node;

	if (!service) {
		add_one(&l->stats->services_full);
		return -ENOSPC;
	}
	node = &l->node[service->root];
	for (size_t i = 0; i < n; i++) {
		node = step(l, service, node, &segments[i]);
		if (!node) {
			segments[i].n = 0;
			return (int)i + 1;
		}
	}
	return (int)n;
}

uint32_t route_learner_epoch(const struct route_learner *learner)
{
	return learner->epoch;
}
