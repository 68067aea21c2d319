/* SPDX-License-Identifier: Apache-2.0 */
#include "attributes.h"

#include <errno.h>
#include <stdio.h>

/* ---- the table ---- */

#define NEVER PRESENT_NEVER
#define ASKED PRESENT_ON_REQUEST
#define ALWAYS PRESENT_BY_DEFAULT
#define ON(server, client, info)                                                                   \
	{[OWNER_SERVER] = (server), [OWNER_CLIENT] = (client), [OWNER_INFO] = (info)}
#define RESOURCE(e, g, series, says)                                                               \
	[RES_##e] = {.group = GROUP_##g, .on = ON(series, series, ALWAYS), .doc = (says)}

/* Those of a resource have their names in service/resource.h. */
static const struct attribute table[ATTR_EXTRA] = {
	RESOURCE(SERVICE_NAME, APP, ALWAYS,
		 "The name that the workload's owner, its labels, its annotations or the "
		 "configuration give it; outside of pods the executable's name."),
	RESOURCE(SERVICE_NAMESPACE, APP, ALWAYS,
		 "The pod's namespace, unless labels, annotations or the configuration say "
		 "another."),
	RESOURCE(SERVICE_VERSION, APP, ASKED, "From labels, annotations or the image's tag."),
	RESOURCE(INSTANCE, PROM, ALWAYS,
		 "`namespace.pod.container`; outside of pods `host:pid` or `host:name`."),
	RESOURCE(JOB, PROM, ALWAYS, "`service_namespace/service_name`."),
	RESOURCE(K8S_NAMESPACE, KUBE, ALWAYS, "Namespace of the pod."),
	RESOURCE(K8S_POD, KUBE, ALWAYS, "Name of the pod."),
	RESOURCE(K8S_CONTAINER, KUBE, ALWAYS, "Name of the container in its pod."),
	RESOURCE(K8S_DEPLOYMENT, KUBE, ALWAYS, "Name of the Deployment."),
	RESOURCE(K8S_REPLICASET, KUBE, ALWAYS, "Name of the ReplicaSet."),
	RESOURCE(K8S_DAEMONSET, KUBE, ALWAYS, "Name of the DaemonSet."),
	RESOURCE(K8S_STATEFULSET, KUBE, ALWAYS, "Name of the StatefulSet."),
	RESOURCE(K8S_JOB, KUBE, ALWAYS, "Name of the Job."),
	RESOURCE(K8S_CRONJOB, KUBE, ALWAYS, "Name of the CronJob."),
	RESOURCE(K8S_NODE, KUBE, ALWAYS, "Name of the node."),
	RESOURCE(K8S_POD_UID, KUBE, ALWAYS, "Uid of the pod."),
	RESOURCE(K8S_POD_START, KUBE, ALWAYS, "When the pod started."),
	RESOURCE(K8S_CLUSTER, KUBE, ALWAYS, "As configured."),
	RESOURCE(K8S_OWNER, KUBE, ALWAYS, "Name of the topmost owner."),
	RESOURCE(K8S_KIND, KUBE, ALWAYS, "Kind of the topmost owner."),
	RESOURCE(CONTAINER_ID, CONTAINER, ASKED,
		 "Id of the container; by default only of one that is in no known pod."),
	RESOURCE(CONTAINER_NAME, CONTAINER, ALWAYS, "Name of a container that is in no known pod."),
	RESOURCE(HOST_NAME, APP, ASKED, "The pod's name; outside of pods the host's."),
	RESOURCE(HOST_ID, APP, ASKED, "`attributes.host_id.override`, where it is given."),

	[ATTR_SDK_NAME] = {"telemetry.sdk.name", "telemetry_sdk_name", GROUP_INFO,
			   ON(NEVER, NEVER, ALWAYS), false, "`keyhole`."},
	[ATTR_SDK_VERSION] = {"telemetry.sdk.version", "telemetry_sdk_version", GROUP_INFO,
			      ON(NEVER, NEVER, ALWAYS), false, "Keyhole's version."},
	[ATTR_SOURCE] = {"source", "source", GROUP_INFO, ON(NEVER, NEVER, ALWAYS), false,
			 "`keyhole`."},
	[ATTR_OS_TYPE] = {"os.type", "os_type", GROUP_INFO, ON(NEVER, NEVER, ALWAYS), false,
			  "`linux`."},

	[ATTR_METHOD] = {"http.request.method", "http_request_method", GROUP_HTTP,
			 ON(ALWAYS, ALWAYS, NEVER), false,
			 "The method if it is a standard one, else `_OTHER`."},
	[ATTR_STATUS] = {"http.response.status_code", "http_response_status_code", GROUP_HTTP,
			 ON(ALWAYS, ALWAYS, NEVER), true, "The status; absent if no answer came."},
	[ATTR_ROUTE] = {"http.route", "http_route", GROUP_HTTP,
			ON(PRESENT_WITH_ROUTES, PRESENT_WITH_ROUTES, NEVER), false,
			"The route, where the configuration has a section `routes`."},
	[ATTR_SCHEME] = {"url.scheme", "url_scheme", GROUP_HTTP, ON(ALWAYS, ALWAYS, NEVER), false,
			 "`http`."},
	[ATTR_SERVER_ADDRESS] = {"server.address", "server_address", GROUP_SERVER,
				 ON(PRESENT_WITH_HOST, ALWAYS, NEVER), false,
				 "Client: the Host field, else the peer. Server: the Host field, "
				 "which whoever sends requests chooses."},
	[ATTR_SERVER_PORT] = {"server.port", "server_port", GROUP_SERVER, ON(ALWAYS, ALWAYS, NEVER),
			      true, "Port of the server's end."},
	[ATTR_ERROR_TYPE] = {"error.type", "error_type", GROUP_HTTP, ON(ALWAYS, ALWAYS, NEVER),
			     false,
			     "`connection_reset`, `connection_closed` or `invalid_response`; else "
			     "the status from 500 up (server), from 400 up (client). Absent on "
			     "success."},
	[ATTR_PATH] = {"url.path", "url_path", GROUP_HTTP, ON(ASKED, ASKED, NEVER), false,
		       "The path as it was sent, without query: as many series as there are "
		       "paths."},
	[ATTR_CLIENT_ADDRESS] = {"client.address", "client_address", GROUP_CLIENT,
				 ON(ASKED, NEVER, NEVER), false,
				 "The peer: its name where that is certain, else its address."},
	[ATTR_PID] = {"process.pid", "process_pid", GROUP_PROCESS, ON(ASKED, ASKED, NEVER), true,
		      "Id of the process, as its container counts."},
	[ATTR_HOST_PID] = {"keyhole.process.host_pid", "keyhole_process_host_pid", GROUP_PROCESS,
			   ON(ASKED, ASKED, NEVER), true, "Id of the process, as the host counts."},
};

static const struct attribute extra = {
	.group = GROUP_EXTRA,
	.on = ON(ASKED, ASKED, ALWAYS),
	.doc = "From `OTEL_RESOURCE_ATTRIBUTES` of the container's spec, else from the annotation "
	       "`resource.opentelemetry.io/NAME` of the pod.",
};

const struct attribute *attribute_at(unsigned int id)
{
	return id < ATTR_EXTRA ? &table[id] : &extra;
}

/* ---- by name ---- */

const char *attribute_plain(const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s", name);
	for (char *p = buf; *p; p++) {
		if (*p == '.')
			*p = '_';
	}
	return buf;
}

const char *attribute_name(const struct attribute_extras *extras, unsigned int id)
{
	if (id < RES_COUNT)
		return resource_otel_name[id];
	return id < ATTR_EXTRA ? table[id].name : extras->name[id - ATTR_EXTRA];
}

const char *attribute_label(const struct attribute_extras *extras, unsigned int id)
{
	if (id < RES_COUNT)
		return resource_prom_label[id];
	return id < ATTR_EXTRA ? table[id].label : extras->label[id - ATTR_EXTRA];
}

/* Every name has a label like it, but for service.instance.id, whose label is instance. */
int attribute_find(const struct attribute_extras *extras, struct slice name)
{
	unsigned int n = ATTR_EXTRA + (extras ? (unsigned int)extras->n : 0);
	char given[ATTRIBUTE_NAME_MAX + 2], own[ATTRIBUTE_NAME_MAX + 2];

	if (name.n > ATTRIBUTE_NAME_MAX)
		return -ENOENT;
	snprintf(own, sizeof(own), "%.*s", (int)name.n, name.p);
	attribute_plain(own, given, sizeof(given));
	for (unsigned int id = 0; id < n; id++) {
		if (strcmp(attribute_label(extras, id), given) == 0 ||
		    strcmp(attribute_plain(attribute_name(extras, id), own, sizeof(own)), given) ==
			    0)
			return (int)id;
	}
	return -ENOENT;
}

/* ---- what the configuration adds ---- */

/* Prometheus' rule: [a-zA-Z_][a-zA-Z0-9_]*. */
static void label_of(const char *name, char label[ATTRIBUTE_NAME_MAX + 2])
{
	size_t n = 0;

	if (*name >= '0' && *name <= '9')
		label[n++] = '_';
	for (; *name; name++) {
		bool fit = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
			   (*name >= '0' && *name <= '9');

		label[n++] = fit ? *name : '_';
	}
	label[n] = '\0';
}

static const char *fault_of(const char *name, const char *label)
{
	if (strncmp(label, "__", 2) == 0)
		return "labels that begin with \"__\" are Prometheus' own";
	if (strcmp(label, "le") == 0 || strcmp(label, "otel_metric_overflow") == 0)
		return "that label has a meaning of its own";
	for (; *name; name++) {
		if ((unsigned char)*name <= ' ' || strchr(",=\"\x7f", *name))
			return "it must be the name of an attribute, without spaces, commas, "
			       "quotes and \"=\"";
	}
	return NULL;
}

/* One that is there already: of a resource, or it cannot be asked for here. */
static int add_known(struct attribute_extras *extras, unsigned int id, bool on_series,
		     const char **why)
{
	if (!(ATTRS_OF_RESOURCE & ATTR_BIT(id))) {
		*why = "an attribute of requests or of Keyhole has that label";
		return -EINVAL;
	}
	if (on_series)
		extras->on_series |= ATTR_BIT(id);
	return 0;
}

int attribute_extras_add(struct attribute_extras *extras, const char *name, bool on_series,
			 const char **why)
{
	char label[ATTRIBUTE_NAME_MAX + 2];
	int known;

	*why = NULL;
	if (!*name || strlen(name) > ATTRIBUTE_NAME_MAX) {
		*why = "it must have 1 to 128 bytes";
		return -EINVAL;
	}
	label_of(name, label);
	*why = fault_of(name, label);
	if (*why)
		return -EINVAL;
	known = attribute_find(extras, slice_of(label));
	if (known >= 0)
		return add_known(extras, (unsigned int)known, on_series, why);
	if (extras->n == RESOURCE_EXTRAS_MAX)
		return -ENOSPC;
	extras->name[extras->n] = name;
	memcpy(extras->label[extras->n], label, sizeof(label));
	return add_known(extras, (unsigned int)(ATTR_EXTRA + extras->n++), on_series, why);
}

/* ---- sets ---- */

static bool is_default(const struct attribute_rules *rules, const struct attribute *a,
		       enum attribute_owner owner)
{
	switch (a->on[owner]) {
	case PRESENT_BY_DEFAULT:
		return true;
	case PRESENT_WITH_ROUTES:
		return rules->routes;
	case PRESENT_WITH_HOST:
		return rules->server_address_from_host;
	case PRESENT_NEVER:
	case PRESENT_ON_REQUEST:
		break;
	}
	return false;
}

attribute_set attributes_possible(const struct attribute_rules *rules, enum attribute_owner owner)
{
	unsigned int n = ATTR_EXTRA + (rules->extras ? (unsigned int)rules->extras->n : 0);
	attribute_set set = 0;

	for (unsigned int id = 0; id < n; id++) {
		const struct attribute *a = attribute_at(id);

		if (a->on[owner] != PRESENT_NEVER && (a->group != GROUP_KUBE || rules->kubernetes))
			set |= ATTR_BIT(id);
	}
	return set;
}

attribute_set attributes_default(const struct attribute_rules *rules, enum attribute_owner owner)
{
	attribute_set possible = attributes_possible(rules, owner), set = 0;

	for (unsigned int id = 0; id < ATTRS_MAX; id++) {
		if (is_default(rules, attribute_at(id), owner))
			set |= ATTR_BIT(id);
	}
	if (owner != OWNER_INFO && rules->extras)
		set |= rules->extras->on_series;
	return set & possible;
}
