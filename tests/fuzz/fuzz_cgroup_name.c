/* SPDX-License-Identifier: Apache-2.0 */
/* Cgroup names are chosen by whoever makes a cgroup. Input: names of a chain, one a line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collector/identity/cgroup_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char(*names)[KH_NAME] =
		calloc(KH_CGROUP_LEVELS, KH_NAME); /* on the heap: bounds are seen */
	struct cgroup_identity got;
	size_t level = 0, at = 0;

	for (size_t i = 0; i < size && level < KH_CGROUP_LEVELS; i++) {
		if (data[i] == '\n') {
			level++;
			at = 0;
		} else if (at < KH_NAME) {
			names[level][at++] = (char)data[i];
		}
	}
	if (level < KH_CGROUP_LEVELS)
		level++;
	must(cgroup_name_parse(names, level, &got) == (got.container[0] || got.pod[0]));
	must(strlen(got.container) <= CGROUP_ID_MAX);
	must(strlen(got.pod) == 0 || strlen(got.pod) == 32 || strlen(got.pod) == 36);
	must(got.pod_is_hash == (strlen(got.pod) == 32));
	/* What goes into labels is of a harmless alphabet. */
	must(strspn(got.pod, "0123456789abcdef-") == strlen(got.pod));
	must(!strpbrk(got.container, " /:\"\\"));
	free(names);
	return 0;
}
