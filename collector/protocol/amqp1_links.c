/* SPDX-License-Identifier: Apache-2.0 */
/* AMQP 1.0: the sessions of a connection, and the links in them. */
#include "amqp1.h"

static enum side other_side(enum side side)
{
	return side == FROM_CLIENT ? FROM_SERVER : FROM_CLIENT;
}

/* ---- sessions ---- */

static bool is_free(const struct amqp1_session *session)
{
	return !session->has[FROM_CLIENT] && !session->has[FROM_SERVER];
}

static int session_with(const struct amqp1 *amqp1, enum side side, uint16_t channel)
{
	for (int i = 0; i < AMQP1_SESSIONS; i++) {
		if (amqp1->session[i].has[side] && amqp1->session[i].channel[side] == channel)
			return i;
	}
	return -1;
}

static int session_number(struct amqp1 *amqp1, int i, enum side side, uint16_t channel)
{
	for (int k = 0; i < 0 && k < AMQP1_SESSIONS; k++) {
		if (is_free(&amqp1->session[k]))
			i = k;
	}
	if (i < 0)
		return -1;
	amqp1->session[i].has[side] = true;
	amqp1->session[i].channel[side] = channel;
	return i;
}

/* One whose beginning was not seen: both sides have mostly the same number for it. */
int amqp1_session_find(struct amqp1 *amqp1, enum side side, uint16_t channel)
{
	int i = session_with(amqp1, side, channel);

	if (i >= 0)
		return i;
	i = session_with(amqp1, other_side(side), channel);
	if (i >= 0 && amqp1->session[i].has[side])
		i = -1;
	return session_number(amqp1, i, side, channel);
}

void amqp1_session_begin(struct amqp1 *amqp1, enum side side, uint16_t channel, bool answers,
			 uint16_t other)
{
	int i = session_with(amqp1, side, channel);

	if (i >= 0) /* it ended unseen */
		amqp1_session_end(amqp1, side, i);
	session_number(amqp1, answers ? session_with(amqp1, other_side(side), other) : -1, side,
		       channel);
}

void amqp1_session_end(struct amqp1 *amqp1, enum side side, int session)
{
	amqp1->session[session].has[side] = false;
	for (unsigned int i = 0; i < AMQP1_LINKS; i++) {
		if (amqp1->link[i].session == session && amqp1->link[i].side == side)
			amqp1->link[i].used = false;
	}
}

/* ---- links ---- */

struct amqp1_link *amqp1_link_find(struct amqp1 *amqp1, enum side side, int session,
				   uint32_t handle)
{
	for (unsigned int i = 0; i < AMQP1_LINKS; i++) {
		struct amqp1_link *link = &amqp1->link[i];

		if (link->used && link->handle == handle && link->session == session &&
		    link->side == side)
			return link;
	}
	return NULL;
}

/* FNV-1a. */
static uint64_t hash(struct slice name)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 0x100000001b3ull;
	return h;
}

/* Too many: the oldest is no longer known. */
struct amqp1_link *amqp1_link_add(struct amqp1 *amqp1, enum side side, int session, uint32_t handle,
				  struct slice name)
{
	struct amqp1_link *link = amqp1_link_find(amqp1, side, session, handle);

	for (unsigned int i = 0; !link && i < AMQP1_LINKS; i++) {
		if (!amqp1->link[i].used)
			link = &amqp1->link[i];
	}
	if (!link)
		link = &amqp1->link[amqp1->link_next++ % AMQP1_LINKS];
	link->used = true;
	link->more = false;
	link->side = (uint8_t)side;
	link->session = (uint8_t)session;
	link->handle = handle;
	link->name = name.n ? hash(name) : 0;
	link->address_n = 0;
	return link;
}

struct amqp1_link *amqp1_link_other(struct amqp1 *amqp1, const struct amqp1_link *link)
{
	for (unsigned int i = 0; i < AMQP1_LINKS; i++) {
		struct amqp1_link *other = &amqp1->link[i];

		if (other->used && link->name && other->name == link->name &&
		    other->session == link->session && other->side != link->side)
			return other;
	}
	return NULL;
}

void amqp1_link_name(struct amqp1_link *link, struct slice address)
{
	if (!address.n || address.n > AMQP1_ADDRESS_MAX)
		return;
	memcpy(link->address, address.p, address.n);
	link->address_n = (uint8_t)address.n;
}
