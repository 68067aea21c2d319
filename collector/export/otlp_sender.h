/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends what a source writes, one request at a time, until the receiver has taken it: what it
 * cannot take now is tried again after a pause, which doubles and is drawn at random around its
 * length; a Retry-After is the least. What it refuses is dropped and counted.
 */
#ifndef KEYHOLE_EXPORT_OTLP_SENDER_H
#define KEYHOLE_EXPORT_OTLP_SENDER_H

#include "otlp_post.h"
#include "otlp_writer.h"

#include <stdatomic.h>

struct otlp_stats {
	_Atomic uint64_t requests; /* sent, tries again included */
	_Atomic uint64_t failures; /* of them, those without success */
	_Atomic uint64_t retries;
	_Atomic uint64_t garbage; /* answers with status 200 that were none of OTLP */
	_Atomic uint64_t sent;    /* items accepted */
	/* items that were not: */
	_Atomic uint64_t refused;  /* the request was refused for good */
	_Atomic uint64_t rejected; /* told by a partial success */
	_Atomic uint64_t given_up; /* tried for too long, or until the end */
	_Atomic uint64_t unsent;   /* could not be written */
};

struct otlp_source {
	const char *items; /* "spans", for messages */
	/* Writes the next request. Returns its items, 0: there is nothing, or -errno. */
	int (*next)(void *arg, struct otlp_writer *w);
	/* Is there another one at once? */
	bool (*more)(void *arg);
	/*
	 * Before a request is tried again: true if the source has something newer that stands for
	 * it too; it is asked for the next one instead. May be NULL.
	 */
	bool (*replaces)(void *arg);
	void *arg;
};

struct otlp_backoff {
	uint64_t min_ms, max_ms;
	uint64_t give_up_ms; /* after so long; 0: never */
};

struct otlp_sender;

struct otlp_sender *otlp_sender_new(struct loop *loop, const struct otlp_signal_options *options,
				    const struct otlp_source *source,
				    const struct otlp_backoff *backoff);
void otlp_sender_free(struct otlp_sender *sender); /* what is under way is given up, and counted */

/* There may be something to send. */
void otlp_sender_kick(struct otlp_sender *sender);
/* Does not wait for the end of a pause, unless the receiver asked for it. */
void otlp_sender_hurry(struct otlp_sender *sender);
/* Nothing is under way, nor waits to be tried again. */
bool otlp_sender_idle(const struct otlp_sender *sender);
/* Called (once each time) when it becomes idle. */
void otlp_sender_on_idle(struct otlp_sender *sender, void (*fn)(void *arg), void *arg);

struct otlp_stats *otlp_sender_stats(struct otlp_sender *sender);

/* The n-th pause (from 0), with `random` drawn from all 64-bit numbers: for tests. */
uint64_t otlp_pause_ms(const struct otlp_backoff *backoff, unsigned int n, unsigned int after_s,
		       uint64_t random);

#endif
