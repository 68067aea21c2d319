/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMQP 1.0, between its parser's files. Source: OASIS AMQP 1.0, part 1 (types), part 2 (transport)
 * and part 3 (delivery states, sources and targets).
 *
 * What is told: a transfer by the client is a "publish" (MESSAGING_SEND), one by the server a
 * "deliver" (MESSAGING_PROCESS); each until the receiver's disposition, or at once if it was sent
 * settled. rejected, released and modified are failures. Further "detach", "end" and "close", where
 * they carry an error that no transfer was waiting for. The destination is the address of the
 * link's end at the server; it is not known of links that were attached before Keyhole came.
 */
#ifndef KEYHOLE_PROTOCOL_AMQP1_H
#define KEYHOLE_PROTOCOL_AMQP1_H

#include "parser.h"
#include "reader.h"

#define AMQP1_FRAME_MAX (64u << 20) /* bytes; peers agree on 64 KiB to 1 MiB mostly */
#define AMQP1_SESSIONS 16     /* of a connection, followed at once; what others move is lost */
#define AMQP1_LINKS 64        /* ends of links, two per link, whose address is known */
#define AMQP1_ADDRESS_MAX 128 /* bytes of an address; a longer one is not known */
#define AMQP1_HEAD 8
#define AMQP1_TRANSFER_WANT 160 /* bytes of a transfer: all but the message */
#define AMQP1_MESSAGE_WANT 1024 /* of the message, looked at for a trace context */

enum amqp1_performative {
	AMQP1_OPEN = 0x10,
	AMQP1_BEGIN,
	AMQP1_ATTACH,
	AMQP1_FLOW,
	AMQP1_TRANSFER,
	AMQP1_DISPOSITION,
	AMQP1_DETACH,
	AMQP1_END,
	AMQP1_CLOSE,
	AMQP1_ERROR = 0x1d,
	AMQP1_RECEIVED = 0x23, /* a delivery state that is no outcome */
	AMQP1_ACCEPTED,
	AMQP1_REJECTED,
	AMQP1_RELEASED,
	AMQP1_MODIFIED,
};

/* A session: each side numbers it by itself. */
struct amqp1_session {
	bool has[SIDES];
	uint16_t channel[SIDES];
};

/* One side's end of a link. */
struct amqp1_link {
	bool used, more; /* more: a delivery of several transfers is under way */
	uint8_t side, session, address_n;
	uint32_t handle;
	uint64_t name; /* its hash; both ends have the same name. 0: not known */
	char address[AMQP1_ADDRESS_MAX];
};

struct amqp1 {
	uint32_t link_next;
	struct amqp1_session session[AMQP1_SESSIONS];
	struct amqp1_link link[AMQP1_LINKS];
};

/* ---- amqp1_types.c ---- */

/* Passes over a value of any type. */
void amqp1_skip(struct reader *r);
/* Null and other types: `otherwise`. */
uint64_t amqp1_number(struct reader *r, uint64_t otherwise);
bool amqp1_bool(struct reader *r, bool otherwise);
struct slice amqp1_text(struct reader *r); /* string, symbol or binary; else "" */

/* A list's fields; those that are left out at its end read as null. */
struct amqp1_list {
	struct reader r;
	uint32_t n; /* fields left */
};
struct amqp1_list amqp1_list(struct reader *r);

/* A described list, passed over by r; its code, or 0 where there is none. */
unsigned int amqp1_described(struct reader *r, struct amqp1_list *list);

uint64_t amqp1_field_number(struct amqp1_list *list, uint64_t otherwise);
bool amqp1_field_bool(struct amqp1_list *list, bool otherwise);
struct slice amqp1_field_text(struct amqp1_list *list);
unsigned int amqp1_field_described(struct amqp1_list *list, struct amqp1_list *inner);
void amqp1_fields_skip(struct amqp1_list *list, unsigned int n);

/* ---- amqp1_links.c: -1 or NULL: not known ---- */

int amqp1_session_find(struct amqp1 *amqp1, enum side side, uint16_t channel);
void amqp1_session_begin(struct amqp1 *amqp1, enum side side, uint16_t channel, bool answers,
			 uint16_t other);
void amqp1_session_end(struct amqp1 *amqp1, enum side side, int session);
struct amqp1_link *amqp1_link_find(struct amqp1 *amqp1, enum side side, int session,
				   uint32_t handle);
struct amqp1_link *amqp1_link_add(struct amqp1 *amqp1, enum side side, int session, uint32_t handle,
				  struct slice name);
/* The same link's end at the other side. */
struct amqp1_link *amqp1_link_other(struct amqp1 *amqp1, const struct amqp1_link *link);
void amqp1_link_name(struct amqp1_link *link, struct slice address);

/* ---- amqp1_frames.c ---- */

/* A frame's performative; the list has its fields, `payload` what was captured behind it. */
void amqp1_performative(struct talk *talk, enum side from, uint16_t channel, unsigned int code,
			struct amqp1_list *list, struct reader *payload);

/* ---- amqp1_sections.c ---- */

/* The sections of a message, as much of it as there is: application properties of a trace context.
 */
void amqp1_sections_read(struct call *call, struct reader *r);

/* Something that this side said was missed. */
void amqp1_lost(struct talk *talk, enum side from);

#endif
