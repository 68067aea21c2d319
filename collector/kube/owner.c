/* SPDX-License-Identifier: Apache-2.0 */
#include "owner.h"

#include <stdlib.h>
#include <string.h>

#define HASH_ALPHABET "bcdfghjklmnpqrstvwxz2456789" /* apimachinery's SafeEncodeString */
#define HASH_MAX 10                                 /* a 32-bit number in decimal digits */

/* `name` without its last n + 1 bytes; "" if nothing would be left. */
static const char *cut(const char *name, size_t n, char parent[KUBE_NAME_MAX + 1])
{
	size_t len = strlen(name);

	if (len <= n + 1 || len - n - 1 > KUBE_NAME_MAX)
		return "";
	memcpy(parent, name, len - n - 1);
	parent[len - n - 1] = 0;
	return parent;
}

static const char *cut_hash(const char *name, const char *hash, char parent[KUBE_NAME_MAX + 1])
{
	size_t len = strlen(name), n = strlen(hash);

	if (n == 0 || len <= n + 1 || name[len - n - 1] != '-' || strcmp(name + len - n, hash) != 0)
		return "";
	return cut(name, n, parent);
}

static const char *cut_likely_hash(const char *name, char parent[KUBE_NAME_MAX + 1])
{
	const char *dash = strrchr(name, '-');
	size_t n = dash ? strlen(dash + 1) : 0;

	if (n == 0 || n > HASH_MAX || strspn(dash + 1, HASH_ALPHABET) != n)
		return "";
	return cut(name, n, parent);
}

static const char *cut_schedule(const char *name, char parent[KUBE_NAME_MAX + 1])
{
	const char *dash = strrchr(name, '-');
	size_t n = dash ? strlen(dash + 1) : 0;
	unsigned long long when;

	if ((n != 8 && n != 10) || strspn(dash + 1, "0123456789") != n)
		return "";
	when = strtoull(dash + 1, NULL, 10);
	/* Minutes from 2019 on (26,000,000 and up), or seconds from 2016 to 2027. */
	if (n == 8 ? when < 26000000 : when < 1451606400 || when > 1830297600)
		return "";
	return cut(name, n, parent);
}

static void set_top(struct kube_pod *draft, const char *kind, const char *name)
{
	draft->owner_kind = kind;
	draft->owner_name = name;
}

static void from_replicaset(const struct kube_owner_input *in, char parent[KUBE_NAME_MAX + 1],
			    struct kube_pod *draft)
{
	const char *name = cut_hash(in->name, in->rollout_hash, parent);

	draft->workload[KUBE_REPLICASET] = in->name;
	if (*name) {
		set_top(draft, "Rollout", name);
		return;
	}
	name = cut_hash(in->name, in->hash, parent);
	if (!*name)
		name = cut_likely_hash(in->name, parent);
	if (!*name)
		return;
	draft->workload[KUBE_DEPLOYMENT] = name;
	set_top(draft, "Deployment", name);
}

static void from_job(const struct kube_owner_input *in, char parent[KUBE_NAME_MAX + 1],
		     struct kube_pod *draft)
{
	const char *name = cut_schedule(in->name, parent);

	draft->workload[KUBE_JOB] = in->name;
	if (!*name)
		return;
	draft->workload[KUBE_CRONJOB] = name;
	set_top(draft, "CronJob", name);
}

void kube_owner_resolve(const struct kube_owner_input *in, char parent[KUBE_NAME_MAX + 1],
			struct kube_pod *draft)
{
	for (int i = 0; i < KUBE_LEVELS; i++)
		draft->workload[i] = "";
	set_top(draft, in->kind, in->name);
	if (!*in->kind || !*in->name || strcmp(in->kind, "Node") == 0)
		set_top(draft, "Pod", in->pod);
	else if (strcmp(in->kind, "ReplicaSet") == 0)
		from_replicaset(in, parent, draft);
	else if (strcmp(in->kind, "Job") == 0)
		from_job(in, parent, draft);
	else if (strcmp(in->kind, "DaemonSet") == 0)
		draft->workload[KUBE_DAEMONSET] = in->name;
	else if (strcmp(in->kind, "StatefulSet") == 0)
		draft->workload[KUBE_STATEFULSET] = in->name;
	else if (strcmp(in->kind, "Deployment") == 0)
		draft->workload[KUBE_DEPLOYMENT] = in->name;
}
