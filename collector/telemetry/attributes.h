/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attributes of series, target_info and spans: one table (attributes.c) with the name of each,
 * the metrics that can have it and have it by default, and where its value comes from.
 * Names: OpenTelemetry's semantic conventions, and Grafana Beyla 3 for what these have not.
 *
 * An attribute is known by its number: first those of a resource (enum resource_attr), then the
 * ones here, then the extra ones that the configuration names. Sets of them are 128 bits.
 */
#ifndef KEYHOLE_TELEMETRY_ATTRIBUTES_H
#define KEYHOLE_TELEMETRY_ATTRIBUTES_H

#include "../protocol/exchange.h"
#include "../service/resource.h"

#include <stdbool.h>

enum attribute_id {
	/* of target_info alone */
	ATTR_SDK_NAME = RES_COUNT,
	ATTR_SDK_VERSION,
	ATTR_SOURCE,
	ATTR_OS_TYPE,
	/* of a request */
	ATTR_METHOD,
	ATTR_STATUS,
	ATTR_ROUTE,
	ATTR_SCHEME,
	ATTR_SERVER_ADDRESS,
	ATTR_SERVER_PORT,
	ATTR_ERROR_TYPE,
	ATTR_PATH,
	ATTR_CLIENT_ADDRESS,
	ATTR_PID,
	ATTR_HOST_PID,
	ATTR_PROTOCOL_NAME,
	ATTR_PROTOCOL_VERSION,
	ATTR_GRAPHQL_TYPE,
	ATTR_GRAPHQL_NAME,
	ATTR_RPC_SYSTEM,
	ATTR_RPC_METHOD,
	ATTR_RPC_STATUS,
	ATTR_DB_SYSTEM,
	ATTR_DB_OPERATION,
	ATTR_DB_SUMMARY,
	ATTR_DB_NAMESPACE,
	ATTR_DB_COLLECTION,
	ATTR_DB_STATUS,
	ATTR_MESSAGING_SYSTEM,
	ATTR_MESSAGING_OPERATION,
	ATTR_MESSAGING_TYPE,
	ATTR_MESSAGING_DESTINATION,
	ATTR_MESSAGING_GROUP,
	ATTR_DNS_TYPE,
	ATTR_DNS_NAME,
	ATTR_SIDE,
	/* of spans alone */
	ATTR_QUERY,
	ATTR_URL,
	ATTR_REQUEST_SIZE,
	ATTR_RESPONSE_SIZE,
	ATTR_PEER_ADDRESS,
	ATTR_PEER_PORT,
	/* extra ones, RESOURCE_EXTRAS_MAX of them */
	ATTR_EXTRA,
	ATTRS_MAX = ATTR_EXTRA + RESOURCE_EXTRAS_MAX,
};

_Static_assert(ATTRS_MAX <= 128, "an attribute_set has a bit for each");

__extension__ typedef unsigned __int128 attribute_set;

#define ATTR_BIT(id) ((attribute_set)1 << (id))

enum attribute_group {
	GROUP_NONE,
	GROUP_APP,       /* every series */
	GROUP_PROM,      /* every series, as Prometheus wants it */
	GROUP_KUBE,      /* where pods are known */
	GROUP_CONTAINER, /* outside of pods */
	GROUP_INFO,
	GROUP_HTTP,
	GROUP_SERVER, /* the end that answers */
	GROUP_CLIENT, /* the end that asks */
	GROUP_PROCESS,
	GROUP_RPC,
	GROUP_DB,
	GROUP_MESSAGING,
	GROUP_DNS,
	GROUP_CONNECTION,
	GROUP_EXTRA,
};

/*
 * Whom labels belong to: metrics of each have the same attributes to choose from, and an exchange
 * is counted in those of one. First, in the order of enum exchange_kind, server and client.
 */
enum attribute_owner {
	OWNER_HTTP_SERVER,
	OWNER_HTTP_CLIENT,
	OWNER_RPC_SERVER,
	OWNER_RPC_CLIENT,
	OWNER_DB_SERVER,
	OWNER_DB_CLIENT,
	OWNER_MESSAGING_SERVER, /* the broker */
	OWNER_MESSAGING_CLIENT,
	OWNER_DNS_SERVER,
	OWNER_DNS_CLIENT,
	OWNER_MESSAGING_PROCESS, /* the client's side of MESSAGING_PROCESS */
	OWNER_CONNECTION,        /* connections, not exchanges */
	OWNER_INFO,              /* target_info */
	OWNER_SPANS,             /* all of them: each has what its exchange has a value of */
	OWNERS,
	/* exchanges once more: labels are fixed, none of the table (span_series.c) */
	OWNER_AS_SPAN = OWNERS,
	OWNER_AS_EDGE, /* of the service graph */
	OWNERS_OF_ANY,
};

#define OWNERS_OF_SERIES OWNER_INFO /* all before it */

_Static_assert(OWNER_MESSAGING_PROCESS == 2 * EXCHANGE_KINDS, "a server and a client of each kind");

enum attribute_presence {
	PRESENT_NEVER,
	PRESENT_ON_REQUEST, /* attributes.select */
	PRESENT_BY_DEFAULT,
	PRESENT_WITH_ROUTES, /* by default if there is a section `routes`, else on request */
	PRESENT_WITH_HOST,   /* by default with keyhole.server_address_from_host, else likewise */
	PRESENT_ANYWAY,      /* by default; an `include` of others does not take it away */
};

#define ATTRIBUTE_RULES 4

struct attribute {
	const char *name;  /* OpenTelemetry's, today's (semconv.h) */
	const char *label; /* Prometheus' */
	enum attribute_group group;
	/* The first rule that has the owner's bit; none: never. */
	struct {
		unsigned int owners;
		enum attribute_presence presence;
	} on[ATTRIBUTE_RULES];
	bool number;
	const char *doc; /* where the value comes from */
};

const struct attribute *attribute_at(unsigned int id);
enum attribute_presence attribute_presence(unsigned int id, enum attribute_owner owner);

/* Whose metrics count the exchange, or connection. -EINVAL: its role is not known. */
int attribute_owner_of(const struct exchange *exchange);

/* ---- what the configuration adds ---- */

#define ATTRIBUTE_NAME_MAX 128 /* bytes of the name of an extra attribute */

struct attribute_extras {
	size_t n;
	const char *name[RESOURCE_EXTRAS_MAX]; /* as configured; outlive this */
	char label[RESOURCE_EXTRAS_MAX][ATTRIBUTE_NAME_MAX + 2];
	attribute_set on_series; /* by default, extra ones and others */
	attribute_set on_spans;  /* on the metrics of spans, likewise */
};

/* Where an extra attribute stands, beside target_info. */
enum attribute_extra_on { EXTRA_ON_INFO, EXTRA_ON_SERIES, EXTRA_ON_SPANS };

/*
 * Adds one, unless it is there. Returns 0, -ENOSPC (there are RESOURCE_EXTRAS_MAX), or -EINVAL
 * (why: one clause).
 */
int attribute_extras_add(struct attribute_extras *extras, const char *name,
			 enum attribute_extra_on on, const char **why);

/* ---- by name, with dots or underscores; of any version (semconv.h) ---- */

/* `extras` may be NULL. -ENOENT: none is called so. */
int attribute_find(const struct attribute_extras *extras, struct slice name);
const char *attribute_name(const struct attribute_extras *extras, unsigned int id);
const char *attribute_label(const struct attribute_extras *extras, unsigned int id);

/* Dots become underscores. Returns buf, cut to size. */
const char *attribute_plain(const char *name, char *buf, size_t size);

/* ---- sets ---- */

struct attribute_rules {
	bool kubernetes, routes, server_address_from_host;
	const struct attribute_extras *extras; /* may be NULL */
};

/*
 * All that such labels can have, those that they have unless told otherwise, and of these the ones
 * that are PRESENT_ANYWAY.
 */
attribute_set attributes_possible(const struct attribute_rules *rules, enum attribute_owner owner);
attribute_set attributes_default(const struct attribute_rules *rules, enum attribute_owner owner);
attribute_set attributes_anyway(enum attribute_owner owner);

/* Those of a resource, extra ones included; the others are of a request or constant. */
#define ATTRS_OF_RESOURCE                                                                          \
	((((attribute_set)1 << RES_COUNT) - 1) | ~(((attribute_set)1 << ATTR_EXTRA) - 1))

/* ---- values ---- */

struct attribute_source {
	struct resource *resource; /* the reference is the caller's */
	const struct exchange *exchange;
	struct slice route; /* "" where none is known */
	uint32_t pid;       /* as the process itself sees it; 0 unknown */
};

static inline const char *attribute_of_resource(const struct resource *resource, unsigned int id)
{
	return id < RES_COUNT ? resource->attr[id] : resource->extra[id - ATTR_EXTRA];
}

#endif
