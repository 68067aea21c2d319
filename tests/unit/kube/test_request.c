/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/kube/request.h"

static const struct kube_source pods = {.path = "/api/v1/pods",
					.selector = "spec.nodeName=n 1&watch=1"};
static const struct kube_source replicasets = {.path = "/apis/apps/v1/replicasets"};
static const struct kube_source in_space = {.path = "/api/v1/namespaces/shop/services"};

static void asks(const struct kube_source *source, const struct kube_request *request,
		 const char *wanted)
{
	char *path = kube_request_path(source, request);

	assert_string_equal(path, wanted);
	free(path);
}

static void a_list_names_version_or_page_never_both(void **state)
{
	struct kube_request request = {
		.verb = KUBE_VERB_LIST, .version = "0", .next = "", .limit = 250};

	asks(&pods, &request,
	     "/api/v1/pods?fieldSelector=spec.nodeName%3Dn%201%26watch%3D1&limit=250"
	     "&resourceVersion=0");
	request.next = "eyJ2+/=";
	asks(&replicasets, &request, "/apis/apps/v1/replicasets?limit=250&continue=eyJ2%2B%2F%3D");
	request = (struct kube_request){.verb = KUBE_VERB_LIST, .version = "", .next = ""};
	asks(&replicasets, &request, "/apis/apps/v1/replicasets");
}

static void a_watch_begins_at_a_version_and_a_stream_with_all(void **state)
{
	struct kube_request request = {
		.verb = KUBE_VERB_WATCH, .version = "77", .next = "", .timeout_s = 300};

	asks(&replicasets, &request,
	     "/apis/apps/v1/replicasets?watch=1&allowWatchBookmarks=true&resourceVersion=77"
	     "&timeoutSeconds=300");
	request.verb = KUBE_VERB_STREAM;
	request.version = "";
	asks(&replicasets, &request,
	     "/apis/apps/v1/replicasets?watch=1&allowWatchBookmarks=true&sendInitialEvents=true"
	     "&resourceVersionMatch=NotOlderThan&timeoutSeconds=300");
}

static void a_poll_chooses_nothing(void **state)
{
	struct kube_request request = {
		.verb = KUBE_VERB_POLL, .version = "", .next = "", .limit = 250};

	asks(&pods, &request, "/pods");
}

static void misses(const struct kube_source *source, enum kube_verb verb, const char *wanted)
{
	char buf[KUBE_RULE_MAX];

	assert_string_equal(kube_request_rule(source, verb, buf), wanted);
}

static void the_missing_rule_is_named_exactly(void **state)
{
	misses(&pods, KUBE_VERB_LIST,
	       "verb \"list\" on resource \"pods\" in API group \"\" at cluster scope");
	misses(&pods, KUBE_VERB_STREAM,
	       "verb \"watch\" on resource \"pods\" in API group \"\" at cluster scope");
	misses(&replicasets, KUBE_VERB_WATCH,
	       "verb \"watch\" on resource \"replicasets\" in API group \"apps\" at cluster scope");
	misses(&in_space, KUBE_VERB_LIST,
	       "verb \"list\" on resource \"services\" in API group \"\" in namespace shop");
	misses(&pods, KUBE_VERB_POLL,
	       "verb \"get\" on resource \"nodes/pods\" in API group \"\" at cluster scope");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_names_version_or_page_never_both),
		cmocka_unit_test(a_watch_begins_at_a_version_and_a_stream_with_all),
		cmocka_unit_test(a_poll_chooses_nothing),
		cmocka_unit_test(the_missing_rule_is_named_exactly),
	};

	return cmocka_run_group_tests_name("kube request", tests, NULL, NULL);
}
