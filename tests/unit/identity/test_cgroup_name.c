/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cgroup_name_vectors.h"

/* What BPF makes of a path: its own name first; cut like there. Returns the number of levels. */
static size_t names_of(const char *path, char names[KH_CGROUP_LEVELS][KH_NAME])
{
	const char *end = path + strlen(path);
	size_t n = 0;

	memset(names, 0, KH_CGROUP_LEVELS * KH_NAME);
	while (end > path && n < KH_CGROUP_LEVELS) {
		const char *slash = end;
		size_t len;

		while (slash[-1] != '/')
			slash--;
		len = (size_t)(end - slash);
		if (len == 0)
			break;
		memcpy(names[n++], slash, len < KH_NAME ? len : KH_NAME - 1);
		end = slash - 1;
	}
	return n;
}

static void every_known_form_of_path_names_its_container_and_pod(void **state)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *v = &vectors[i];
		/* A name longer than a record holds has lost its end, and with it the id. */
		bool cut = strlen(strrchr(v->path, '/') + 1) >= KH_NAME;
		const char *container = cut ? "" : v->container;
		const char *inner = v->pod_container ? v->pod_container : container;
		char names[KH_CGROUP_LEVELS][KH_NAME];
		struct cgroup_identity got;
		size_t levels = names_of(v->path, names);
		bool found = cgroup_name_parse(names, levels, &got);

		print_message("  %s\n", v->setup);
		assert_string_equal(got.container, container);
		assert_string_equal(got.pod, v->pod);
		assert_int_equal(got.runtime, cut ? UNKNOWN : v->runtime);
		assert_int_equal(got.qos, v->qos);
		assert_string_equal(got.pod_container, v->pod[0] ? inner : "");
		assert_int_equal(got.pod_is_hash, strcmp(v->pod, H) == 0);
		assert_int_equal(found, container[0] || v->pod[0]);
	}
}

static void a_cut_name_gives_its_pod_but_never_half_an_id(void **state)
{
	/* 144 bytes: longer than a record holds */
	static const char path[] =
		"/system.slice/kubepods-burstable-pod" V ".slice:cri-containerd:" A;
	char names[KH_CGROUP_LEVELS][KH_NAME];
	struct cgroup_identity got;

	assert_true(cgroup_name_parse(names, names_of(path, names), &got));
	assert_string_equal(got.pod, U);
	assert_int_equal(got.qos, CGROUP_BURSTABLE);
	if (KH_NAME <= 144)
		assert_string_equal(got.container, "");
	else
		assert_string_equal(got.container, A);
}

static void names_without_an_end_are_read_within_their_bounds(void **state)
{
	char names[KH_CGROUP_LEVELS][KH_NAME];
	struct cgroup_identity got;

	memset(names, 'a', sizeof(names));
	assert_false(cgroup_name_parse(names, KH_CGROUP_LEVELS, &got));
	assert_false(cgroup_name_parse(names, 4096, &got));
}

static void no_level_is_no_container(void **state)
{
	char names[1][KH_NAME] = {"docker"};
	struct cgroup_identity got;

	memset(&got, 0x55, sizeof(got));
	assert_false(cgroup_name_parse(names, 0, &got));
	assert_string_equal(got.container, "");
	assert_string_equal(got.pod, "");
}

static void runtimes_and_qos_are_called_as_in_the_api(void **state)
{
	assert_string_equal(cgroup_runtime_name(CGROUP_CONTAINERD), "containerd");
	assert_string_equal(cgroup_runtime_name(CGROUP_CRIO), "cri-o");
	assert_string_equal(cgroup_runtime_name(CGROUP_DOCKER), "docker");
	assert_string_equal(cgroup_runtime_name(CGROUP_PODMAN), "podman");
	assert_string_equal(cgroup_runtime_name(CGROUP_RUNTIME_UNKNOWN), "");
	assert_string_equal(cgroup_qos_name(CGROUP_GUARANTEED), "Guaranteed");
	assert_string_equal(cgroup_qos_name(CGROUP_BURSTABLE), "Burstable");
	assert_string_equal(cgroup_qos_name(CGROUP_BESTEFFORT), "BestEffort");
	assert_string_equal(cgroup_qos_name(CGROUP_QOS_UNKNOWN), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_known_form_of_path_names_its_container_and_pod),
		cmocka_unit_test(a_cut_name_gives_its_pod_but_never_half_an_id),
		cmocka_unit_test(names_without_an_end_are_read_within_their_bounds),
		cmocka_unit_test(no_level_is_no_container),
		cmocka_unit_test(runtimes_and_qos_are_called_as_in_the_api),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
