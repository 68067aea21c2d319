/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "service/selector.h"

#include <errno.h>

/* A pod that has labels {app: cart, tier: web} and the annotation {team: red}. */
static const char *label(const void *pod, const char *key)
{
	if (strcmp(key, "app") == 0)
		return "cart";
	return strcmp(key, "tier") == 0 ? "web" : NULL;
}

static const char *annotation(const void *pod, const char *key)
{
	return strcmp(key, "team") == 0 ? "red" : NULL;
}

static const uint16_t ports[] = {80, 41234};

static const struct selector_subject cart = {
	.text = {[SELECTOR_EXE_PATH] = "/usr/sbin/nginx",
		 [SELECTOR_CONTAINER_NAME] = "web",
		 [SELECTOR_K8S_NAMESPACE] = "shop",
		 [SELECTOR_K8S_POD] = "cart-5d8f-x2x4q",
		 [SELECTOR_K8S_DEPLOYMENT] = "cart",
		 [SELECTOR_K8S_REPLICASET] = "cart-5d8f",
		 [SELECTOR_K8S_OWNER] = "cart-rollout",
		 [SELECTOR_K8S_CONTAINER] = "web"},
	.label = label,
	.annotation = annotation,
	.pod = "",
	.ports = ports,
	.port_count = 2,
	.pid = 77,
	.in_container = true,
	.metadata = SELECTOR_METADATA_KNOWN,
};

static const struct selector_entry no_entry;

static enum selector_answer ask(const struct selector_entry *include, size_t include_n,
				const struct selector_entry *exclude, size_t exclude_n,
				const struct selector_subject *subject)
{
	struct selector_options options = {include, exclude, include_n, exclude_n};
	struct selector *selector;
	char why[PATTERN_WHY_MAX];
	enum selector_answer answer;

	assert_int_equal(selector_new(&selector, &options, why), 0);
	answer = selector_match(selector, subject, NULL);
	selector_free(selector);
	return answer;
}

static enum selector_answer one(struct selector_entry entry, const struct selector_subject *subject)
{
	return ask(&entry, 1, NULL, 0, subject);
}

#define GLOB(field, value)                                                                         \
	((struct selector_entry){.form = PATTERN_GLOB, .text[SELECTOR_##field] = (value)})

static void without_entries_everything_is_shown(void **state)
{
	assert_int_equal(ask(NULL, 0, NULL, 0, &cart), SELECTOR_YES);
}

static void fields_of_an_entry_must_all_hold(void **state)
{
	struct selector_entry e = GLOB(K8S_NAMESPACE, "shop");

	assert_int_equal(one(e, &cart), SELECTOR_YES);
	e.text[SELECTOR_K8S_DEPLOYMENT] = "c*";
	assert_int_equal(one(e, &cart), SELECTOR_YES);
	e.text[SELECTOR_K8S_CONTAINER] = "sidecar";
	assert_int_equal(one(e, &cart), SELECTOR_NO);
}

static void one_of_several_entries_is_enough(void **state)
{
	struct selector_entry e[] = {GLOB(K8S_NAMESPACE, "other"), GLOB(K8S_POD, "cart-*")};

	assert_int_equal(ask(e, 2, NULL, 0, &cart), SELECTOR_YES);
	assert_int_equal(ask(e, 1, NULL, 0, &cart), SELECTOR_NO);
}

static void every_text_is_compared_with_its_own_value(void **state)
{
	for (int i = 0; i < SELECTOR_TEXT_COUNT; i++) {
		struct selector_subject subject = {.metadata = SELECTOR_METADATA_KNOWN};
		struct selector_entry e = no_entry;

		e.text[i] = "value";
		assert_int_equal(one(e, &subject), SELECTOR_NO);
		subject.text[i] = "value";
		assert_int_equal(one(e, &subject), SELECTOR_YES);
		subject.text[i] = "other";
		assert_int_equal(one(e, &subject), SELECTOR_NO);
	}
}

static void absent_values_match_nothing_not_even_a_star(void **state)
{
	struct selector_subject empty = cart;

	empty.text[SELECTOR_K8S_DAEMONSET] = "";
	assert_int_equal(one(GLOB(K8S_DAEMONSET, "*"), &empty), SELECTOR_NO);
	assert_int_equal(one(GLOB(K8S_DAEMONSET, "*"), &cart), SELECTOR_NO);
	assert_int_equal(one((struct selector_entry){.form = PATTERN_REGEX,
						     .text[SELECTOR_K8S_DAEMONSET] = ".*"},
			     &cart),
			 SELECTOR_NO);
}

static void the_owner_may_be_of_any_level(void **state)
{
	assert_int_equal(one(GLOB(K8S_OWNER, "cart"), &cart), SELECTOR_YES);
	assert_int_equal(one(GLOB(K8S_OWNER, "cart-5d8f"), &cart), SELECTOR_YES);
	assert_int_equal(one(GLOB(K8S_OWNER, "cart-rollout"), &cart), SELECTOR_YES);
	assert_int_equal(one(GLOB(K8S_OWNER, "web"), &cart), SELECTOR_NO);
}

static void labels_and_annotations_must_all_match(void **state)
{
	const struct selector_pair good[] = {{"app", "c*"}, {"tier", "web"}};
	const struct selector_pair bad[] = {{"app", "c*"}, {"zone", "*"}};
	const struct selector_pair team[] = {{"team", "red"}};
	struct selector_entry e = {.labels = good, .label_count = 2};
	struct selector_subject no_pod = cart;

	assert_int_equal(one(e, &cart), SELECTOR_YES);
	no_pod.pod = NULL;
	assert_int_equal(one(e, &no_pod), SELECTOR_NO);
	e.labels = bad;
	assert_int_equal(one(e, &cart), SELECTOR_NO);
	e = (struct selector_entry){.annotations = team, .annotation_count = 1};
	assert_int_equal(one(e, &cart), SELECTOR_YES);
}

static void ports_and_pids_are_ranges(void **state)
{
	const struct selector_range low[] = {{1, 79}, {81, 100}}, all[] = {{1, 79}, {80, 80}};
	const struct selector_range pid[] = {{77, 77}};

	assert_int_equal(one((struct selector_entry){.ports = all, .port_count = 2}, &cart),
			 SELECTOR_YES);
	assert_int_equal(one((struct selector_entry){.ports = low, .port_count = 2}, &cart),
			 SELECTOR_NO);
	assert_int_equal(one((struct selector_entry){.pids = pid, .pid_count = 1}, &cart),
			 SELECTOR_YES);
	assert_int_equal(one((struct selector_entry){.pids = low, .pid_count = 1}, &cart),
			 SELECTOR_YES);
	assert_int_equal(one((struct selector_entry){.pids = low + 1, .pid_count = 1}, &cart),
			 SELECTOR_NO);
}

static void containers_only_leaves_out_the_host(void **state)
{
	struct selector_subject host = cart;

	host.in_container = false;
	assert_int_equal(one((struct selector_entry){.containers_only = true}, &cart),
			 SELECTOR_YES);
	assert_int_equal(one((struct selector_entry){.containers_only = true}, &host), SELECTOR_NO);
}

static void what_a_process_decides_is_undecided_for_all_of_a_container(void **state)
{
	static const struct selector_range range = {8080, 8080};
	struct selector_subject any = cart;
	struct selector_entry e = GLOB(K8S_NAMESPACE, "shop");

	any.any_process = true;
	any.text[SELECTOR_EXE_PATH] = NULL;
	any.port_count = 0;
	assert_int_equal(one(e, &any), SELECTOR_YES);
	assert_int_equal(one(GLOB(K8S_NAMESPACE, "other"), &any), SELECTOR_NO);
	assert_int_equal(one(GLOB(EXE_PATH, "*"), &any), SELECTOR_UNDECIDED);
	assert_int_equal(one(GLOB(CMD_ARGS, "*"), &any), SELECTOR_UNDECIDED);
	assert_int_equal(one(GLOB(LANGUAGES, "*"), &any), SELECTOR_UNDECIDED);
	e.ports = &range;
	e.port_count = 1;
	assert_int_equal(one(e, &any), SELECTOR_UNDECIDED);
	e.text[SELECTOR_K8S_NAMESPACE] = "other";
	assert_int_equal(one(e, &any), SELECTOR_NO);
	/* an exclusion that looks at pods alone holds for all, one by executable may not */
	e = GLOB(K8S_NAMESPACE, "shop");
	assert_int_equal(ask(NULL, 0, &e, 1, &any), SELECTOR_NO);
	e = GLOB(EXE_PATH, "*");
	assert_int_equal(ask(NULL, 0, &e, 1, &any), SELECTOR_UNDECIDED);
}

static void a_child_matches_by_its_parent_but_is_excluded_alone(void **state)
{
	struct selector_subject grandparent = cart, parent = cart, child = cart;
	struct selector_entry in = GLOB(EXE_PATH, "*/master"), out = GLOB(EXE_PATH, "*/worker");

	grandparent.text[SELECTOR_EXE_PATH] = "/usr/bin/master";
	parent.text[SELECTOR_EXE_PATH] = "/usr/bin/sh";
	parent.parent = &grandparent;
	child.text[SELECTOR_EXE_PATH] = "/usr/bin/worker";
	assert_int_equal(one(in, &child), SELECTOR_NO);
	child.parent = &parent;
	assert_int_equal(one(in, &child), SELECTOR_YES);
	assert_int_equal(ask(&in, 1, &out, 1, &child), SELECTOR_NO);
	out = GLOB(EXE_PATH, "*/master");
	assert_int_equal(ask(&in, 1, &out, 1, &child), SELECTOR_YES);
	/* the fields of an entry hold for one process of the family, not each for another */
	in.text[SELECTOR_CMD_ARGS] = "worker *";
	child.text[SELECTOR_CMD_ARGS] = "worker --fast";
	assert_int_equal(one(in, &child), SELECTOR_NO);
}

static void the_last_matching_entry_says_what_is_exported_and_by_which_routes(void **state)
{
	struct selector_entry e[] = {GLOB(K8S_NAMESPACE, "shop"), GLOB(K8S_POD, "cart-*"),
				     GLOB(K8S_POD, "none")};
	struct selector_options options = {.include = e, .include_count = 3};
	struct selector_choice choice;
	struct selector *selector;
	char why[PATTERN_WHY_MAX];

	e[0].has_silent = e[0].silent = true;
	e[0].routes = 4;
	e[2].routes = 5;
	assert_int_equal(selector_new(&selector, &options, why), 0);
	assert_int_equal(selector_match(selector, &cart, &choice), SELECTOR_YES);
	assert_true(choice.silent);
	assert_int_equal(choice.routes, 4);
	selector_free(selector);
	e[1].has_silent = true;
	e[1].routes = 6;
	assert_int_equal(selector_new(&selector, &options, why), 0);
	assert_int_equal(selector_match(selector, &cart, &choice), SELECTOR_YES);
	assert_false(choice.silent);
	assert_int_equal(choice.routes, 6);
	selector_free(selector);
}

static void exclusions_win(void **state)
{
	struct selector_entry in = GLOB(K8S_NAMESPACE, "shop"), out = GLOB(K8S_POD, "cart-*");

	assert_int_equal(ask(&in, 1, &out, 1, &cart), SELECTOR_NO);
	assert_int_equal(ask(NULL, 0, &out, 1, &cart), SELECTOR_NO);
	out = GLOB(K8S_POD, "order-*");
	assert_int_equal(ask(&in, 1, &out, 1, &cart), SELECTOR_YES);
}

static void a_pod_not_known_yet_leaves_it_undecided(void **state)
{
	const struct selector_subject pending = {
		.text[SELECTOR_EXE_PATH] = "/usr/sbin/nginx",
		.metadata = SELECTOR_METADATA_PENDING,
	};
	struct selector_subject none = pending;
	struct selector_entry pod = GLOB(K8S_NAMESPACE, "shop"), exe = GLOB(EXE_PATH, "*/nginx");
	struct selector_entry owner = GLOB(K8S_OWNER, "x"), two[2] = {pod, exe}, both = pod;
	const struct selector_pair app[] = {{"app", "*"}};

	none.metadata = SELECTOR_METADATA_NONE;
	assert_int_equal(one(pod, &pending), SELECTOR_UNDECIDED);
	assert_int_equal(one(owner, &pending), SELECTOR_UNDECIDED);
	assert_int_equal(one((struct selector_entry){.labels = app, .label_count = 1}, &pending),
			 SELECTOR_UNDECIDED);
	assert_int_equal(one(pod, &none), SELECTOR_NO);
	/* What is known may decide without it. */
	assert_int_equal(ask(two, 2, NULL, 0, &pending), SELECTOR_YES);
	both.text[SELECTOR_EXE_PATH] = "*/java";
	assert_int_equal(one(both, &pending), SELECTOR_NO);
	/* An exclusion that may still come holds up a "yes", and never a "no". */
	assert_int_equal(ask(&exe, 1, &pod, 1, &pending), SELECTOR_UNDECIDED);
	assert_int_equal(ask(&both, 1, &pod, 1, &pending), SELECTOR_NO);
	assert_int_equal(ask(&pod, 1, &exe, 1, &pending), SELECTOR_NO);
}

static void the_last_matching_entry_that_names_gives_the_name(void **state)
{
	struct selector_entry e[] = {GLOB(K8S_NAMESPACE, "shop"), GLOB(K8S_POD, "*"),
				     GLOB(K8S_POD, "*"), GLOB(K8S_POD, "none")};
	struct selector_options options = {.include = e, .include_count = 4};
	struct selector_choice choice;
	struct selector *selector;
	char why[PATTERN_WHY_MAX];

	e[0].name = "first";
	e[0].namespace = "space";
	e[1].name = "second";
	e[3].name = "no match";
	assert_int_equal(selector_new(&selector, &options, why), 0);
	assert_int_equal(selector_match(selector, &cart, &choice), SELECTOR_YES);
	assert_string_equal(choice.name, "second");
	assert_string_equal(choice.space, "space");
	selector_free(selector);
}

static void a_bad_pattern_is_named_by_its_field(void **state)
{
	struct selector_entry e = {.form = PATTERN_REGEX, .text[SELECTOR_K8S_JOB] = "("};
	struct selector_options options = {.exclude = &e, .exclude_count = 1};
	struct selector *selector;
	char why[PATTERN_WHY_MAX];

	assert_int_equal(selector_new(&selector, &options, why), -EINVAL);
	assert_string_equal(why, "k8s_job_name: missing closing parenthesis, at character 2");
	options.exclude_count = SELECTOR_ENTRIES_MAX + 1;
	assert_int_equal(selector_new(&selector, &options, why), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_entries_everything_is_shown),
		cmocka_unit_test(fields_of_an_entry_must_all_hold),
		cmocka_unit_test(one_of_several_entries_is_enough),
		cmocka_unit_test(every_text_is_compared_with_its_own_value),
		cmocka_unit_test(absent_values_match_nothing_not_even_a_star),
		cmocka_unit_test(the_owner_may_be_of_any_level),
		cmocka_unit_test(labels_and_annotations_must_all_match),
		cmocka_unit_test(ports_and_pids_are_ranges),
		cmocka_unit_test(containers_only_leaves_out_the_host),
		cmocka_unit_test(what_a_process_decides_is_undecided_for_all_of_a_container),
		cmocka_unit_test(a_child_matches_by_its_parent_but_is_excluded_alone),
		cmocka_unit_test(the_last_matching_entry_says_what_is_exported_and_by_which_routes),
		cmocka_unit_test(exclusions_win),
		cmocka_unit_test(a_pod_not_known_yet_leaves_it_undecided),
		cmocka_unit_test(the_last_matching_entry_that_names_gives_the_name),
		cmocka_unit_test(a_bad_pattern_is_named_by_its_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
