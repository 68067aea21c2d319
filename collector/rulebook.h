/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of the configuration decides about each record: which workloads are shown, under which
 * names, by which routes, and which of their requests count. A reload makes a new book and swaps it
 * for the old one, whole.
 *
 * Front:  rulebook_new(), rulebooks_publish(), now and then rulebooks_reap().
 * Intake: rulebooks_current() as often as it likes; it gets the same book until it calls
 *         rulebooks_quiesce(), once per batch and before it waits.
 *
 * As in kube/store.h there is one reader, so one pointer says what it holds, and at most two books
 * exist beside the one being made. No lock, no system call, no allocation for the intake.
 */
#ifndef KEYHOLE_RULEBOOK_H
#define KEYHOLE_RULEBOOK_H

#include "config/config.h"

/* What stays as it was at the start, whatever a new configuration says. */
struct rulebook_basis {
	const char *host; /* this host's name */
	/* Their places in a resource are fixed, as the labels are. */
	const struct attribute_extras *extras;
	struct peer_namer namer; /* for filters */
	/* k8s.cluster.name where the configuration has none; NULL until it is known, see below. */
	const char *cluster;
};

struct rulebook {
	const struct config *config;
	struct config *owned; /* the same, if it goes with the book; else NULL */
	struct selector *selector;
	struct router *router;   /* NULL: no routes. Belongs to the newest book that has it */
	struct filter *filter;   /* NULL: all are counted */
	const struct rulebook_basis *basis;
	struct resolve_rules rules;
	uint64_t wait_ns; /* keyhole.waiting_room.timeout */
	uint64_t number;  /* from 1; each published book has a higher one */
};

/*
 * Compiles what `config` says. It and `basis` outlive the book. `before`: a book whose router is
 * taken over, with what it learned, because neither routes nor discovery changed; or NULL.
 * Returns 0 or -errno, said in one line.
 */
int rulebook_new(struct rulebook **book, const struct config *config,
		 const struct rulebook_basis *basis, const struct rulebook *before);
/* One that was not published, made with the same `before`. NULL is fine. */
void rulebook_free(struct rulebook *book, const struct rulebook *before);

struct rulebooks;

/* With the first book, which it takes over; NULL: out of memory. */
struct rulebooks *rulebooks_new(struct rulebook *first);
void rulebooks_free(struct rulebooks *books); /* after the intake has stopped */

/* Front thread. Takes over the book. */
void rulebooks_publish(struct rulebooks *books, struct rulebook *book);
const struct rulebook *rulebooks_latest(const struct rulebooks *books);
/*
 * The same configuration once more, because its basis knows more now: at most once in a process.
 * Returns 0 or -errno, said.
 */
int rulebooks_again(struct rulebooks *books);
/* Frees the book before, once the intake has let go of it. */
void rulebooks_reap(struct rulebooks *books);

/* Intake thread. Never NULL. */
const struct rulebook *rulebooks_current(struct rulebooks *books);
void rulebooks_quiesce(struct rulebooks *books);

#endif
