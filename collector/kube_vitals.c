/* SPDX-License-Identifier: Apache-2.0 */
#include "kube_vitals.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define NUMBER(field) offsetof(struct kube_client_stats, field)

static const struct {
	enum selfmetric metric;
	const char *value;
	size_t offset;
} numbers[] = {
	{SELF_KUBE_REFUSED, "", NUMBER(decode.refused)},
	{SELF_LIMIT_REACHED, "object_size", NUMBER(oversize)},
	{SELF_LIMIT_REACHED, "pod_containers", NUMBER(decode.containers_dropped)},
	{SELF_LIMIT_REACHED, "pod_labels", NUMBER(decode.labels_dropped)},
	{SELF_LIMIT_REACHED, "pod_annotations", NUMBER(decode.annotations_dropped)},
	{SELF_LIMIT_REACHED, "pod_addresses", NUMBER(decode.ips_dropped)},
	{SELF_LIMIT_REACHED, "pod_values", NUMBER(decode.values_dropped)},
};
_Static_assert(sizeof(numbers) / sizeof(*numbers) + KUBE_FAULT_COUNT <= KUBE_VITALS_MAX,
	       "room for each");

static uint64_t read_vital(void *arg)
{
	const struct kube_vital *vital = arg;
	struct kube_client_stats stats = kube_client_stats(vital->client);
	uint64_t value;

	memcpy(&value, (const char *)&stats + vital->offset, sizeof(value));
	return value;
}

static int bind(struct selfmetrics *self, struct kube_vitals *vitals, enum selfmetric metric,
		const char *value, struct kube_vital vital)
{
	struct kube_vital *at = &vitals->vital[vitals->n++];

	*at = vital;
	return selfmetrics_add_fn(self, metric, value, read_vital, at);
}

int kube_vitals_bind(struct selfmetrics *self, struct kube_vitals *vitals,
		     const struct kube_client *client)
{
	int ret = 0;

	vitals->n = 0;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers) && !ret; i++)
		ret = bind(self, vitals, numbers[i].metric, numbers[i].value,
			   (struct kube_vital){client, numbers[i].offset});
	for (size_t i = KUBE_FAULT_NONE + 1; i < KUBE_FAULT_COUNT && !ret; i++)
		ret = bind(self, vitals, SELF_KUBE_FAULTS, kube_fault_word[i],
			   (struct kube_vital){client, NUMBER(faults) + i * sizeof(uint64_t)});
	return ret ? -ENOSPC : 0;
}
