/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMQP 0-9-1, between its parser's files. Source: the specification of AMQP 0-9-1 (amqp0-9-1.xml)
 * and RabbitMQ's extensions of it (basic.nack, confirm.select).
 *
 * What is told:
 *   "publish" (MESSAGING_SEND)     on a channel with publisher confirms until its ack or nack;
 * else, since nothing answers it, at once "deliver" (MESSAGING_PROCESS)  until the consumer's ack,
 * nack or reject; at once if it need not "get"     (MESSAGING_RECEIVE)  until get-ok or get-empty
 * (whose destination is the queue) "return", "channel.close", "connection.close": failures that no
 * request of these waits for The destination is that of the conventions: "exchange:routing key", or
 * the one that is not empty, or "amq.default". A delivery that was not settled when its channel
 * ended was not processed, and is not told.
 *
 * Of a channel that was not seen from its opening, it is not known whether publishes are confirmed
 * and deliveries acknowledged. They are kept until the first ack tells, or, since none came for
 * AMQP_NO_ACK_NS or AMQP_NO_ACK_MAX of them, told as what they were.
 */
#ifndef KEYHOLE_PROTOCOL_AMQP_H
#define KEYHOLE_PROTOCOL_AMQP_H

#include "parser.h"
#include "reader.h"

#define AMQP_FRAME_MAX (16u << 20) /* bytes; RabbitMQ's default is 128 KiB */
#define AMQP_CHANNELS 32           /* followed at once on a connection; others' messages are lost */
#define AMQP_CONSUMERS 32          /* whose way of acknowledging is known */
#define AMQP_NO_ACK_MAX 32
#define AMQP_HEADER_WANT 1024 /* bytes of a message's properties looked at for a trace context */
#define AMQP_NO_ACK_NS (5ull * 1000000000ull)

#define AMQP_METHOD 1
#define AMQP_HEADER 2
#define AMQP_BODY 3
#define AMQP_HEARTBEAT 8
#define AMQP_END 0xce
#define AMQP_HEAD 7 /* type, channel, size */

#define AMQP_ID(class, method) ((uint32_t)(class) << 16 | (method))
enum amqp_method {
	AMQP_CONNECTION_CLOSE = AMQP_ID(10, 50),
	AMQP_CHANNEL_OPEN = AMQP_ID(20, 10),
	AMQP_CHANNEL_CLOSE = AMQP_ID(20, 40),
	AMQP_CONSUME = AMQP_ID(60, 20),
	AMQP_CONSUME_OK = AMQP_ID(60, 21),
	AMQP_CANCEL = AMQP_ID(60, 30),
	AMQP_PUBLISH = AMQP_ID(60, 40),
	AMQP_RETURN = AMQP_ID(60, 50),
	AMQP_DELIVER = AMQP_ID(60, 60),
	AMQP_GET = AMQP_ID(60, 70),
	AMQP_GET_OK = AMQP_ID(60, 71),
	AMQP_GET_EMPTY = AMQP_ID(60, 72),
	AMQP_ACK = AMQP_ID(60, 80),
	AMQP_REJECT = AMQP_ID(60, 90),
	AMQP_NACK = AMQP_ID(60, 120),
	AMQP_CONFIRM_SELECT = AMQP_ID(85, 10),
};

enum amqp_acks {
	AMQP_ACKS_UNKNOWN,
	AMQP_ACKS_NONE,
	AMQP_ACKS_COME,
};

struct amqp_channel {
	bool used;
	bool consume_no_ack; /* of a consumer that the server is to name */
	uint8_t confirms;    /* enum amqp_acks, by the server */
	uint8_t acks;        /* likewise by consumers that are not known */
	bool header[SIDES];  /* of what this side just sent, it follows */
	bool sure;           /* `next` is known, not concluded from the confirms that came */
	uint16_t number;
	uint64_t next; /* tag of the next publish, where they are confirmed */
};

struct amqp_consumer {
	uint64_t tag; /* its hash; 0: free */
	uint16_t channel;
	bool no_ack;
};

struct amqp {
	uint32_t consumer_next;
	struct amqp_channel channel[AMQP_CHANNELS];
	struct amqp_consumer consumer[AMQP_CONSUMERS];
};

/* ---- amqp_channel.c ---- */

struct amqp_channel *amqp_channel_find(struct amqp *amqp, uint16_t number); /* NULL: not known */
struct amqp_channel *amqp_channel_get(struct amqp *amqp, uint16_t number);  /* NULL: too many */
void amqp_channel_drop(struct amqp *amqp, uint16_t number);
void amqp_consumer_add(struct amqp *amqp, uint16_t channel, struct slice tag, bool no_ack);
void amqp_consumer_drop(struct amqp *amqp, uint16_t channel, struct slice tag);
/* NULL: not known. */
const struct amqp_consumer *amqp_consumer_find(const struct amqp *amqp, uint16_t channel,
					       struct slice tag);

/* ---- amqp_methods.c ---- */

/* A method; the reader stands behind its class and number. */
void amqp_method(struct talk *talk, enum side from, uint16_t channel, uint32_t method,
		 struct reader *r);

/*
 * Something that this side said was missed: mostly the rest of a long body, but it may have been
 * acks, so what waits for these is lost.
 */
void amqp_lost(struct talk *talk, enum side from);

/* A method of which not all was captured. */
void amqp_method_cut(struct talk *talk, enum side from, uint16_t channel, uint32_t method);

#endif
