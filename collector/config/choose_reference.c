/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the reference page that is about attributes; its tables come from attributes.c. */
#include "choose.h"

#include "unsupported.h"

static const char select[] =
	"\n"
	"## Attributes\n"
	"\n"
	"An attribute has a name with dots, as OpenTelemetry has it, and as a label one with "
	"underscores; either may be\n"
	"written wherever the configuration names one. Which ones a metric has is fixed when "
	"Keyhole starts:\n"
	"\n"
	"```yaml\n"
	"attributes:\n"
	"  select:\n"
	"    \"*\":\n"
	"      exclude: [k8s.replicaset.name, k8s.pod.uid]\n"
	"    http_server_request_duration:\n"
	"      include: [url.path]\n"
	"    resource:\n"
	"      exclude: [\"telemetry.*\"]\n"
	"```\n"
	"\n"
	"A key of `attributes.select` is a metric, with dots or underscores, with or without its "
	"unit, or a glob; `resource`\n"
	"is `target_info`. All sections that match a metric are applied in lexical order: an "
	"`include` of the first\n"
	"replaces the defaults, those of later ones add, and each `exclude` takes away. Globs are "
	"those of `instrument`.\n"
	"\n"
	"An `include` is all that the metric has, as with Beyla: `http_server_request_duration: "
	"{include: [url.path]}` alone\n"
	"leaves it that one label, without `service_name`, `job`, `instance` or `k8s_pod_name`. To "
	"add to the defaults, name\n"
	"those to keep, or put the `include` behind a section that has none: above, `\"*\"` comes "
	"first and only excludes, so\n"
	"the metric has all the others and `url_path`.\n"
	"\n"
	"The key `traces` is about spans (traces.md). What they have \"unless excluded\" they keep "
	"whatever `include` names;\n"
	"only an `exclude` of the key `traces` itself takes it away, none of a glob such as "
	"`\"*\"`.\n"
	"\n"
	"Only what the metric can have can be included; another name is an error, and one that "
	"only Beyla has (see below)\n"
	"gets a line and is left out. Metrics of one kind and side that have the same labels share "
	"their series; each further\n"
	"set of labels costs the collector one more look-up per request. Those of pods (`k8s.`) "
	"are "
	"there where pods are known.\n"
	"\n"
	"| attribute | label | where | spans | value |\n"
	"|---|---|---|---|---|\n";

static const char extra[] =
	"\n"
	"Attributes of `prometheus_export.extra_resource_attributes` stand on `target_info` and "
	"can "
	"be included elsewhere;\n"
	"those of `attributes.extra_group_attributes.k8s_app_meta` stand on every series, too. "
	"They "
	"are taken from\n"
	"`OTEL_RESOURCE_ATTRIBUTES` of the container's spec, else from the pod's annotation "
	"`resource.opentelemetry.io/NAME`,\n"
	"else from the pod's labels that `attributes.kubernetes.resource_labels.NAME` lists.\n"
	"There can be %d of them. In the label, what is neither letter nor digit becomes `_`.\n"
	"\n"
	"## Filters\n"
	"\n"
	"Requests that do not pass every test of `filter.application` are not counted in any "
	"metric but\n"
	"`keyhole_records_dropped_total{reason=\"filtered\"}`. Any attribute of server or client "
	"metrics can be tested, whether\n"
	"it is a label or not; one without a value is empty to a glob, 0 to a comparison; one that "
	"only Beyla has is not\n"
	"tested. Those of other protocols have no value: a test that HTTP's status is 400 or more "
	"lets no query of a\n"
	"database pass. Only `http.response.status_code`, `server.port` and process ids are "
	"numbers.\n"
	"\n"
	"```yaml\n"
	"filter:\n"
	"  application:\n"
	"    url.path:\n"
	"      not_match: \"{/healthz,/metrics}*\"\n"
	"    http.response.status_code:\n"
	"      greater_equals: 400\n"
	"```\n"
	"\n"
	"| test | passes if |\n"
	"|---|---|\n";

static const char *presence(enum attribute_presence on)
{
	switch (on) {
	case PRESENT_BY_DEFAULT:
		return "default";
	case PRESENT_ON_REQUEST:
		return "opt-in";
	case PRESENT_WITH_ROUTES:
		return "default with `routes`";
	case PRESENT_WITH_HOST:
		return "default with `keyhole.server_address_from_host`";
	case PRESENT_ANYWAY:
		return "unless excluded";
	case PRESENT_NEVER:
		break;
	}
	return "";
}

/* In the order of enum attribute_owner. */
static const char *const owner_name[] = {
	"HTTP server",   "HTTP client", "RPC server",        "RPC client",
	"DB server",     "DB client",   "messaging server",  "messaging client",
	"DNS server",    "DNS client",  "messaging process", "encrypted connections",
	"`target_info`",
};
_Static_assert(sizeof(owner_name) / sizeof(*owner_name) == OWNER_SPANS, "one for each but spans");

/* "all" for those of series. */
static void put_owners(FILE *out, unsigned int owners)
{
	const unsigned int series = (1u << OWNERS_OF_SERIES) - 1;
	const char *comma = "";

	if ((owners & series) == series) {
		fputs("all metrics", out);
		comma = ", ";
		owners &= ~series;
	}
	for (unsigned int owner = 0; owner < OWNER_SPANS; owner++) {
		/* A kind's server and client, where both are meant, by its own name. */
		bool both =
			owner % 2 == 0 && owner < 2 * EXCHANGE_KINDS && (owners >> owner & 3) == 3;

		if (!(owners & 1u << owner))
			continue;
		fputs(comma, out);
		if (both)
			fprintf(out, "%.*s", (int)strcspn(owner_name[owner], " "),
				owner_name[owner]);
		else
			fputs(owner_name[owner], out);
		comma = ", ";
		owner += both;
	}
}

/* Whose metrics have it and when, presence by presence. */
static void put_presences(FILE *out, unsigned int id)
{
	const char *parted = "";

	for (int on = PRESENT_ON_REQUEST; on <= PRESENT_WITH_HOST; on++) {
		unsigned int owners = 0;

		for (unsigned int owner = 0; owner < OWNER_SPANS; owner++) {
			if (attribute_presence(id, (enum attribute_owner)owner) ==
			    (enum attribute_presence)on)
				owners |= 1u << owner;
		}
		if (!owners)
			continue;
		fprintf(out, "%s%s: ", parted, presence((enum attribute_presence)on));
		put_owners(out, owners);
		parted = "; ";
	}
}

static void put_attribute(FILE *out, unsigned int id)
{
	fprintf(out, "| `%s` | `%s` | ", attribute_name(NULL, id), attribute_label(NULL, id));
	put_presences(out, id);
	fprintf(out, " | %s | %s |\n", presence(attribute_presence(id, OWNER_SPANS)),
		attribute_at(id)->doc);
}

void choose_print_reference(FILE *out)
{
	const struct option_table *tests = &choose_filter_tests;

	fputs(select, out);
	for (unsigned int id = 0; id < ATTR_EXTRA; id++)
		put_attribute(out, id);
	fprintf(out, extra, RESOURCE_EXTRAS_MAX);
	for (size_t i = 0; i < tests->n; i++)
		fprintf(out, "| `%s` | %s |\n", tests->options[i].path, tests->options[i].doc);
}

void choose_print_unsupported(FILE *out)
{
	const struct unsupported_attribute *a;

	fputs("\n"
	      "Likewise attributes of Beyla's in `attributes.select` and `filter.application`:\n"
	      "\n"
	      "| attribute | because | yet |\n"
	      "|---|---|---|\n",
	      out);
	for (size_t i = 0; (a = unsupported_attribute_at(i)); i++) {
		if (attribute_find(NULL, slice_of(a->name)) < 0)
			fprintf(out, "| `%s` | %s | %s |\n", a->name, a->because,
				a->yet ? "not yet" : "");
	}
}
