/* SPDX-License-Identifier: Apache-2.0 */
/* Names, by precedence: each test takes away what won and sees who comes next. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "service/otel_attributes.h"
#include "service/resolve.h"

#include <string.h>

/* Labels or annotations: key, value, ..., NULL. */
static const char *look(const char *const *pairs, const char *key)
{
	for (; pairs && *pairs; pairs += 2) {
		if (strcmp(pairs[0], key) == 0)
			return pairs[1];
	}
	return NULL;
}

struct pod {
	const char *const *labels, *const *annotations;
};

static const char *label(const void *pod, const char *key)
{
	return look(((const struct pod *)pod)->labels, key);
}

static const char *annotation(const void *pod, const char *key)
{
	return look(((const struct pod *)pod)->annotations, key);
}

static const char *const name_keys[] = {"app.kubernetes.io/instance", "app.kubernetes.io/name"};
static const char *const space_keys[] = {"app.kubernetes.io/part-of"};
static const char *const version_keys[] = {"app.kubernetes.io/version"};

static const struct resolve_rules rules = {
	.name = {name_keys, 2},
	.space = {space_keys, 1},
	.version = {version_keys, 1},
	.cluster = "prod",
	.host = "node-1",
};

static const char *const all_labels[] = {
	"app.kubernetes.io/instance",
	"label-instance",
	"app.kubernetes.io/name",
	"label-name",
	"app.kubernetes.io/part-of",
	"label-part-of",
	"app.kubernetes.io/version",
	"label-version",
	NULL,
};

static const char *const all_annotations[] = {
	"resource.opentelemetry.io/service.name",
	"note-name",
	"resource.opentelemetry.io/service.namespace",
	"note-space",
	"resource.opentelemetry.io/service.version",
	"note-version",
	"resource.opentelemetry.io/service.instance.id",
	"note-instance",
	NULL,
};

struct fixture {
	struct pod keys;
	struct resolve_pod pod;
	struct resolve_input in;
};

/* Everything that can be there is there. */
static struct fixture full(void)
{
	return (struct fixture){
		.keys = {all_labels, all_annotations},
		.pod = {.name = "cart-5d8f-x2x4q",
			.uid = "u-1",
			.space = "shop",
			.node = "node-1",
			.start_time = "2026-11-23 22:42:24 +0000 UTC",
			.deployment = "cart",
			.replicaset = "cart-5d8f",
			.owner_name = "cart",
			.owner_kind = "Deployment",
			.label = label,
			.annotation = annotation},
		.in = {.exe = "/usr/bin/python3.11",
		       .comm = "gunicorn",
		       .unit = "cart.service",
		       .pid = 77,
		       .container_id = "c0ffee",
		       .container_name = "web",
		       .image = "registry:5000/shop/cart:1.4@sha256:abc",
		       .otel_service_name = "env-name",
		       .otel_resource_attributes =
			       "service.name=attr-name,service.namespace=attr-space,"
			       "service.version=attr-version,service.instance.id=attr-instance",
		       .entry_name = "entry-name",
		       .entry_namespace = "entry-space"},
	};
}

static struct resource *resolved(struct fixture *f)
{
	struct resource *resource;

	f->pod.pod = &f->keys;
	if (f->pod.name)
		f->in.pod = &f->pod;
	resource = resolve(&rules, &f->in);
	assert_non_null(resource);
	return resource;
}

static void expect(struct fixture *f, enum resource_attr attr, const char *value)
{
	struct resource *resource = resolved(f);

	assert_string_equal(resource->attr[attr], value);
	resource_unref(resource);
}

static void service_name_has_its_order(void **state)
{
	struct fixture f = full();
	const char *no_instance[] = {"app.kubernetes.io/name", "label-name", NULL};

	expect(&f, RES_SERVICE_NAME, "entry-name");
	f.in.entry_name = "";
	expect(&f, RES_SERVICE_NAME, "env-name");
	f.in.otel_service_name = "$(NAME)";
	expect(&f, RES_SERVICE_NAME, "attr-name");
	f.in.otel_service_name = "cart-$(STAGE)";
	expect(&f, RES_SERVICE_NAME, "attr-name");
	f.in.otel_resource_attributes = NULL;
	expect(&f, RES_SERVICE_NAME, "note-name");
	f.keys.annotations = NULL;
	expect(&f, RES_SERVICE_NAME, "label-instance");
	f.keys.labels = no_instance;
	expect(&f, RES_SERVICE_NAME, "label-name");
	f.keys.labels = NULL;
	expect(&f, RES_SERVICE_NAME, "cart");
	f.pod.owner_name = "";
	expect(&f, RES_SERVICE_NAME, "cart-5d8f-x2x4q");
}

static void a_template_takes_the_place_of_annotations_and_labels(void **state)
{
	struct resolve_rules with_template = rules;
	struct fixture f = full();
	const char *name, *space;
	struct resource *resource;
	char buf[RESOLVE_NAME_MAX + 1];

	with_template.name_template = "{{.Meta.Namespace}}/{{index .Meta.Labels "
				      "\"app.kubernetes.io/name\"}}{{if .ContainerName}}/"
				      "{{.ContainerName}}{{end}}";
	f.in.entry_name = NULL;
	f.pod.pod = &f.keys;
	f.in.pod = &f.pod;
	resource = resolve(&with_template, &f.in);
	assert_string_equal(resource->attr[RES_SERVICE_NAME], "env-name");
	resource_unref(resource);
	f.in.otel_service_name = f.in.otel_resource_attributes = NULL;
	resource = resolve(&with_template, &f.in);
	assert_string_equal(resource->attr[RES_SERVICE_NAME], "shop/label-name/web");
	resource_unref(resource);
	resolve_pod_service(&with_template, &f.pod, &name, &space, buf);
	assert_string_equal(name, "shop/label-name");
	with_template.name_template = "{{index .Meta.Labels \"absent\"}}";
	resource = resolve(&with_template, &f.in);
	assert_string_equal(resource->attr[RES_SERVICE_NAME], "cart");
	resource_unref(resource);
}

static void outside_of_pods_the_executable_names(void **state)
{
	struct resolve_rules with_name = rules;
	struct fixture f = full();
	struct resource *resource;

	f.pod.name = NULL;
	f.in.entry_name = f.in.otel_service_name = f.in.otel_resource_attributes = NULL;
	with_name.service_name = "configured";
	with_name.service_namespace = "space";
	f.in.entry_namespace = NULL;
	resource = resolve(&with_name, &f.in);
	assert_string_equal(resource->attr[RES_SERVICE_NAME], "configured");
	assert_string_equal(resource->attr[RES_JOB], "space/configured");
	resource_unref(resource);
	expect(&f, RES_SERVICE_NAME, "python3.11");
	f.in.exe = "nginx";
	expect(&f, RES_SERVICE_NAME, "nginx");
	f.in.exe = "";
	expect(&f, RES_SERVICE_NAME, "gunicorn");
	f.in.comm = NULL;
	expect(&f, RES_SERVICE_NAME, "cart");
	f.in.unit = "session-1.scope";
	expect(&f, RES_SERVICE_NAME, "unknown_service");
}

static void service_namespace_has_its_order(void **state)
{
	struct fixture f = full();

	expect(&f, RES_SERVICE_NAMESPACE, "entry-space");
	f.in.entry_namespace = NULL;
	expect(&f, RES_SERVICE_NAMESPACE, "attr-space");
	f.in.otel_resource_attributes = "";
	expect(&f, RES_SERVICE_NAMESPACE, "note-space");
	f.keys.annotations = NULL;
	expect(&f, RES_SERVICE_NAMESPACE, "label-part-of");
	f.keys.labels = NULL;
	expect(&f, RES_SERVICE_NAMESPACE, "shop");
}

static void service_version_has_its_order(void **state)
{
	struct fixture f = full();

	expect(&f, RES_SERVICE_VERSION, "attr-version");
	f.in.otel_resource_attributes = "";
	expect(&f, RES_SERVICE_VERSION, "note-version");
	f.keys.annotations = NULL;
	expect(&f, RES_SERVICE_VERSION, "label-version");
	f.keys.labels = NULL;
	expect(&f, RES_SERVICE_VERSION, "1.4");
	f.in.image = "registry:5000/shop/cart";
	expect(&f, RES_SERVICE_VERSION, "");
	f.in.image = "cart@sha256:abc";
	expect(&f, RES_SERVICE_VERSION, "");
	f.in.image = NULL;
	expect(&f, RES_SERVICE_VERSION, "");
}

static void the_instance_is_namespace_pod_container_or_host_and_pid(void **state)
{
	struct fixture f = full();

	expect(&f, RES_INSTANCE, "attr-instance");
	f.in.otel_resource_attributes = "";
	expect(&f, RES_INSTANCE, "note-instance");
	f.keys.annotations = NULL;
	expect(&f, RES_INSTANCE, "shop.cart-5d8f-x2x4q.web");
	f.in.container_name = "";
	expect(&f, RES_INSTANCE, "shop.cart-5d8f-x2x4q");
	f.pod.name = NULL;
	f.in.pod = NULL;
	expect(&f, RES_INSTANCE, "node-1:77");
}

static void the_job_is_namespace_and_name(void **state)
{
	struct fixture f = full();

	expect(&f, RES_JOB, "entry-space/entry-name");
	f = full();
	f.pod.name = NULL;
	f.in.entry_namespace = f.in.otel_resource_attributes = NULL;
	expect(&f, RES_JOB, "entry-name");
}

static void a_pod_brings_its_names(void **state)
{
	struct fixture f = full();
	struct resource *r = resolved(&f);

	assert_string_equal(r->attr[RES_K8S_NAMESPACE], "shop");
	assert_string_equal(r->attr[RES_K8S_POD], "cart-5d8f-x2x4q");
	assert_string_equal(r->attr[RES_K8S_CONTAINER], "web");
	assert_string_equal(r->attr[RES_K8S_DEPLOYMENT], "cart");
	assert_string_equal(r->attr[RES_K8S_REPLICASET], "cart-5d8f");
	assert_string_equal(r->attr[RES_K8S_DAEMONSET], "");
	assert_string_equal(r->attr[RES_K8S_NODE], "node-1");
	assert_string_equal(r->attr[RES_K8S_POD_UID], "u-1");
	assert_string_equal(r->attr[RES_K8S_POD_START], "2026-11-23 22:42:24 +0000 UTC");
	assert_string_equal(r->attr[RES_K8S_CLUSTER], "prod");
	assert_string_equal(r->attr[RES_K8S_OWNER], "cart");
	assert_string_equal(r->attr[RES_K8S_KIND], "Deployment");
	assert_string_equal(r->attr[RES_CONTAINER_ID], "c0ffee");
	assert_string_equal(r->attr[RES_CONTAINER_NAME], "");
	assert_string_equal(r->attr[RES_HOST_NAME], "cart-5d8f-x2x4q");
	resource_unref(r);
}

static void without_a_pod_there_is_nothing_of_kubernetes(void **state)
{
	struct fixture f = full();
	struct resource *r;

	f.pod.name = NULL;
	r = resolved(&f);
	for (int i = RES_K8S_NAMESPACE; i <= RES_K8S_KIND; i++)
		assert_string_equal(r->attr[i], "");
	assert_string_equal(r->attr[RES_CONTAINER_NAME], "web");
	assert_string_equal(r->attr[RES_HOST_NAME], "node-1");
	resource_unref(r);
}

/* Of the machine: the same in a pod and outside of it. */
static void the_host_has_the_id_that_was_configured(void **state)
{
	struct resolve_rules with_id = rules;
	struct fixture f = full();
	struct resource *r;

	expect(&f, RES_HOST_ID, "");
	with_id.host_id = "i-0abc";
	r = resolve(&with_id, &f.in);
	assert_string_equal(r->attr[RES_HOST_ID], "i-0abc");
	resource_unref(r);
	f.in.pod = NULL;
	r = resolve(&with_id, &f.in);
	assert_string_equal(r->attr[RES_HOST_ID], "i-0abc");
	resource_unref(r);
}

static void extra_attributes_come_from_the_environment_then_the_annotation(void **state)
{
	static const char *const keys[] = {"deployment.environment", "team", "no.such"};
	static const char *const notes[] = {"resource.opentelemetry.io/team", "note-team",
					    "resource.opentelemetry.io/deployment.environment",
					    "note-environment", NULL};
	struct resolve_rules asking = rules;
	struct fixture f = full();
	struct resource *r;

	asking.extra = (struct resolve_labels){keys, 3};
	f.keys.annotations = notes;
	f.in.otel_resource_attributes = "deployment.environment=a%20b,x=y";
	f.pod.pod = &f.keys;
	f.in.pod = &f.pod;
	r = resolve(&asking, &f.in);
	assert_string_equal(r->extra[0], "a b");
	assert_string_equal(r->extra[1], "note-team");
	assert_string_equal(r->extra[2], "");
	assert_string_equal(r->extra[RESOURCE_EXTRAS_MAX - 1], "");
	resource_unref(r);
	f.in.otel_resource_attributes = NULL;
	r = resolve(&asking, &f.in);
	assert_string_equal(r->extra[0], "note-environment");
	resource_unref(r);
}

static void an_extra_attribute_comes_from_labels_last(void **state)
{
	static const char *const keys[] = {"team", "stage"}, *const from[] = {"no.such", "env"};
	static const char *const labels[] = {"env", "label-env", NULL};
	static const char *const notes[] = {"resource.opentelemetry.io/stage", "note-stage", NULL};
	static const struct resolve_extra_labels of_stage = {"stage", {from, 2}};
	struct resolve_rules asking = rules;
	struct fixture f = full();
	struct resource *r;

	asking.extra = (struct resolve_labels){keys, 2};
	asking.extra_labels = &of_stage;
	asking.extra_label_count = 1;
	f.keys.labels = labels;
	f.keys.annotations = NULL;
	f.pod.pod = &f.keys;
	f.in.pod = &f.pod;
	r = resolve(&asking, &f.in);
	assert_string_equal(r->extra[0], "");
	assert_string_equal(r->extra[1], "label-env");
	resource_unref(r);
	f.keys.annotations = notes;
	r = resolve(&asking, &f.in);
	assert_string_equal(r->extra[1], "note-stage");
	resource_unref(r);
}

static void nothing_known_still_makes_a_resource(void **state)
{
	const struct resolve_rules no_rules = {0};
	const struct resolve_input nothing = {0};
	const struct resolve_pod blank = {0};
	const struct resolve_input in_pod = {.pod = &blank};
	struct resource *r = resolve(&no_rules, &nothing);

	assert_string_equal(r->attr[RES_SERVICE_NAME], "unknown_service");
	assert_string_equal(r->attr[RES_INSTANCE], "localhost:unknown_service");
	resource_unref(r);
	r = resolve(&no_rules, &in_pod);
	assert_string_equal(r->attr[RES_SERVICE_NAME], "unknown_service");
	resource_unref(r);
}

static void long_and_wild_values_are_cut_and_cleaned(void **state)
{
	struct fixture f = full();
	char name[4000];
	struct resource *r;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	f.in.entry_name = name;
	f.in.entry_namespace = "a\xff\nb";
	f.in.otel_resource_attributes = NULL;
	f.keys.annotations = NULL;
	f.pod.space = name;
	f.in.container_name = name;
	r = resolved(&f);
	assert_int_equal(strlen(r->attr[RES_SERVICE_NAME]), RESOURCE_VALUE_MAX);
	assert_int_equal(strlen(r->attr[RES_JOB]), RESOURCE_VALUE_MAX);
	assert_int_equal(strlen(r->attr[RES_INSTANCE]), RESOURCE_VALUE_MAX);
	assert_string_equal(r->attr[RES_SERVICE_NAMESPACE], "a\xef\xbf\xbd\xef\xbf\xbd"
							    "b");
	resource_unref(r);
}

static void attributes_are_pairs_percent_encoded(void **state)
{
	static const struct {
		const char *attributes, *key, *value;
	} v[] = {
		{"a=1,b=2", "b", "2"},
		{" a = 1 , b = 2 ", "a", "1"},
		{"a=x%20y%2Cz", "a", "x y,z"},
		{"a=100%,b=%zz%4", "a", "100%"},
		{"a=100%,b=%zz%4", "b", "%zz%4"},
		{"a=b=c", "a", "b=c"},
		{"aa=1", "a", NULL},
		{"a=", "a", NULL},
		{"a=%00x", "a", NULL},
		{"a=$(POD)", "a", NULL},
		{"a=x-$(POD)", "a", NULL},
		{"a,b=1,,", "b", "1"},
		{"", "a", NULL},
		{NULL, "a", NULL},
	};
	char buf[16];

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		const char *value = otel_attribute(v[i].attributes, v[i].key, buf, sizeof(buf));

		if (v[i].value)
			assert_string_equal(value, v[i].value);
		else
			assert_null(value);
	}
	assert_string_equal(otel_attribute("a=abcdefgh", "a", buf, 4), "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(service_name_has_its_order),
		cmocka_unit_test(a_template_takes_the_place_of_annotations_and_labels),
		cmocka_unit_test(outside_of_pods_the_executable_names),
		cmocka_unit_test(service_namespace_has_its_order),
		cmocka_unit_test(service_version_has_its_order),
		cmocka_unit_test(the_instance_is_namespace_pod_container_or_host_and_pid),
		cmocka_unit_test(the_job_is_namespace_and_name),
		cmocka_unit_test(a_pod_brings_its_names),
		cmocka_unit_test(without_a_pod_there_is_nothing_of_kubernetes),
		cmocka_unit_test(the_host_has_the_id_that_was_configured),
		cmocka_unit_test(extra_attributes_come_from_the_environment_then_the_annotation),
		cmocka_unit_test(an_extra_attribute_comes_from_labels_last),
		cmocka_unit_test(nothing_known_still_makes_a_resource),
		cmocka_unit_test(long_and_wild_values_are_cut_and_cleaned),
		cmocka_unit_test(attributes_are_pairs_percent_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
