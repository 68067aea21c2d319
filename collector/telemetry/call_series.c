/* SPDX-License-Identifier: Apache-2.0 */
#include "call_series.h"

/* The attributes of an owner beside numbers. The first two are no texts of the key. */
struct shape {
	uint8_t system, action;       /* 0: none */
	uint8_t text[CALL_TEXTS_MAX]; /* 0 ends them */
};

static const struct shape rpc = {
	.system = ATTR_RPC_SYSTEM,
	.text = {ATTR_RPC_METHOD, ATTR_RPC_STATUS, ATTR_SERVER_ADDRESS, ATTR_ERROR_TYPE,
		 ATTR_CLIENT_ADDRESS},
};

static const struct shape db = {
	.system = ATTR_DB_SYSTEM,
	.text = {ATTR_DB_NAMESPACE, ATTR_DB_OPERATION, ATTR_DB_COLLECTION, ATTR_DB_SUMMARY,
		 ATTR_DB_STATUS, ATTR_SERVER_ADDRESS, ATTR_ERROR_TYPE, ATTR_CLIENT_ADDRESS},
};

static const struct shape messaging = {
	.system = ATTR_MESSAGING_SYSTEM,
	.action = ATTR_MESSAGING_TYPE,
	.text = {ATTR_MESSAGING_OPERATION, ATTR_MESSAGING_DESTINATION, ATTR_MESSAGING_GROUP,
		 ATTR_SERVER_ADDRESS, ATTR_ERROR_TYPE, ATTR_CLIENT_ADDRESS},
};

static const struct shape dns = {
	.text = {ATTR_DNS_TYPE, ATTR_DNS_NAME, ATTR_SERVER_ADDRESS, ATTR_ERROR_TYPE,
		 ATTR_CLIENT_ADDRESS},
};

static const struct shape connection = {.text = {ATTR_SERVER_ADDRESS, ATTR_CLIENT_ADDRESS}};

static const struct shape *const shapes[OWNERS_OF_SERIES] = {
	[OWNER_RPC_SERVER] = &rpc,
	[OWNER_RPC_CLIENT] = &rpc,
	[OWNER_DB_SERVER] = &db,
	[OWNER_DB_CLIENT] = &db,
	[OWNER_MESSAGING_SERVER] = &messaging,
	[OWNER_MESSAGING_CLIENT] = &messaging,
	[OWNER_MESSAGING_PROCESS] = &messaging,
	[OWNER_DNS_SERVER] = &dns,
	[OWNER_DNS_CLIENT] = &dns,
	[OWNER_CONNECTION] = &connection,
};

static bool has(attribute_set set, unsigned int id)
{
	return set & ATTR_BIT(id);
}

/* Sets the key's length, too. */
static void put_texts(struct series_key *key, const struct attribute_source *source,
		      attribute_set set, const struct peer_namer *namer)
{
	struct call_fields *f = &key->call;
	const struct shape *shape = shapes[f->owner];
	char *p = key->bytes + sizeof(*f);

	for (unsigned int i = 0; i < CALL_TEXTS_MAX && shape->text[i]; i++) {
		if (!has(set, shape->text[i]))
			continue;
		f->text_n[i] = (uint16_t)call_value(p, shape->text[i], source, namer);
		p += f->text_n[i];
	}
	key->n = (uint16_t)(p - key->bytes);
}

void call_series_key(struct series_key *key, enum attribute_owner owner, struct target *target,
		     const struct attribute_source *source, attribute_set set,
		     const struct peer_namer *namer)
{
	const struct exchange *exchange = source->exchange;
	const struct shape *shape = shapes[owner];
	struct call_fields *f = &key->call;
	bool client = exchange->conn.role == KH_ROLE_CLIENT;

	memset(f, 0, sizeof(*f));
	f->target = target;
	f->owner = (uint8_t)owner;
	if (shape->system && has(set, shape->system))
		f->system = (uint8_t)(exchange->protocol + 1);
	if (shape->action && has(set, shape->action))
		f->action = (uint8_t)exchange->action;
	if (has(set, ATTR_SIDE))
		f->side = client ? HTTP_CLIENT + 1 : HTTP_SERVER + 1;
	if (has(set, ATTR_SERVER_PORT))
		f->port = http_server_port(client ? HTTP_CLIENT : HTTP_SERVER, exchange,
					   has(set, ATTR_SERVER_ADDRESS));
	if (has(set, ATTR_PID))
		f->pid = source->pid;
	if (has(set, ATTR_HOST_PID))
		f->host_pid = exchange->tgid;
	put_texts(key, source, set, namer);
}

/* ---- labels ---- */

static void put(struct labels *labels, enum semconv version, unsigned int id, struct slice value)
{
	labels_put(labels, semconv_name(version, attribute_label(NULL, id)), value);
}

static void put_number(struct labels *labels, enum semconv version, unsigned int id,
		       uint32_t number)
{
	if (number)
		labels_put_number(labels, semconv_name(version, attribute_label(NULL, id)), number);
}

static void put_status(struct labels *labels, const struct call_fields *f, enum semconv version,
		       struct slice code)
{
	if (f->system == PROTOCOL_GRPC + 1 || !f->system)
		code = semconv_grpc_status(version, code);
	put(labels, version, ATTR_RPC_STATUS, code);
}

void call_series_labels(struct labels *labels, const struct series_key *key, enum semconv version)
{
	const struct call_fields *f = &key->call;
	const struct shape *shape = shapes[f->owner];
	const char *p = key->bytes + sizeof(*f);

	labels_init(labels);
	if (f->side)
		put(labels, version, ATTR_SIDE,
		    slice_of(f->side == HTTP_CLIENT + 1 ? "client" : "server"));
	if (f->system)
		put(labels, version, shape->system,
		    slice_of(call_system_name((enum protocol)(f->system - 1))));
	for (unsigned int i = 0; i < CALL_TEXTS_MAX && shape->text[i]; i++) {
		struct slice value = {p, f->text_n[i]};

		p += value.n;
		if (shape->text[i] == ATTR_RPC_STATUS)
			put_status(labels, f, version, value);
		else
			put(labels, version, shape->text[i], value);
	}
	if (shape->action)
		put(labels, version, shape->action, slice_of(call_action_name(f->action)));
	put_number(labels, version, ATTR_SERVER_PORT, f->port);
	put_number(labels, version, ATTR_PID, f->pid);
	put_number(labels, version, ATTR_HOST_PID, f->host_pid);
}
