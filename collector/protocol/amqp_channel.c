/* SPDX-License-Identifier: Apache-2.0 */
/* AMQP 0-9-1: the channels of a connection and their consumers. */
#include "amqp.h"

struct amqp_channel *amqp_channel_find(struct amqp *amqp, uint16_t number)
{
	for (unsigned int i = 0; i < AMQP_CHANNELS; i++) {
		struct amqp_channel *channel = &amqp->channel[(number + i) % AMQP_CHANNELS];

		if (channel->used && channel->number == number)
			return channel;
	}
	return NULL;
}

struct amqp_channel *amqp_channel_get(struct amqp *amqp, uint16_t number)
{
	struct amqp_channel *free = NULL;

	for (unsigned int i = 0; i < AMQP_CHANNELS; i++) {
		struct amqp_channel *channel = &amqp->channel[(number + i) % AMQP_CHANNELS];

		if (channel->used && channel->number == number)
			return channel;
		if (!channel->used && !free)
			free = channel;
	}
	if (free)
		*free = (struct amqp_channel){.used = true, .number = number};
	return free;
}

void amqp_channel_drop(struct amqp *amqp, uint16_t number)
{
	for (unsigned int i = 0; i < AMQP_CHANNELS; i++) {
		if (amqp->channel[i].used && amqp->channel[i].number == number)
			amqp->channel[i].used = false;
	}
	for (unsigned int i = 0; i < AMQP_CONSUMERS; i++) {
		if (amqp->consumer[i].channel == number)
			amqp->consumer[i].tag = 0;
	}
}

/* FNV-1a, never 0. Tags are unique on a channel. */
static uint64_t hash(struct slice tag)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < tag.n; i++)
		h = (h ^ (unsigned char)tag.p[i]) * 0x100000001b3ull;
	return h ? h : 1;
}

const struct amqp_consumer *amqp_consumer_find(const struct amqp *amqp, uint16_t channel,
					       struct slice tag)
{
	uint64_t h = hash(tag);

	for (unsigned int i = 0; i < AMQP_CONSUMERS; i++) {
		if (amqp->consumer[i].tag == h && amqp->consumer[i].channel == channel)
			return &amqp->consumer[i];
	}
	return NULL;
}

void amqp_consumer_drop(struct amqp *amqp, uint16_t channel, struct slice tag)
{
	const struct amqp_consumer *consumer = amqp_consumer_find(amqp, channel, tag);

	if (consumer)
		amqp->consumer[consumer - amqp->consumer].tag = 0;
}

/* Too many: the oldest is no longer known. */
void amqp_consumer_add(struct amqp *amqp, uint16_t channel, struct slice tag, bool no_ack)
{
	amqp_consumer_drop(amqp, channel, tag);
	for (unsigned int i = 0; i < AMQP_CONSUMERS; i++) {
		if (!amqp->consumer[amqp->consumer_next % AMQP_CONSUMERS].tag)
			break;
		amqp->consumer_next++;
	}
	amqp->consumer[amqp->consumer_next++ % AMQP_CONSUMERS] =
		(struct amqp_consumer){hash(tag), channel, no_ack};
}
