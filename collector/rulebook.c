/* SPDX-License-Identifier: Apache-2.0 */
#include "rulebook.h"

#include <errno.h>
#include <stdlib.h>

#define LOG_MODULE "rules"

/* ---- one book ---- */

static int make_selector(struct rulebook *book)
{
	char why[PATTERN_WHY_MAX] = "";
	struct selector_options s = {0};
	int r;

	config_selectors(book->config, &s);
	r = selector_new(&book->selector, &s, why);
	if (r)
		log_error("discovery: %s", why[0] ? why : strerror(-r));
	return r;
}

static int make_router(struct rulebook *book)
{
	struct route_options o = {0};
	char why[ROUTE_WHY_MAX] = "";
	int r;

	config_routes(book->config, &o);
	if (!book->config->routes.given && !o.set_count)
		return 0;
	r = route_new(&book->router, &o, why);
	if (r)
		log_error("routes: %s", why[0] ? why : strerror(-r));
	return r;
}

/* The attribute as it was numbered at the start; -ENOENT: it is there from the next start on. */
static int attribute_of(const struct rulebook *book, unsigned int id)
{
	if (id < ATTR_EXTRA)
		return (int)id;
	return attribute_find(book->basis->extras,
			      slice_of(attribute_name(&book->config->attributes.extras, id)));
}

static int make_filter(struct rulebook *book)
{
	const struct config_filter *from = &book->config->attributes.filter;
	struct filter_test tests[FILTER_TESTS_MAX];
	char why[PATTERN_WHY_MAX] = "";
	int r;

	for (size_t i = 0; i < from->n; i++) {
		r = attribute_of(book, from->v[i].attribute);
		if (r < 0) {
			log_error("filter.application: %s is an attribute only from the next start "
				  "on; restart to filter by it",
				  attribute_name(&book->config->attributes.extras,
						 from->v[i].attribute));
			return r;
		}
		tests[i] = from->v[i];
		tests[i].attribute = (unsigned int)r;
	}
	r = from->n ? filter_new(&book->filter, tests, from->n, &book->basis->namer, why) : 0;
	if (r)
		log_error("filter.application: %s", why[0] ? why : strerror(-r));
	return r;
}

/* All but what `newer` has, too. */
static void discard(struct rulebook *book, const struct rulebook *newer)
{
	if (!book)
		return;
	if (book->router && !(newer && newer->router == book->router))
		route_free(book->router);
	filter_free(book->filter);
	if (book->selector)
		selector_free(book->selector);
	config_free(book->owned);
	free(book);
}

int rulebook_new(struct rulebook **out, const struct config *config,
		 const struct rulebook_basis *basis, const struct rulebook *before)
{
	struct rulebook *book = calloc(1, sizeof(*book));
	int r;

	if (!book) {
		log_error("the rules of the configuration: out of memory");
		return -ENOMEM;
	}
	book->config = config;
	book->wait_ns = config->keyhole.waiting_ns;
	book->basis = basis;
	config_naming(config, basis->host, &book->rules);
	if (!*book->rules.cluster && basis->cluster)
		book->rules.cluster = basis->cluster;
	book->rules.extra = (struct resolve_labels){basis->extras->name, basis->extras->n};
	r = make_selector(book);
	if (!r)
		r = make_filter(book);
	if (!r && before)
		book->router = before->router;
	else if (!r)
		r = make_router(book);
	if (r) {
		discard(book, before);
		return r;
	}
	*out = book;
	return 0;
}

void rulebook_free(struct rulebook *book, const struct rulebook *before)
{
	discard(book, before);
}

/* ---- the current one ---- */

struct rulebooks {
	struct rulebook *current;   /* written by the front */
	struct rulebook *held;      /* written by the intake: what it may be reading */
	struct rulebook *withdrawn; /* no longer current, but perhaps held */
	struct config *kept;        /* of a book that another one has the configuration of */
};

struct rulebooks *rulebooks_new(struct rulebook *first)
{
	struct rulebooks *books = calloc(1, sizeof(*books));

	if (!books)
		return NULL;
	first->number = 1;
	books->current = first;
	return books;
}

void rulebooks_free(struct rulebooks *books)
{
	if (!books)
		return;
	discard(books->withdrawn, books->current);
	discard(books->current, NULL);
	config_free(books->kept);
	free(books);
}

void rulebooks_reap(struct rulebooks *books)
{
	if (books->withdrawn && __atomic_load_n(&books->held, __ATOMIC_SEQ_CST) == books->withdrawn)
		return;
	discard(books->withdrawn, books->current);
	books->withdrawn = NULL;
}

/*
 * As in kube/store.c: the intake may hold the withdrawn book or the current one, never a third. If
 * it holds the withdrawn one, the current one was seen by nobody and is replaced outright.
 */
void rulebooks_publish(struct rulebooks *books, struct rulebook *book)
{
	struct rulebook *old;

	rulebooks_reap(books);
	book->number = books->current->number + 1;
	old = __atomic_exchange_n(&books->current, book, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&books->held, __ATOMIC_SEQ_CST) != old) {
		/* The withdrawn book may share the router that the old one took over from it. */
		if (books->withdrawn && books->withdrawn->router == old->router &&
		    old->router != book->router)
			old->router = NULL;
		discard(old, book);
		rulebooks_reap(books);
		return;
	}
	books->withdrawn = old; /* it is held, so no other is */
}

int rulebooks_again(struct rulebooks *books)
{
	struct rulebook *latest = books->current, *book;
	int r;

	if (books->kept)
		return 0;
	r = rulebook_new(&book, latest->config, latest->basis, latest);
	if (r)
		return r;
	/* Two books, and whoever holds the first, look into it: it stays to the end. */
	books->kept = latest->owned;
	latest->owned = NULL;
	rulebooks_publish(books, book);
	return 0;
}

const struct rulebook *rulebooks_latest(const struct rulebooks *books)
{
	return books->current;
}

const struct rulebook *rulebooks_current(struct rulebooks *books)
{
	struct rulebook *book = __atomic_load_n(&books->held, __ATOMIC_RELAXED);
	struct rulebook *seen;

	if (book)
		return book;
	seen = __atomic_load_n(&books->current, __ATOMIC_SEQ_CST);
	do {
		book = seen;
		__atomic_store_n(&books->held, book, __ATOMIC_SEQ_CST);
		seen = __atomic_load_n(&books->current, __ATOMIC_SEQ_CST);
	} while (seen != book);
	return book;
}

void rulebooks_quiesce(struct rulebooks *books)
{
	__atomic_store_n(&books->held, NULL, __ATOMIC_RELEASE);
}
