/* SPDX-License-Identifier: Apache-2.0 */
#include "attributes.h"

#include "semconv.h"

#include <errno.h>
#include <stdio.h>

/* ---- the table ---- */

#define NEVER PRESENT_NEVER
#define ASKED PRESENT_ON_REQUEST
#define ALWAYS PRESENT_BY_DEFAULT
#define ANYWAY PRESENT_ANYWAY
#define BIT(owner) (1u << OWNER_##owner)
#define BOTH(kind) (BIT(kind##_SERVER) | BIT(kind##_CLIENT))
#define CONSUMER BIT(MESSAGING_PROCESS)
#define CALLS (BOTH(HTTP) | BOTH(RPC) | BOTH(DB) | BOTH(MESSAGING) | BOTH(DNS) | CONSUMER)
#define SERVERS                                                                                    \
	(BIT(HTTP_SERVER) | BIT(RPC_SERVER) | BIT(DB_SERVER) | BIT(MESSAGING_SERVER) |             \
	 BIT(DNS_SERVER))
#define SERIES (CALLS | BIT(CONNECTION))
/* Lists of rules, braces included: initialisers cannot be parenthesised. */
#define ON(owners, presence)                                                                       \
	{                                                                                          \
		{                                                                                  \
			(owners), (presence)                                                       \
		}                                                                                  \
	}
#define ON_INFO ON(BIT(INFO), ALWAYS)
/* Likewise, and on spans. */
#define AND_SPANS(owners, presence, on_spans)                                                      \
	{                                                                                          \
		{(owners), (presence)},                                                            \
		{                                                                                  \
			BIT(SPANS), (on_spans)                                                     \
		}                                                                                  \
	}
#define RESOURCE(e, g, series, says)                                                               \
	[RES_##e] = {.group = GROUP_##g,                                                           \
		     .on = {{SERIES, (series)}, {BIT(INFO), ALWAYS}},                              \
		     .doc = (says)}

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

	[ATTR_SDK_NAME] = {"telemetry.sdk.name", "telemetry_sdk_name", GROUP_INFO, ON_INFO, false,
			   "`keyhole`."},
	[ATTR_SDK_VERSION] = {"telemetry.sdk.version", "telemetry_sdk_version", GROUP_INFO, ON_INFO,
			      false, "Keyhole's version."},
	[ATTR_SOURCE] = {"source", "source", GROUP_INFO, ON_INFO, false, "`keyhole`."},
	[ATTR_OS_TYPE] = {"os.type", "os_type", GROUP_INFO, ON_INFO, false, "`linux`."},

	[ATTR_METHOD] = {"http.request.method", "http_request_method", GROUP_HTTP,
			 AND_SPANS(BOTH(HTTP), ALWAYS, ANYWAY), false,
			 "The method if it is a standard one, else `_OTHER`."},
	[ATTR_STATUS] = {"http.response.status_code", "http_response_status_code", GROUP_HTTP,
			 AND_SPANS(BOTH(HTTP), ALWAYS, ANYWAY), true,
			 "The status; absent if no answer came."},
	[ATTR_ROUTE] = {"http.route", "http_route", GROUP_HTTP,
			AND_SPANS(BOTH(HTTP), PRESENT_WITH_ROUTES, ANYWAY), false,
			"The route, where the configuration has a section `routes`."},
	[ATTR_SCHEME] = {"url.scheme", "url_scheme", GROUP_HTTP,
			 AND_SPANS(BOTH(HTTP), ALWAYS, ANYWAY), false, "`http`."},
	[ATTR_SERVER_ADDRESS] = {"server.address",
				 "server_address",
				 GROUP_SERVER,
				 {{BIT(HTTP_SERVER) | BIT(RPC_SERVER), PRESENT_WITH_HOST},
				  {BIT(HTTP_CLIENT) | BIT(RPC_CLIENT) | BIT(DB_CLIENT) |
					   BIT(MESSAGING_CLIENT) | CONSUMER,
				   ALWAYS},
				  {BIT(DNS_CLIENT) | BIT(CONNECTION), ASKED},
				  {BIT(SPANS), ANYWAY}},
				 false,
				 "Client: the Host field or what stands for it, else the peer. "
				 "Server: the Host field, which whoever sends requests chooses."},
	[ATTR_SERVER_PORT] =
		{"server.port",
		 "server_port",
		 GROUP_SERVER,
		 {{BOTH(HTTP) | BIT(RPC_SERVER) | BIT(DB_SERVER) | BIT(MESSAGING_SERVER), ALWAYS},
		  {SERIES, ASKED},
		  {BIT(SPANS), ANYWAY}},
		 true,
		 "Port of the server's end."},
	[ATTR_ERROR_TYPE] = {"error.type", "error_type", GROUP_HTTP,
			     AND_SPANS(CALLS, ALWAYS, ANYWAY), false,
			     "`connection_reset`, `connection_closed`, `invalid_response`, "
			     "`timeout` or `cancelled`; else, of HTTP, the status from 500 up "
			     "(server), from 400 up (client); of others, the code of the failure, "
			     "or `_OTHER`. Absent on success."},
	[ATTR_PATH] = {"url.path", "url_path", GROUP_HTTP, AND_SPANS(BOTH(HTTP), ASKED, ANYWAY),
		       false,
		       "The path as it was sent, without query: as many series as there are "
		       "paths."},
	[ATTR_CLIENT_ADDRESS] = {"client.address", "client_address", GROUP_CLIENT,
				 AND_SPANS(SERVERS | BIT(CONNECTION), ASKED, ANYWAY), false,
				 "The peer: its name where that is certain, else its address."},
	[ATTR_PID] = {"process.pid", "process_pid", GROUP_PROCESS, AND_SPANS(SERIES, ASKED, ASKED),
		      true, "Id of the process, as its container counts."},
	[ATTR_HOST_PID] = {"keyhole.process.host_pid", "keyhole_process_host_pid", GROUP_PROCESS,
			   AND_SPANS(SERIES, ASKED, ASKED), true,
			   "Id of the process, as the host counts."},
	[ATTR_PROTOCOL_NAME] = {"network.protocol.name", "network_protocol_name", GROUP_HTTP,
				AND_SPANS(BOTH(HTTP), ALWAYS, ANYWAY), false,
				"`fastcgi`; absent for HTTP itself."},
	[ATTR_PROTOCOL_VERSION] = {"network.protocol.version", "network_protocol_version",
				   GROUP_HTTP, AND_SPANS(BOTH(HTTP), ASKED, ANYWAY), false,
				   "`2` for HTTP/2; absent for HTTP/1."},

	[ATTR_GRAPHQL_TYPE] = {"graphql.operation.type", "graphql_operation_type", GROUP_HTTP,
			       AND_SPANS(BOTH(HTTP), ALWAYS, ANYWAY), false,
			       "`query`, `mutation` or `subscription`, where GraphQL is read."},
	[ATTR_GRAPHQL_NAME] = {"graphql.operation.name", "graphql_operation_name", GROUP_HTTP,
			       AND_SPANS(BOTH(HTTP), ASKED, ANYWAY), false,
			       "Its name, which whoever sends requests chooses."},

	[ATTR_RPC_SYSTEM] = {"rpc.system.name", "rpc_system_name", GROUP_RPC,
			     AND_SPANS(BOTH(RPC) | BOTH(HTTP), ALWAYS, ANYWAY), false,
			     "`grpc` or `jsonrpc`; `aws-api` of HTTP where AWS is read."},
	[ATTR_RPC_METHOD] =
		{"rpc.method", "rpc_method", GROUP_RPC,
		 AND_SPANS(BOTH(RPC) | BOTH(HTTP), ALWAYS, ANYWAY), false,
		 "`package.Service/Method`; of HTTP where AWS is read `S3/GetObject` and the "
		 "like."},
	[ATTR_RPC_STATUS] = {"rpc.status_code", "rpc_status_code", GROUP_RPC,
			     AND_SPANS(BOTH(RPC), ALWAYS, ANYWAY), false,
			     "Name of the status, such as `OK` or `DEADLINE_EXCEEDED`; of JSON-RPC "
			     "the code of an error."},

	[ATTR_DB_SYSTEM] = {"db.system.name", "db_system_name", GROUP_DB,
			    AND_SPANS(BOTH(DB), ALWAYS, ANYWAY), false,
			    "`postgresql`, `mysql`, `mariadb`, `microsoft.sql_server`, `redis`, "
			    "`memcached`, `mongodb`, `cassandra`, `elasticsearch`, `opensearch`."},
	[ATTR_DB_OPERATION] = {"db.operation.name", "db_operation_name", GROUP_DB,
			       AND_SPANS(BOTH(DB), ALWAYS, ANYWAY), false,
			       "The command, such as `GET`, `find`; of SQL the first word of the "
			       "summary."},
	[ATTR_DB_SUMMARY] =
		{"db.query.summary", "db_query_summary", GROUP_DB,
		 AND_SPANS(BOTH(DB), ALWAYS, ANYWAY), false,
		 "Of a query: its operations and tables, such as `SELECT orders`. Never "
		 "a value."},
	[ATTR_DB_NAMESPACE] = {"db.namespace", "db_namespace", GROUP_DB,
			       AND_SPANS(BOTH(DB), ALWAYS, ANYWAY), false,
			       "Name or number of the database, where that was seen."},
	[ATTR_DB_COLLECTION] = {"db.collection.name", "db_collection_name", GROUP_DB,
				AND_SPANS(BOTH(DB), ASKED, ANYWAY), false,
				"The table, collection or index, where the protocol names one."},
	[ATTR_DB_STATUS] = {"db.response.status_code", "db_response_status_code", GROUP_DB,
			    AND_SPANS(BOTH(DB), ALWAYS, ANYWAY), false,
			    "The code of a failure, as the server gives it. Absent on success."},

	[ATTR_MESSAGING_SYSTEM] = {"messaging.system.name", "messaging_system_name",
				   GROUP_MESSAGING,
				   AND_SPANS(BOTH(MESSAGING) | CONSUMER, ALWAYS, ANYWAY), false,
				   "`kafka`, `rabbitmq` (AMQP 0-9-1), `amqp` (AMQP 1.0), `mqtt`, "
				   "`nats`."},
	[ATTR_MESSAGING_OPERATION] = {"messaging.operation.name", "messaging_operation_name",
				      GROUP_MESSAGING,
				      AND_SPANS(BOTH(MESSAGING) | CONSUMER, ALWAYS, ANYWAY), false,
				      "What the protocol calls it, such as `publish`."},
	[ATTR_MESSAGING_TYPE] = {"messaging.operation.type", "messaging_operation_type",
				 GROUP_MESSAGING,
				 AND_SPANS(BOTH(MESSAGING) | CONSUMER, ALWAYS, ANYWAY), false,
				 "`send`, `receive`, `process` or `settle`; absent for others."},
	[ATTR_MESSAGING_DESTINATION] = {"messaging.destination.name", "messaging_destination_name",
					GROUP_MESSAGING,
					AND_SPANS(BOTH(MESSAGING) | CONSUMER, ALWAYS, ANYWAY),
					false,
					"The topic, queue, subject or `exchange:routing_key`."},
	[ATTR_MESSAGING_GROUP] = {"messaging.consumer.group.name", "messaging_consumer_group_name",
				  GROUP_MESSAGING,
				  AND_SPANS(BOTH(MESSAGING) | CONSUMER, ASKED, ANYWAY), false,
				  "The consumer group, where the protocol names it."},

	[ATTR_DNS_TYPE] = {"dns.question.type", "dns_question_type", GROUP_DNS,
			   AND_SPANS(BOTH(DNS), ALWAYS, ANYWAY), false,
			   "Type of the question, such as `AAAA`."},
	[ATTR_DNS_NAME] = {"dns.question.name", "dns_question_name", GROUP_DNS,
			   AND_SPANS(BOTH(DNS), ASKED, ALWAYS), false,
			   "The name asked for: as many series as there are names."},

	[ATTR_SIDE] = {"keyhole.side", "keyhole_side", GROUP_CONNECTION,
		       ON(BIT(CONNECTION), ALWAYS), false,
		       "`server` or `client`: which end of the connection the workload is."},

	[ATTR_QUERY] =
		{"url.query", "url_query", GROUP_HTTP, ON(BIT(SPANS), ALWAYS), false,
		 "Of a server's span: the query as it was sent, but for the values of "
		 "`attributes.sensitive_query_params`. Without it `url.full` has none, too."},
	[ATTR_URL] = {"url.full", "url_full", GROUP_HTTP, ON(BIT(SPANS), ANYWAY), false,
		      "Of a client's span: scheme, host, path and query, without credentials."},
	[ATTR_REQUEST_SIZE] = {"http.request.body.size", "http_request_body_size", GROUP_HTTP,
			       ON(BIT(SPANS), ANYWAY), true, "Bytes of the request's body."},
	[ATTR_RESPONSE_SIZE] = {"http.response.body.size", "http_response_body_size", GROUP_HTTP,
				ON(BIT(SPANS), ANYWAY), true, "Bytes of the answer's body."},
	[ATTR_PEER_ADDRESS] = {"network.peer.address", "network_peer_address", GROUP_CONNECTION,
			       ON(BIT(SPANS), ASKED), false,
			       "The address of the other end of the connection."},
	[ATTR_PEER_PORT] = {"network.peer.port", "network_peer_port", GROUP_CONNECTION,
			    ON(BIT(SPANS), ASKED), true, "Its port."},
};

static const struct attribute extra = {
	.group = GROUP_EXTRA,
	.on = {{SERIES, ASKED}, {BIT(INFO), ALWAYS}},
	.doc = "From `OTEL_RESOURCE_ATTRIBUTES` of the container's spec, else from the annotation "
	       "`resource.opentelemetry.io/NAME` of the pod.",
};

const struct attribute *attribute_at(unsigned int id)
{
	return id < ATTR_EXTRA ? &table[id] : &extra;
}

enum attribute_presence attribute_presence(unsigned int id, enum attribute_owner owner)
{
	const struct attribute *a = attribute_at(id);

	for (unsigned int i = 0; i < ATTRIBUTE_RULES; i++) {
		if (a->on[i].owners & 1u << owner)
			return a->on[i].presence;
	}
	return PRESENT_NEVER;
}

int attribute_owner_of(const struct exchange *exchange)
{
	int client = exchange->conn.role == KH_ROLE_CLIENT;

	if (!client && exchange->conn.role != KH_ROLE_SERVER)
		return -EINVAL;
	if (exchange->kind == EXCHANGE_ENCRYPTED)
		return OWNER_CONNECTION;
	if (client && exchange->kind == EXCHANGE_MESSAGING && exchange->action == MESSAGING_PROCESS)
		return OWNER_MESSAGING_PROCESS;
	return 2 * (int)exchange->kind + client;
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

/* Is it called so, in whatever version, with underscores? */
static bool is_called(const char *name, const char *plain_name)
{
	char own[ATTRIBUTE_NAME_MAX + 2];

	for (int version = 0; version < SEMCONVS; version++) {
		const char *then = semconv_name((enum semconv)version, name);

		if (strcmp(attribute_plain(then, own, sizeof(own)), plain_name) == 0)
			return true;
	}
	return false;
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
		    is_called(attribute_name(extras, id), given))
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
static int add_known(struct attribute_extras *extras, unsigned int id,
		     enum attribute_extra_on on, const char **why)
{
	if (!(ATTRS_OF_RESOURCE & ATTR_BIT(id))) {
		*why = "an attribute of requests or of Keyhole has that label";
		return -EINVAL;
	}
	if (on == EXTRA_ON_SERIES)
		extras->on_series |= ATTR_BIT(id);
	else if (on == EXTRA_ON_SPANS)
		extras->on_spans |= ATTR_BIT(id);
	return 0;
}

int attribute_extras_add(struct attribute_extras *extras, const char *name,
			 enum attribute_extra_on on, const char **why)
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
		return add_known(extras, (unsigned int)known, on, why);
	if (extras->n == RESOURCE_EXTRAS_MAX)
		return -ENOSPC;
	extras->name[extras->n] = name;
	memcpy(extras->label[extras->n], label, sizeof(label));
	return add_known(extras, (unsigned int)(ATTR_EXTRA + extras->n++), on, why);
}

/* ---- sets ---- */

static bool is_default(const struct attribute_rules *rules, unsigned int id,
		       enum attribute_owner owner)
{
	switch (attribute_presence(id, owner)) {
	case PRESENT_BY_DEFAULT:
	case PRESENT_ANYWAY:
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
		bool of_pods = attribute_at(id)->group == GROUP_KUBE;

		if (attribute_presence(id, owner) != PRESENT_NEVER &&
		    (!of_pods || rules->kubernetes))
			set |= ATTR_BIT(id);
	}
	return set;
}

attribute_set attributes_default(const struct attribute_rules *rules, enum attribute_owner owner)
{
	attribute_set possible = attributes_possible(rules, owner), set = 0;

	for (unsigned int id = 0; id < ATTRS_MAX; id++) {
		if (is_default(rules, id, owner))
			set |= ATTR_BIT(id);
	}
	if (owner != OWNER_INFO && rules->extras)
		set |= rules->extras->on_series;
	return set & possible;
}

attribute_set attributes_anyway(enum attribute_owner owner)
{
	attribute_set set = 0;

	for (unsigned int id = 0; id < ATTRS_MAX; id++) {
		if (attribute_presence(id, owner) == PRESENT_ANYWAY)
			set |= ATTR_BIT(id);
	}
	return set;
}
