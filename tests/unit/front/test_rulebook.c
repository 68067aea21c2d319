/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload swaps: the intake keeps what it reads, and nothing is kept longer than that. */
#include "rulebook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define SWAPS 3000

static struct config *config_of(const char *yaml)
{
	struct config *config = NULL;
	struct notes notes = {0};

	assert_int_equal(config_parse(&config, slice_of(yaml), NULL, &notes), 0);
	return config;
}

static struct attribute_extras extras; /* there since the start */
static const struct rulebook_basis basis = {.host = "node-1", .extras = &extras};

static struct rulebook *book_of(const char *yaml, const struct rulebook *before)
{
	struct config *config = config_of(yaml);
	struct rulebook *book;

	assert_int_equal(rulebook_new(&book, config, &basis, before), 0);
	book->owned = config;
	return book;
}

static void a_book_has_what_the_configuration_says(void **state)
{
	struct rulebooks *books = rulebooks_new(
		book_of("discovery: {instrument: [{k8s_namespace: shop}]}\n"
			"attributes: {kubernetes: {cluster_name: prod}}\n"
			"routes: {patterns: [/a]}\nkeyhole: {waiting_room: {timeout: 7s}}\n",
			NULL));
	const struct rulebook *book = rulebooks_latest(books);
	struct selector_subject subject = {.metadata = SELECTOR_METADATA_KNOWN};

	assert_int_equal(book->number, 1);
	assert_string_equal(book->rules.cluster, "prod");
	assert_string_equal(book->rules.host, "node-1");
	assert_int_equal(book->wait_ns, 7000000000);
	assert_non_null(book->router);
	subject.text[SELECTOR_K8S_NAMESPACE] = "shop";
	assert_int_equal(selector_match(book->selector, &subject, NULL), SELECTOR_YES);
	subject.text[SELECTOR_K8S_NAMESPACE] = "other";
	assert_int_equal(selector_match(book->selector, &subject, NULL), SELECTOR_NO);
	rulebooks_free(books);
}

/* The node's labels are read later than the configuration; whoever reads its book may go on. */
static void the_cluster_gets_its_name_while_a_book_is_read(void **state)
{
	struct rulebook_basis later = {.host = "node-1", .extras = &extras};
	struct config *config = config_of("routes: {patterns: [/a]}\n");
	const struct rulebook *held;
	struct rulebooks *books;
	struct rulebook *book;

	assert_int_equal(rulebook_new(&book, config, &later, NULL), 0);
	book->owned = config;
	books = rulebooks_new(book);
	held = rulebooks_current(books);
	assert_string_equal(held->rules.cluster, "");
	later.cluster = "prod-eu";
	assert_int_equal(rulebooks_again(books), 0);
	assert_string_equal(rulebooks_latest(books)->rules.cluster, "prod-eu");
	assert_int_equal(rulebooks_latest(books)->number, 2);
	rulebooks_publish(books, book_of("log_level: info\n", NULL));
	/* the first one is as it was, with its configuration */
	assert_int_equal(held->config->routes.patterns.n, 1);
	assert_non_null(held->router);
	rulebooks_quiesce(books);
	rulebooks_reap(books);
	rulebooks_free(books);
}

/* A resource's extra values stand where the labels, which are fixed, look for them. */
static void extra_attributes_keep_the_places_of_the_start(void **state)
{
	const char *values[RES_COUNT] = {NULL}, *more[] = {"blue", "prod"}, *why;
	struct exchange e = {.conn.role = KH_ROLE_SERVER};
	struct attribute_source source = {.exchange = &e};
	struct rulebook *book, *refused = NULL;
	struct config *config;

	attribute_extras_add(&extras, "team", EXTRA_ON_SERIES, &why);
	attribute_extras_add(&extras, "stage", EXTRA_ON_INFO, &why);
	book = book_of("prometheus_export: {extra_resource_attributes: [stage, team]}\n"
		       "filter: {application: {stage: {match: prod}}}\n",
		       NULL);
	assert_int_equal(book->rules.extra.n, 2);
	assert_string_equal(book->rules.extra.keys[0], "team");
	source.resource = resource_new_with(values, more, 2);
	assert_true(filter_passes(book->filter, &source));
	resource_unref(source.resource);
	rulebook_free(book, NULL);

	config = config_of("prometheus_export: {extra_resource_attributes: [other]}\n"
			   "filter: {application: {other: {match: prod}}}\n");
	assert_int_equal(rulebook_new(&refused, config, &basis, NULL), -ENOENT);
	config_free(config);
	extras = (struct attribute_extras){0};
}

static void the_intake_keeps_its_book_until_it_lets_go(void **state)
{
	struct rulebooks *books = rulebooks_new(book_of("service_name: one\n", NULL));
	const struct rulebook *held = rulebooks_current(books);

	for (int i = 0; i < 3; i++) {
		rulebooks_publish(books, book_of("service_name: other\n", NULL));
		assert_ptr_equal(rulebooks_current(books), held);
		assert_string_equal(held->rules.service_name, "one");
		rulebooks_reap(books);
	}
	assert_string_equal(rulebooks_latest(books)->rules.service_name, "other");
	rulebooks_quiesce(books);
	assert_int_equal(rulebooks_current(books)->number, 4);
	assert_ptr_equal(rulebooks_current(books), rulebooks_latest(books));
	rulebooks_free(books);
}

/* Freed once, whoever has it last: the sanitizers see the rest. */
static void a_router_goes_from_book_to_book(void **state)
{
	static const char yaml[] = "routes: {patterns: [/a]}\n";

	for (int held = 0; held < 2; held++) {
		for (unsigned pattern = 0; pattern < 16; pattern++) {
			struct rulebooks *books = rulebooks_new(book_of(yaml, NULL));

			if (held)
				rulebooks_current(books);
			for (unsigned i = 0; i < 4; i++) {
				const struct rulebook *latest = rulebooks_latest(books);
				bool same = pattern >> i & 1;
				struct router *router = latest->router;
				struct rulebook *book = book_of(yaml, same ? latest : NULL);

				assert_true((book->router == router) == same);
				rulebooks_publish(books, book);
			}
			rulebooks_free(books);
		}
	}
}

static void a_book_that_is_not_published_leaves_the_router_alone(void **state)
{
	struct rulebooks *books = rulebooks_new(book_of("routes: {patterns: [/a]}\n", NULL));
	const struct rulebook *latest = rulebooks_latest(books);

	rulebook_free(book_of("routes: {patterns: [/a]}\n", latest), latest);
	assert_int_equal(route_stats(latest->router)->routes_full, 0);
	rulebooks_free(books);
}

struct reader {
	struct rulebooks *books;
	atomic_bool stop;
	unsigned seen, wrong;
};

static void *read_books(void *arg)
{
	struct reader *reader = arg;
	uint64_t last = 0;

	while (!atomic_load(&reader->stop)) {
		const struct rulebook *book = rulebooks_current(reader->books);
		char name[32];

		snprintf(name, sizeof(name), "n%u", (unsigned)book->number);
		if (strcmp(book->rules.service_name, name) != 0 || book->number < last)
			reader->wrong++;
		reader->seen += book->number != last;
		last = book->number;
		rulebooks_quiesce(reader->books);
	}
	return NULL;
}

static void a_reader_sees_whole_books_in_order_while_they_are_swapped(void **state)
{
	struct reader reader = {.books = rulebooks_new(book_of("service_name: n1\n", NULL))};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, read_books, &reader), 0);
	for (unsigned i = 2; i <= SWAPS; i++) {
		char yaml[64];

		snprintf(yaml, sizeof(yaml), "service_name: n%u\n", i);
		rulebooks_publish(reader.books, book_of(yaml, NULL));
	}
	atomic_store(&reader.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(reader.wrong, 0);
	rulebooks_free(reader.books);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_book_has_what_the_configuration_says),
		cmocka_unit_test(the_cluster_gets_its_name_while_a_book_is_read),
		cmocka_unit_test(extra_attributes_keep_the_places_of_the_start),
		cmocka_unit_test(the_intake_keeps_its_book_until_it_lets_go),
		cmocka_unit_test(a_router_goes_from_book_to_book),
		cmocka_unit_test(a_book_that_is_not_published_leaves_the_router_alone),
		cmocka_unit_test(a_reader_sees_whole_books_in_order_while_they_are_swapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
