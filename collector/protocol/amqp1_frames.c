/* SPDX-License-Identifier: Apache-2.0 */
/* AMQP 1.0: what performatives mean. */
#include "amqp1.h"

/* ---- calls: session, who sent the transfer, delivery id. Never 0 ---- */

#define BY_SERVER (1ull << 40)
#define ALONE (1ull << 41) /* a failure that no transfer waits for */
/* note[0]: the link's handle */

#define CONDITION_MAX 64 /* bytes of an error's name */

static uint64_t key_of(enum side sender, int session, uint32_t id)
{
	return (uint64_t)(session + 1) << 48 | (sender == FROM_SERVER ? BY_SERVER : 0) | id;
}

static bool is_of(const struct call *call, int session)
{
	return call->key >> 48 == (uint64_t)(session + 1);
}

static void fail(struct call *call, struct slice code)
{
	call->failed = true;
	if (code.n)
		call_set(call, CALL_CODE, code);
}

static void tell(struct talk *talk, struct call *call)
{
	call->waits = false;
	talk_answer(talk, call);
}

/* ---- links ---- */

/* Of the two addresses, that of the end at the server counts. */
static void attach(struct talk *talk, enum side from, int session, struct amqp1_list *list)
{
	struct slice name = amqp1_field_text(list), source, target, address;
	uint32_t handle = (uint32_t)amqp1_field_number(list, 0);
	bool receiver = amqp1_field_bool(list, false);
	struct amqp1_link *link, *other;
	struct amqp1_list ends[2];

	amqp1_fields_skip(list, 2); /* settlement of both sides */
	amqp1_field_described(list, &ends[0]);
	amqp1_field_described(list, &ends[1]);
	source = amqp1_field_text(&ends[0]);
	target = amqp1_field_text(&ends[1]);
	if (list->r.bad && !name.n)
		return;
	link = amqp1_link_add(talk->state, from, session, handle, name);
	address = receiver == (from == FROM_CLIENT) ? source : target;
	amqp1_link_name(link, address);
	other = amqp1_link_other(talk->state, link);
	if (!other)
		return;
	if (!link->address_n)
		amqp1_link_name(link, (struct slice){other->address, other->address_n});
	if (!other->address_n) /* the server made one up */
		amqp1_link_name(other, (struct slice){link->address, link->address_n});
}

/* ---- transfers ---- */

static void transfer(struct talk *talk, enum side from, int session, struct amqp1_list *list,
		     struct reader *message)
{
	uint32_t handle = (uint32_t)amqp1_field_number(list, 0);
	uint64_t id = amqp1_field_number(list, UINT64_MAX);
	struct amqp1_link *link = amqp1_link_find(talk->state, from, session, handle);
	bool settled, more, goes_on = link && link->more;
	struct call *call;

	if (!link) /* attached unseen */
		link = amqp1_link_add(talk->state, from, session, handle, (struct slice){"", 0});
	amqp1_fields_skip(list, 2); /* tag, format */
	settled = amqp1_field_bool(list, false);
	more = amqp1_field_bool(list, false);
	link->more = more;
	if (goes_on || id == UINT64_MAX) /* more of a delivery */
		return;
	call = talk_ask(talk, key_of(from, session, (uint32_t)id));
	call->action = from == FROM_CLIENT ? MESSAGING_SEND : MESSAGING_PROCESS;
	call->waits = from == FROM_SERVER; /* what is not settled is not told */
	call->note[0] = handle;
	call_set(call, CALL_OPERATION, slice_of(from == FROM_CLIENT ? "publish" : "deliver"));
	call_set(call, CALL_COLLECTION, (struct slice){link->address, link->address_n});
	if (list->r.bad) {
		talk_forget(talk, call, true);
		return;
	}
	amqp1_sections_read(call, message);
	if (settled)
		tell(talk, call);
}

/* A symbol such as "amqp:not-found"; words that somebody made up are not told. */
static bool is_condition(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    (c == '\0' || !strchr(":-._", c)))
			return false;
	}
	return s.n <= CONDITION_MAX;
}

/* "": none. */
static struct slice error_of(struct amqp1_list *list)
{
	struct amqp1_list error;
	struct slice condition;

	if (amqp1_field_described(list, &error) != AMQP1_ERROR)
		return (struct slice){"", 0};
	condition = amqp1_field_text(&error);
	return is_condition(condition) ? condition : slice_of("_OTHER");
}

static struct slice outcome_error(unsigned int state, struct amqp1_list *fields)
{
	struct slice condition = {"", 0};

	switch (state) {
	case AMQP1_REJECTED:
		condition = error_of(fields);
		return condition.n ? condition : slice_of("rejected");
	case AMQP1_RELEASED:
		return slice_of("released");
	case AMQP1_MODIFIED:
		return slice_of("modified");
	default:
		return condition;
	}
}

/* By the receiver, of what the other side sent. Ids are serial numbers (RFC 1982). */
static void disposition(struct talk *talk, enum side from, int session, struct amqp1_list *list)
{
	bool receiver = amqp1_field_bool(list, false);
	uint32_t first = (uint32_t)amqp1_field_number(list, 0);
	uint32_t last = (uint32_t)amqp1_field_number(list, first);
	bool settled = amqp1_field_bool(list, false);
	struct amqp1_list fields;
	unsigned int state = amqp1_field_described(list, &fields);
	struct slice error = outcome_error(state, &fields);
	enum side sender = from == FROM_CLIENT ? FROM_SERVER : FROM_CLIENT;
	struct call *call = talk->calls.first, *next;

	if (!receiver || (!settled && state <= AMQP1_RECEIVED))
		return;
	for (; call; call = next) {
		next = call->next;
		if (!is_of(call, session) ||
		    call->key != key_of(sender, session, (uint32_t)call->key) ||
		    (uint32_t)call->key - first > last - first)
			continue;
		if (error.n)
			fail(call, error);
		tell(talk, call);
	}
}

/* ---- ends ---- */

/* `handle` < 0: of all links. Returns whether anything took the error. */
static bool end_calls(struct talk *talk, int session, enum side sender, int64_t handle,
		      struct slice error)
{
	struct call *call = talk->calls.first, *next;
	bool taken = false;

	for (; call; call = next) {
		next = call->next;
		if (!is_of(call, session) || !(call->key & BY_SERVER) != (sender == FROM_CLIENT) ||
		    (handle >= 0 && call->note[0] != (uint64_t)handle))
			continue;
		if (!error.n || sender == FROM_SERVER) {
			talk_forget(talk, call, false);
			continue;
		}
		fail(call, error);
		tell(talk, call);
		taken = true;
	}
	return taken;
}

static void tell_error(struct talk *talk, const char *operation, const struct amqp1_link *link,
		       struct slice error)
{
	struct call *call = talk_ask(talk, ALONE);

	call_set(call, CALL_OPERATION, slice_of(operation));
	if (link)
		call_set(call, CALL_COLLECTION, (struct slice){link->address, link->address_n});
	fail(call, error);
	tell(talk, call);
}

static void detach(struct talk *talk, enum side from, int session, struct amqp1_list *list)
{
	uint32_t handle = (uint32_t)amqp1_field_number(list, 0);
	struct amqp1_link *link = amqp1_link_find(talk->state, from, session, handle), *other;
	bool taken = false;
	struct slice error;

	amqp1_fields_skip(list, 1); /* for good? */
	error = error_of(list);
	other = link ? amqp1_link_other(talk->state, link) : NULL;
	if (link)
		taken = end_calls(talk, session, from, link->handle, error);
	if (other)
		taken |= end_calls(talk, session, (enum side)other->side, other->handle, error);
	if (error.n && !taken)
		tell_error(talk, "detach", link, error);
	if (link)
		link->used = false;
}

static bool end_session(struct talk *talk, enum side from, int session, struct slice error)
{
	bool taken = end_calls(talk, session, FROM_CLIENT, -1, error);

	taken |= end_calls(talk, session, FROM_SERVER, -1, error);
	amqp1_session_end(talk->state, from, session);
	return taken;
}

static void end(struct talk *talk, enum side from, int session, struct amqp1_list *list)
{
	struct slice error = error_of(list);

	if (!end_session(talk, from, session, error) && error.n)
		tell_error(talk, "end", NULL, error);
}

static void close(struct talk *talk, enum side from, struct amqp1_list *list)
{
	struct slice error = error_of(list);
	bool taken = false;

	for (int i = 0; i < AMQP1_SESSIONS; i++)
		taken |= end_session(talk, from, i, error);
	if (!taken && error.n)
		tell_error(talk, "close", NULL, error);
}

void amqp1_lost(struct talk *talk, enum side from)
{
	struct call *call = talk->calls.first, *next;

	/* dispositions by that side may have been among it */
	for (; call; call = next) {
		next = call->next;
		if (!(call->key & BY_SERVER) == (from == FROM_SERVER))
			talk_forget(talk, call, true);
	}
}

/* ---- all of them ---- */

static void begin(struct talk *talk, enum side from, uint16_t channel, struct amqp1_list *list)
{
	uint64_t other = amqp1_field_number(list, UINT64_MAX);

	amqp1_session_begin(talk->state, from, channel, other != UINT64_MAX, (uint16_t)other);
}

static void on_session(struct talk *talk, enum side from, int session, unsigned int code,
		       struct amqp1_list *list, struct reader *payload)
{
	switch (code) {
	case AMQP1_ATTACH:
		attach(talk, from, session, list);
		break;
	case AMQP1_TRANSFER:
		transfer(talk, from, session, list, payload);
		break;
	case AMQP1_DISPOSITION:
		disposition(talk, from, session, list);
		break;
	case AMQP1_DETACH:
		detach(talk, from, session, list);
		break;
	case AMQP1_END:
		end(talk, from, session, list);
		break;
	default:
		break;
	}
}

void amqp1_performative(struct talk *talk, enum side from, uint16_t channel, unsigned int code,
			struct amqp1_list *list, struct reader *payload)
{
	int session;

	if (code == AMQP1_OPEN) /* its channel is of no session */
		return;
	if (code == AMQP1_CLOSE) {
		close(talk, from, list);
		return;
	}
	if (code == AMQP1_BEGIN) {
		begin(talk, from, channel, list);
		return;
	}
	session = amqp1_session_find(talk->state, from, channel);
	if (session >= 0)
		on_session(talk, from, session, code, list, payload);
	else if (code == AMQP1_TRANSFER)
		talk_forget(talk, talk_ask(talk, ALONE), true);
}
