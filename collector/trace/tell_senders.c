/* SPDX-License-Identifier: Apache-2.0 */
#include "tell_senders.h"

static bool is_fresh(uint64_t then, uint64_t now)
{
	return (then > now ? then - now : now - then) <= TELL_CLOCK_MS;
}

static struct tell_sender *find(struct tell_senders *s, uint64_t id)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->id[i] == id)
			return &s->sender[i];
	}
	return NULL;
}

/* A place that was never used, or that of a sender none of whose datagrams would be taken again. */
static struct tell_sender *place(struct tell_senders *s, uint64_t id, uint64_t now)
{
	size_t i = s->n;

	if (i == TELL_SENDERS_MAX) {
		for (i = 0; i < TELL_SENDERS_MAX; i++) {
			if (s->sender[i].wall_ms < now && !is_fresh(s->sender[i].wall_ms, now))
				break;
		}
		if (i == TELL_SENDERS_MAX)
			return NULL;
		if (s->sender[i].wall_ms > s->forgot_ms)
			s->forgot_ms = s->sender[i].wall_ms;
	} else {
		s->n++;
	}
	s->id[i] = id;
	s->sender[i] = (struct tell_sender){0};
	return &s->sender[i];
}

static enum tell_refusal check_counter(struct tell_sender *sender, uint64_t counter)
{
	uint64_t ahead = counter - sender->top, behind = sender->top - counter;

	if (counter > sender->top) {
		sender->seen = ahead < TELL_WINDOW ? sender->seen << ahead | 1 : 1;
		sender->top = counter;
		return TELL_TAKEN;
	}
	if (behind >= TELL_WINDOW || sender->seen >> behind & 1)
		return TELL_REPLAY;
	sender->seen |= 1ull << behind;
	return TELL_TAKEN;
}

enum tell_refusal tell_senders_check(struct tell_senders *s, const struct tell_head *head,
				     uint64_t wall_ms)
{
	struct tell_sender *sender;
	enum tell_refusal refusal;

	if (head->sender == s->own)
		return TELL_OWN;
	if (!is_fresh(head->wall_ms, wall_ms))
		return TELL_CLOCK;
	sender = find(s, head->sender);
	/* Should this node's clock have been set back, what is forgotten might look new. */
	if (!sender && head->wall_ms <= s->forgot_ms)
		return TELL_REPLAY;
	if (!sender)
		sender = place(s, head->sender, wall_ms);
	if (!sender)
		return TELL_SENDERS;
	refusal = check_counter(sender, head->counter);
	if (!refusal && head->wall_ms > sender->wall_ms)
		sender->wall_ms = head->wall_ms;
	return refusal;
}
