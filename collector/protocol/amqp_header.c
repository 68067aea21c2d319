/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMQP 0-9-1: content headers (section 2.3.5.2), of whose properties only the table `headers` is
 * read: it may carry a trace context. Source of its types: section 4.2.1, and RabbitMQ's errata.
 */
#include "amqp_calls.h"

#define CONTENT_TYPE (1u << 15) /* property flags, in the order of the properties */
#define CONTENT_ENCODING (1u << 14)
#define HEADERS (1u << 13)

void amqp_header_follows(struct amqp_channel *channel, enum side from, struct call *call, bool tell)
{
	call->note[1] |= AMQP_NOTE_HEADER | (tell ? AMQP_NOTE_TELL : 0);
	channel->header[from] = true;
}

static bool is_sent_by(const struct call *call, uint16_t channel, enum side from)
{
	if (!(call->note[1] & AMQP_NOTE_HEADER))
		return false;
	if (from == FROM_CLIENT)
		return amqp_is_kind(call, channel, AMQP_IS_PUBLISH) ||
		       amqp_is_kind(call, channel, AMQP_IS_UNSURE);
	return amqp_is_kind(call, channel, AMQP_IS_DELIVER) ||
	       amqp_is_kind(call, channel, AMQP_IS_GET);
}

/* Mostly the newest call of all. */
static struct call *whose(const struct talk *talk, uint16_t channel, enum side from)
{
	struct call *call = talk->calls.last;

	if (call && is_sent_by(call, channel, from))
		return call;
	for (call = talk->calls.first; call; call = call->next) {
		if (is_sent_by(call, channel, from))
			return call;
	}
	return NULL;
}

static void passed(struct talk *talk, struct call *call)
{
	bool tell = call->note[1] & AMQP_NOTE_TELL;

	call->note[1] &= ~(uint64_t)(AMQP_NOTE_HEADER | AMQP_NOTE_TELL);
	if (tell)
		amqp_tell_as_asked(talk, call);
}

/* The call whose header was to follow: now it does not any more. */
static struct call *take(struct talk *talk, enum side from, struct amqp_channel *channel)
{
	bool follows = channel && channel->header[from];

	if (follows)
		channel->header[from] = false;
	return follows ? whose(talk, channel->number, from) : NULL;
}

void amqp_header_missed(struct talk *talk, enum side from, struct amqp_channel *channel)
{
	struct call *call = take(talk, from, channel);

	if (call)
		passed(talk, call);
}

/* ---- the table ---- */

/* False: its type is not known, so neither is where it ends. */
static bool value_skip(struct reader *r, char type)
{
	static const char types[] = "tbBsuUIifdlLTDV";
	static const uint8_t sizes[] = {1, 1, 1, 2, 2, 2, 4, 4, 4, 8, 8, 8, 8, 5, 0};
	const char *known = type ? strchr(types, type) : NULL;

	if (known)
		reader_skip(r, sizes[known - types]);
	else if (type && strchr("SxFA", type))
		reader_skip(r, reader_be32(r));
	else
		return false;
	return !r->bad;
}

static void read_table(struct call *call, struct reader *r)
{
	while (r->n) {
		struct slice name = amqp_text(r), value;
		char type = (char)reader_u8(r);

		if (type != 'S') {
			if (!value_skip(r, type))
				return;
			continue;
		}
		value = reader_text(r, reader_be32(r));
		if (r->bad)
			return;
		call_header(call, name, value);
	}
}

void amqp_header(struct talk *talk, enum side from, uint16_t number, struct reader *r)
{
	struct call *call = take(talk, from, amqp_channel_find(talk->state, number));
	unsigned int flags;
	struct reader table;
	uint32_t n;

	if (!call)
		return;
	reader_skip(r, 2 + 2 + 8); /* class, weight, bytes of the body */
	flags = reader_be16(r);
	if (flags & CONTENT_TYPE)
		amqp_text(r);
	if (flags & CONTENT_ENCODING)
		amqp_text(r);
	n = flags & HEADERS ? reader_be32(r) : 0;
	table = (struct reader){r->p, n < r->n ? n : r->n, false};
	read_table(call, &table);
	passed(talk, call);
}
