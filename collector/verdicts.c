/* SPDX-License-Identifier: Apache-2.0 */
#include "verdicts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int verdicts_init(struct verdicts *v, verdict_fn tell, void *arg)
{
	memset(v, 0, sizeof(*v));
	v->tell = tell;
	v->arg = arg;
	v->list = calloc(VERDICTS_MAX, sizeof(*v->list));
	if (!v->list || keyed_init(&v->table, VERDICTS_MAX)) {
		verdicts_free(v);
		return -ENOMEM;
	}
	return 0;
}

void verdicts_free(struct verdicts *v)
{
	keyed_free(&v->table);
	free(v->list);
	memset(v, 0, sizeof(*v));
}

/* Slots never used were never touched. */
size_t verdicts_bytes(const struct verdicts *v)
{
	return keyed_bytes(&v->table) + v->end * sizeof(*v->list);
}

/* A parent that is not known, or is not believed, is one that may be told otherwise. */
void verdict_family(struct verdict *verdict, struct known *known,
		    const struct known_process *process)
{
	size_t n = 0;

	verdict->family[n++] = process->tgid;
	for (; process && process->ppid && n < VERDICT_FAMILY;
	     process = known_parent(known, process))
		verdict->family[n++] = process->ppid;
}

static void rest(struct verdicts *v, const struct verdict *verdict, int n)
{
	for (size_t i = 0; i < VERDICT_FAMILY && verdict->family[i]; i++)
		v->resting[verdict->family[i] % VERDICTS_MAX] += n;
}

static bool rests_on(const struct verdict *verdict, uint32_t tgid)
{
	for (size_t i = 0; i < VERDICT_FAMILY && verdict->family[i]; i++)
		if (verdict->family[i] == tgid)
			return verdict->key != 0;
	return false;
}

static void lift(struct verdicts *v, uint32_t slot)
{
	uint64_t key = v->list[slot].key;

	v->tell(v->arg, key, KH_TRACE);
	keyed_remove(&v->table, key);
	rest(v, &v->list[slot], -1);
	v->list[slot].key = 0;
}

int verdicts_ignore(struct verdicts *v, const struct verdict *verdict)
{
	uint32_t slot = keyed_find(&v->table, verdict->key);
	int r = v->tell(v->arg, verdict->key, KH_IGNORE);

	if (r)
		return r;
	if (slot == KEYED_NONE) {
		if (keyed_victim(&v->table) != KEYED_NONE)
			lift(v, keyed_victim(&v->table));
		slot = keyed_add(&v->table, verdict->key);
	} else {
		rest(v, &v->list[slot], -1);
	}
	v->list[slot] = *verdict;
	rest(v, verdict, 1);
	if (slot >= v->end)
		v->end = slot + 1;
	return 0;
}

void verdicts_lift_process(struct verdicts *v, uint32_t tgid)
{
	uint32_t slot;

	for (slot = 0; v->resting[tgid % VERDICTS_MAX] && slot < v->end; slot++)
		if (rests_on(&v->list[slot], tgid))
			lift(v, slot);
}

void verdicts_review(struct verdicts *v,
		     uint64_t (*version)(void *arg, uint64_t cgroup, uint64_t was), void *arg)
{
	uint32_t slot;

	for (slot = 0; slot < v->end; slot++) {
		const struct verdict *it = &v->list[slot];

		if (it->key && version(arg, it->cgroup, it->pod) != it->pod)
			lift(v, slot);
	}
}

void verdicts_clear(struct verdicts *v)
{
	uint32_t slot;

	for (slot = 0; slot < v->end; slot++) {
		if (v->list[slot].key)
			keyed_remove(&v->table, v->list[slot].key);
		v->list[slot].key = 0;
	}
	memset(v->resting, 0, sizeof(v->resting));
}
