/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes that Beyla's metrics and traces have and Keyhole's have not. */
#include "unsupported.h"

#include "../telemetry/select.h"

static const char ai[] = "it does not read calls of AI services";
static const char gpu[] = "it does not look at GPUs";
static const char query[] = "it keeps no text of a query, which may hold any value";
static const char flows[] = "it collects no network flows";
static const char tcp[] = "it has no statistics of TCP";
static const char processes[] = "it has no metrics of processes";
static const char command[] = "it shows no command lines and no executables";
static const char runtimes[] = "workloads are never touched";
static const char spans[] = "only metrics of spans have it, and always";
static const char graph[] = "only the service graph has it, and always";
static const char language[] = "several may run in the container that a target is";
static const char cloud[] =
	"it asks no cloud: name it in prometheus_export.extra_resource_attributes";
static const char own[] = "telemetry.sdk and source say that it is Keyhole's";

#define WILL_NOT(name, why)                                                                        \
	{                                                                                          \
		name, why, false                                                                   \
	}
#define WILL(name, why)                                                                            \
	{                                                                                          \
		name, why, true                                                                    \
	}

/* A name that the table of attributes (telemetry/attributes.c) has, too, is never looked up here.
 */
static const struct unsupported_attribute rows[] = {
	WILL_NOT("db.operation", "it is called db.operation.name"),
	WILL_NOT("db.system", "it is called db.system.name"),
	WILL_NOT("db.query.text", "it keeps no text of a query: see db.query.summary"),
	WILL_NOT("db.response.error", "the text of an error may hold values"),
	WILL_NOT("graphql.document", query),
	WILL("gen_ai.operation.name", ai),
	WILL("gen_ai.provider.name", ai),
	WILL("gen_ai.token.type", ai),
	WILL("gen_ai.request.model", ai),
	WILL("gen_ai.response.model", ai),
	WILL("gen_ai.response.error", ai),
	WILL("gen_ai.input.messages", ai),
	WILL("gen_ai.output.messages", ai),
	WILL("gen_ai.system_instructions", ai),
	WILL("gen_ai.metadata", ai),
	WILL("gen_ai.tool.definitions", ai),
	WILL("gen_ai.tool.call.arguments", ai),
	WILL("gen_ai.tool.call.result", ai),
	WILL_NOT("cuda.memcpy.kind", gpu),

	WILL_NOT("beyla.ip", flows),
	WILL_NOT("direction", flows),
	WILL_NOT("transport", flows),
	WILL_NOT("src.address", flows),
	WILL_NOT("dst.address", flows),
	WILL_NOT("src.port", flows),
	WILL_NOT("dst.port", flows),
	WILL_NOT("src.name", flows),
	WILL_NOT("dst.name", flows),
	WILL_NOT("src.zone", flows),
	WILL_NOT("dst.zone", flows),
	WILL_NOT("src.cidr", flows),
	WILL_NOT("dst.cidr", flows),
	WILL_NOT("src.country", flows),
	WILL_NOT("dst.country", flows),
	WILL_NOT("src.asn", flows),
	WILL_NOT("dst.asn", flows),
	WILL_NOT("client.port", flows),
	WILL_NOT("iface", flows),
	WILL_NOT("iface.direction", flows),
	WILL_NOT("network.type", flows),
	WILL_NOT("k8s.src.owner.name", flows),
	WILL_NOT("k8s.src.owner.type", flows),
	WILL_NOT("k8s.src.namespace", flows),
	WILL_NOT("k8s.src.name", flows),
	WILL_NOT("k8s.src.type", flows),
	WILL_NOT("k8s.src.node.ip", flows),
	WILL_NOT("k8s.src.node.name", flows),
	WILL_NOT("k8s.dst.owner.name", flows),
	WILL_NOT("k8s.dst.owner.type", flows),
	WILL_NOT("k8s.dst.namespace", flows),
	WILL_NOT("k8s.dst.name", flows),
	WILL_NOT("k8s.dst.type", flows),
	WILL_NOT("k8s.dst.node.ip", flows),
	WILL_NOT("k8s.dst.node.name", flows),
	WILL_NOT("service.peer.name", flows),
	WILL_NOT("service.peer.namespace", flows),
	WILL_NOT("reason", tcp),
	WILL_NOT("network.tcp.handshake.role", tcp),
	WILL_NOT("network.io.direction", tcp),

	WILL("cpu.mode", processes),
	WILL("disk.io.direction", processes),
	WILL("process.owner", processes),
	WILL("process.parent_pid", processes),
	WILL_NOT("process.command", command),
	WILL_NOT("process.command_line", command),
	WILL_NOT("process.command_args", command),
	WILL_NOT("process.executable.name", command),
	WILL_NOT("process.executable.path", command),
	WILL_NOT("jvm.memory.type", runtimes),
	WILL_NOT("jvm.memory.pool.name", runtimes),
	WILL_NOT("nodejs.eventloop.state", runtimes),

	WILL_NOT("span.name", spans),
	WILL_NOT("span.kind", spans),
	WILL_NOT("status.code", spans),
	WILL_NOT("client", graph),
	WILL_NOT("client.service.namespace", graph),
	WILL_NOT("client.k8s.cluster.name", graph),
	WILL_NOT("client.k8s.namespace.name", graph),
	WILL_NOT("server", graph),
	WILL_NOT("server.service.namespace", graph),
	WILL_NOT("server.k8s.cluster.name", graph),
	WILL_NOT("server.k8s.namespace.name", graph),
	WILL_NOT("connection.type", graph),

	WILL_NOT("telemetry.sdk.language", language),
	WILL_NOT("telemetry.distro.name", own),
	WILL_NOT("telemetry.distro.version", own),
	WILL_NOT("cloud.availability_zone", cloud),
	WILL_NOT("cloud.region", cloud),
	WILL_NOT("deployment.environment.name", cloud),
};

const struct unsupported_attribute *unsupported_attribute_at(size_t i)
{
	return i < sizeof(rows) / sizeof(*rows) ? &rows[i] : NULL;
}

const struct unsupported_attribute *unsupported_attribute_find(const char *glob)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct select_metric as_metric = {OWNER_HTTP_SERVER, rows[i].name, rows[i].name};

		if (select_matches(glob, &as_metric))
			return &rows[i];
	}
	return NULL;
}
