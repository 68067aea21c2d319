/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_MODULE "otlp"
#include "otlp_sender.h"

#include "../log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define WRITE_MAX (64u << 20)               /* bytes of a request, by OTLP's specification */
#define KEEP_BYTES (256u << 10)             /* an idle sender holds no more than this */
#define COMPLAIN_NS (30ull * 1000000000ull) /* between two messages about failures */

struct otlp_sender {
	struct loop *loop;
	struct otlp_post *post;
	struct otlp_source source;
	struct otlp_backoff backoff;
	struct otlp_stats stats;
	struct otlp_writer body;
	int items;    /* in body; 0: nothing is under way */
	bool sending; /* else a pause, if items > 0 */
	unsigned int tries;
	bool told;            /* by the receiver, how long the pause is */
	uint64_t began_ns;    /* first try */
	uint64_t complain_ns; /* no message before this */
	bool complained;      /* nothing went well since the last one */
	void (*on_idle)(void *arg);
	void *on_idle_arg;
};

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t draw(void)
{
	uint64_t value = 0;

	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != sizeof(value))
		value = loop_now_ns() * 0x9e3779b97f4a7c15u;
	return value;
}

/* From half the pause to one and a half. */
uint64_t otlp_pause_ms(const struct otlp_backoff *b, unsigned int n, unsigned int after_s,
		       uint64_t random)
{
	uint64_t pause = b->min_ms ? b->min_ms : 1, least = after_s * 1000ull;

	while (n-- > 0 && pause < b->max_ms)
		pause *= 2;
	if (pause > b->max_ms)
		pause = b->max_ms;
	if (least > 0)
		return least + random % (least / 10 + 1);
	return pause / 2 + random % (pause + 1);
}

static void on_pause(void *arg);

static void send_body(struct otlp_sender *s)
{
	int r;

	s->sending = true;
	s->told = false;
	count(&s->stats.requests, 1);
	r = otlp_post_send(s->post, (struct slice){s->body.p, s->body.n});
	if (!r)
		return;
	s->sending = false; /* out of memory: later there may be some */
	count(&s->stats.failures, 1);
	loop_after(s->loop, otlp_pause_ms(&s->backoff, s->tries++, 0, draw()), on_pause, s);
}

static void begin(struct otlp_sender *s)
{
	int n;

	while ((n = s->source.next(s->source.arg, &s->body)) < 0) {
		log_warn("%s could not be written: %s", s->source.items, strerror(-n));
		if (!s->source.more(s->source.arg))
			return;
	}
	s->items = n;
	s->tries = 0;
	s->began_ns = loop_now_ns();
	if (n > 0)
		send_body(s);
}

static void end(struct otlp_sender *s)
{
	s->items = 0;
	s->sending = false;
	if (s->body.size > KEEP_BYTES)
		otlp_free(&s->body);
	if (s->source.more(s->source.arg))
		begin(s);
	if (s->items == 0 && s->on_idle)
		s->on_idle(s->on_idle_arg);
}

static void on_pause(void *arg)
{
	struct otlp_sender *s = arg;

	count(&s->stats.retries, 1);
	if (s->source.replaces && s->source.replaces(s->source.arg)) {
		uint64_t began_ns = s->began_ns;
		unsigned int tries = s->tries;

		s->items = 0;
		begin(s);
		s->began_ns = began_ns;
		s->tries = tries;
		if (s->items == 0)
			end(s);
		return;
	}
	send_body(s);
}

static bool may_complain(struct otlp_sender *s)
{
	uint64_t now = loop_now_ns();

	if (now < s->complain_ns) /* also where it went well meanwhile: it may go to and fro */
		return false;
	s->complained = true;
	s->complain_ns = now + COMPLAIN_NS;
	return true;
}

static void complain(struct otlp_sender *s, const struct otlp_answer *answer, const char *outcome)
{
	char text[OTLP_TEXT_MAX + 32];

	if (may_complain(s))
		log_warn("%d %s not taken by the receiver (status %ld): %s; %s", s->items,
			 s->source.items, answer->status,
			 log_text(slice_of(answer->text), text, sizeof(text)), outcome);
}

static void on_accepted(struct otlp_sender *s, const struct otlp_answer *answer)
{
	uint64_t items = (uint64_t)s->items;
	uint64_t rejected = (uint64_t)answer->rejected < items ? (uint64_t)answer->rejected : items;
	char text[OTLP_TEXT_MAX + 32];

	count(&s->stats.sent, items - rejected);
	count(&s->stats.rejected, rejected);
	count(&s->stats.garbage, answer->garbage);
	if (rejected == 0 && !*answer->text && !answer->garbage) {
		if (s->complained)
			log_info("%s are taken by the receiver again", s->source.items);
		s->complained = false;
		return;
	}
	if (!may_complain(s))
		return;
	if (answer->garbage)
		log_warn("the receiver answers %s with status %ld, but not as OTLP says",
			 s->source.items, answer->status);
	else
		log_warn("the receiver rejected %llu of %d %s: %s", (unsigned long long)rejected,
			 s->items, s->source.items,
			 log_text(slice_of(answer->text), text, sizeof(text)));
}

static bool too_long(const struct otlp_sender *s)
{
	return s->backoff.give_up_ms &&
	       loop_now_ns() - s->began_ns >= s->backoff.give_up_ms * 1000000;
}

static void on_answer(void *arg, const struct otlp_answer *answer)
{
	struct otlp_sender *s = arg;

	s->sending = false;
	if (answer->result == OTLP_ACCEPTED) {
		on_accepted(s, answer);
		end(s);
		return;
	}
	count(&s->stats.failures, 1);
	if (answer->result == OTLP_LATER && !too_long(s)) {
		complain(s, answer, "they are sent again");
		s->told = answer->retry_after_s > 0;
		loop_after(s->loop,
			   otlp_pause_ms(&s->backoff, s->tries++, answer->retry_after_s, draw()),
			   on_pause, s);
		return;
	}
	complain(s, answer, "they are dropped");
	count(answer->result == OTLP_LATER ? &s->stats.given_up : &s->stats.refused,
	      (uint64_t)s->items);
	end(s);
}

struct otlp_sender *otlp_sender_new(struct loop *loop, const struct otlp_signal_options *options,
				    const struct otlp_source *source,
				    const struct otlp_backoff *backoff)
{
	struct otlp_sender *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->loop = loop;
	s->source = *source;
	s->backoff = *backoff;
	s->body = OTLP_WRITER(options->json, WRITE_MAX);
	s->post = otlp_post_new(loop, options, on_answer, s);
	if (s->post)
		return s;
	free(s);
	return NULL;
}

void otlp_sender_free(struct otlp_sender *s)
{
	if (!s)
		return;
	if (s->items > 0)
		count(&s->stats.given_up, (uint64_t)s->items);
	loop_cancel(s->loop, on_pause, s);
	otlp_post_free(s->post);
	otlp_free(&s->body);
	free(s);
}

void otlp_sender_kick(struct otlp_sender *s)
{
	if (s->items == 0)
		begin(s);
}

void otlp_sender_hurry(struct otlp_sender *s)
{
	if (s->items == 0 || s->sending || s->told)
		return;
	loop_cancel(s->loop, on_pause, s);
	on_pause(s);
}

bool otlp_sender_idle(const struct otlp_sender *s)
{
	return s->items == 0;
}

void otlp_sender_on_idle(struct otlp_sender *s, void (*fn)(void *arg), void *arg)
{
	s->on_idle = fn;
	s->on_idle_arg = arg;
}

struct otlp_stats *otlp_sender_stats(struct otlp_sender *s)
{
	return &s->stats;
}
