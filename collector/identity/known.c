/* SPDX-License-Identifier: Apache-2.0 */
#include "known.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int known_init(struct known *k)
{
	memset(k, 0, sizeof(*k));
	k->cgroups = calloc(KNOWN_CGROUPS_MAX, sizeof(*k->cgroups));
	k->processes = calloc(KNOWN_PROCESSES_MAX, sizeof(*k->processes));
	k->args = calloc(KNOWN_PROCESSES_MAX, sizeof(*k->args));
	k->ended = calloc(KNOWN_PROCESSES_MAX, sizeof(*k->ended));
	if (!k->cgroups || !k->processes || !k->args || !k->ended ||
	    keyed_init(&k->cgroup_table, KNOWN_CGROUPS_MAX) ||
	    keyed_init(&k->process_table, KNOWN_PROCESSES_MAX)) {
		known_free(k);
		return -ENOMEM;
	}
	return 0;
}

void known_free(struct known *k)
{
	keyed_free(&k->cgroup_table);
	keyed_free(&k->process_table);
	free(k->cgroups);
	free(k->processes);
	free(k->args);
	free(k->ended);
	memset(k, 0, sizeof(*k));
}

/* Slots never used were never touched: their pages do not count. */
size_t known_bytes(const struct known *k)
{
	return keyed_bytes(&k->cgroup_table) + keyed_bytes(&k->process_table) +
	       k->cgroup_table.used * sizeof(*k->cgroups) +
	       k->process_table.used * sizeof(*k->processes) + k->args_end * sizeof(*k->args);
}

void known_tell_cgroup(struct known *k, const struct kh_cgroup *rec)
{
	uint32_t slot = keyed_find(&k->cgroup_table, rec->cgroup);
	struct known_cgroup *c;

	if (slot == KEYED_NONE)
		slot = keyed_add(&k->cgroup_table, rec->cgroup);
	c = &k->cgroups[slot];
	c->key = rec->cgroup;
	c->in_container = cgroup_name_parse(rec->names, rec->levels, &c->id);
	memset(c->own_name, 0, sizeof(c->own_name));
	if (rec->levels)
		snprintf(c->own_name, sizeof(c->own_name), "%s", rec->names[0]);
}

/* The path from the components, file name last. */
static void write_exe(struct known_process *p, const struct kh_process *rec)
{
	size_t at = 0, n;
	uint32_t i;

	for (i = rec->exe_levels; i > 0; i--) {
		n = strnlen(rec->exe[i - 1], KH_EXE_NAME - 1);
		p->exe[at++] = '/';
		memcpy(p->exe + at, rec->exe[i - 1], n);
		at += n;
	}
	p->exe[at] = 0;
}

/* Room in a full table: who ended first leaves, if anybody did and was not told about again. */
static void forget_ended(struct known *k)
{
	while (k->process_table.used == KNOWN_PROCESSES_MAX && k->ended_count) {
		struct known_process *p = &k->processes[k->ended[k->ended_first]];

		k->ended_first = (k->ended_first + 1) % KNOWN_PROCESSES_MAX;
		k->ended_count--;
		p->queued = false;
		if (p->exited)
			keyed_remove(&k->process_table, p->tgid);
	}
}

static struct known_process *process(struct known *k, uint32_t tgid)
{
	uint32_t slot = keyed_find(&k->process_table, tgid);

	if (slot != KEYED_NONE)
		return &k->processes[slot];
	forget_ended(k);
	slot = keyed_add(&k->process_table, tgid);
	/* its version goes on, so that nobody takes the new process for the one before */
	k->processes[slot] = (struct known_process){.tgid = tgid,
						    .version = k->processes[slot].version + 1,
						    .args = "",
						    .queued = k->processes[slot].queued};
	return &k->processes[slot];
}

static void forget_ports(struct known_process *p)
{
	p->port_count = 0;
	p->listens = false;
}

void known_tell_process(struct known *k, const struct kh_process *rec)
{
	struct known_process *p = process(k, rec->tgid);

	/* another process of the same number; where the start is not known, it listened before */
	if (p->start_ns && p->start_ns != rec->start_ns)
		forget_ports(p);
	p->ns_tgid = rec->ns_tgid;
	p->ppid = rec->ppid;
	p->args = "";
	p->uid = rec->uid;
	p->cgroup = rec->cgroup;
	p->start_ns = rec->start_ns;
	p->exited = false;
	memcpy(p->comm, rec->comm, sizeof(p->comm));
	write_exe(p, rec);
	p->version++;
}

/* What ends an argument becomes a space. */
void known_tell_args(struct known *k, const struct kh_args *rec)
{
	uint32_t slot = keyed_find(&k->process_table, rec->tgid), n = rec->len, i;
	char *text;

	if (slot == KEYED_NONE || n > KH_ARGS_MAX)
		return;
	text = k->args[slot];
	if (slot >= k->args_end)
		k->args_end = slot + 1;
	while (n && !rec->text[n - 1])
		n--;
	for (i = 0; i < n; i++)
		text[i] = rec->text[i] ? rec->text[i] : ' ';
	text[n] = 0;
	k->processes[slot].args = text;
	k->processes[slot].version++;
}

void known_tell_exit(struct known *k, const struct kh_exit *rec)
{
	uint32_t slot = keyed_find(&k->process_table, rec->tgid);

	if (slot == KEYED_NONE)
		return;
	k->processes[slot].exited = true;
	if (k->processes[slot].queued)
		return;
	k->processes[slot].queued = true;
	k->ended[(k->ended_first + k->ended_count++) % KNOWN_PROCESSES_MAX] = slot;
}

static bool add_port(struct known *k, struct known_process *p, uint16_t port)
{
	uint8_t i;

	for (i = 0; i < p->port_count; i++)
		if (p->ports[i] == port)
			return false;
	if (p->port_count == KNOWN_PORTS_MAX) {
		k->ports_full++;
		return false;
	}
	p->ports[p->port_count++] = port;
	p->version++;
	return true;
}

void known_tell_listen(struct known *k, const struct kh_listen *rec)
{
	struct known_process *p = process(k, rec->tgid);

	if (p->exited) { /* its number is another's now, who is told about next */
		p->exited = false;
		forget_ports(p);
		p->start_ns = 0;
	}
	if (!p->listens)
		p->version++;
	p->listens = true;
	add_port(k, p, rec->port);
}

bool known_tell_served(struct known *k, uint32_t tgid, uint16_t port)
{
	uint32_t slot = keyed_find(&k->process_table, tgid);

	return slot != KEYED_NONE && add_port(k, &k->processes[slot], port);
}

const struct known_cgroup *known_cgroup(struct known *k, uint64_t key)
{
	uint32_t slot = keyed_find(&k->cgroup_table, key);

	return slot == KEYED_NONE ? NULL : &k->cgroups[slot];
}

struct known_process *known_process(struct known *k, uint32_t tgid)
{
	uint32_t slot = keyed_find(&k->process_table, tgid);

	return slot == KEYED_NONE ? NULL : &k->processes[slot];
}

const struct known_process *known_parent(struct known *k, const struct known_process *child)
{
	const struct known_process *p = child->ppid ? known_process(k, child->ppid) : NULL;

	if (!p || p == child || p->cgroup != child->cgroup || !p->start_ns ||
	    p->start_ns > child->start_ns)
		return NULL;
	return p;
}
