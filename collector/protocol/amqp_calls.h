/* SPDX-License-Identifier: Apache-2.0 */
/* AMQP 0-9-1: the calls of a connection, by channel and tag. Between its parser's files. */
#ifndef KEYHOLE_PROTOCOL_AMQP_CALLS_H
#define KEYHOLE_PROTOCOL_AMQP_CALLS_H

#include "amqp.h"

#define AMQP_CODE 8 /* bytes of a reply code as text */

enum amqp_kind {
	AMQP_IS_PUBLISH = 1,
	AMQP_IS_UNSURE, /* a publish: it is not known whether it will be confirmed */
	AMQP_IS_DELIVER,
	AMQP_IS_GET,
};

/* Channel, kind, tag. Tags that are longer than this many bits do not occur. */
#define AMQP_TAG ((1ull << 40) - 1)
/* note[0] of a call: when it had passed */
/* note[1]: */
#define AMQP_NOTE_UNSURE 1u /* of a delivery: it is not known whether it will be acknowledged */
#define AMQP_NOTE_HEADER 2u /* its message's header follows */
#define AMQP_NOTE_TELL 4u   /* and then nothing else: it is told */

static inline uint64_t amqp_key(uint16_t channel, enum amqp_kind kind, uint64_t tag)
{
	return (uint64_t)channel << 48 | (uint64_t)kind << 40 | (tag & AMQP_TAG);
}

static inline bool amqp_is_kind(const struct call *call, uint16_t channel, enum amqp_kind kind)
{
	return call->key >> 40 == amqp_key(channel, kind, 0) >> 40;
}

static inline struct slice amqp_text(struct reader *r)
{
	return reader_text(r, reader_u8(r));
}

struct call *amqp_ask(struct talk *talk, uint64_t key, const char *operation,
		      enum messaging_action action);
void amqp_fail(struct call *call, const char *code);

/* Ends with what passed when it was asked: nothing else will come. */
void amqp_tell_as_asked(struct talk *talk, struct call *call);

/* Of which it is not known whether they will be confirmed or acknowledged; all of a kind are told.
 */
bool amqp_is_unsure(const struct call *call, uint16_t channel);
void amqp_tell_unsure(struct talk *talk, uint16_t channel, enum amqp_kind kind);

/* Acks should have come by now, if there were any. True: they are told, and known not to come. */
bool amqp_none_came(struct talk *talk, uint16_t channel, enum amqp_kind kind);

/* An ack, nack or reject: of one, or of all up to it. `error`: NULL for an ack. */
void amqp_settle(struct talk *talk, uint16_t channel, enum amqp_kind kind, uint64_t tag,
		 bool multiple, const char *error);

/* ---- amqp_end.c ---- */

void amqp_channel_close(struct talk *talk, uint16_t channel, struct reader *r);
void amqp_connection_close(struct talk *talk, struct reader *r);

/* ---- amqp_header.c: a message's properties, in the frame behind its method ---- */

/* `tell`: with it the call ends, as tell_as_asked has it. */
void amqp_header_follows(struct amqp_channel *channel, enum side from, struct call *call,
			 bool tell);
/* That frame; the reader stands behind its size. */
void amqp_header(struct talk *talk, enum side from, uint16_t channel, struct reader *r);
/* It does not come: something else came in its place. */
void amqp_header_missed(struct talk *talk, enum side from, struct amqp_channel *channel);

#endif
