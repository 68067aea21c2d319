/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "service/route.h"

#include <errno.h>
#include <stdio.h>

static struct router *router_with(struct route_options options)
{
	struct router *router;
	char why[ROUTE_WHY_MAX];

	assert_int_equal(route_new(&router, &options, why), 0);
	return router;
}

static struct router *router_for(enum route_unmatched unmatched)
{
	return router_with((struct route_options){.unmatched = unmatched});
}

static void expect_for(struct router *router, uint64_t service, const char *target,
		       const char *route)
{
	struct route_answer a = route_find(router, service, 0, slice_of(target), false);

	if (!slice_is(a.route, route))
		fail_msg("%s gave %.*s and not %s", target, (int)a.route.n, a.route.p, route);
}

static void expect(struct router *router, const char *target, const char *route)
{
	expect_for(router, 1, target, route);
	/* Once decided and once remembered. */
	expect_for(router, 1, target, route);
}

static const char *const patterns[] = {
	"/users/:id",           /* 0 */
	"/users/me",            /* literal goes first */
	"/users/{id}/orders/*", /* a rest */
	"/@:user",              /* a prefix in a segment */
	"/@admin-{name}",       /* a longer prefix goes first */
	"/files/*/meta",        /* one segment in the middle */
	"/static/*",
	"/",
	"/a/:x/c",
	"/a/b/:y",
};

static struct router *router_of_patterns(enum route_unmatched unmatched)
{
	return router_with((struct route_options){
		.patterns = patterns,
		.pattern_count = sizeof(patterns) / sizeof(*patterns),
		.unmatched = unmatched,
	});
}

static void patterns_match_by_segments(void **state)
{
	static const char *const v[][2] = {
		{"/users/42", "/users/:id"},
		{"/users/42/", "/users/:id"},
		{"//users//42", "/users/:id"},
		{"/users/me", "/users/me"},
		{"/users/", ""},
		{"/users", ""},
		{"/users/1/2", ""},
		{"/users/1/orders", "/users/{id}/orders/*"},
		{"/users/1/orders/2/3", "/users/{id}/orders/*"},
		{"/@bob", "/@:user"},
		{"/@", ""},
		{"/@admin-x", "/@admin-{name}"},
		{"/@admin-", "/@:user"},
		{"/files/x/meta", "/files/*/meta"},
		{"/files/x/y/meta", ""},
		{"/static", "/static/*"},
		{"/static/css/a.css", "/static/*"},
		{"/", "/"},
		{"/nothing", ""},
		{"/a/b/c", "/a/b/:y"},
		{"/a/z/c", "/a/:x/c"},
		{"/USERS/1", ""},
	};
	struct router *router = router_of_patterns(ROUTE_UNSET);

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		expect(router, v[i][0], v[i][1]);
	route_free(router);
}

static void a_literal_that_leads_nowhere_is_left_again(void **state)
{
	const char *const two[] = {"/a/b/c", "/a/:x/d"};
	struct router *router =
		router_with((struct route_options){.patterns = two, .pattern_count = 2});

	expect(router, "/a/b/d", "/a/:x/d");
	route_free(router);
}

static void query_and_fragment_do_not_count(void **state)
{
	struct router *router = router_of_patterns(ROUTE_UNSET);

	expect(router, "/users/42?x=/a/b", "/users/:id");
	expect(router, "/users/me#top", "/users/me");
	expect(router, "/?q=1", "/");
	route_free(router);
}

static void a_target_may_be_absolute(void **state)
{
	struct router *router = router_of_patterns(ROUTE_PATH);

	expect(router, "http://shop:80/users/42?x", "/users/:id");
	expect(router, "http://shop", "");
	expect(router, "*", "");
	expect(router, "shop:443", "");
	expect(router, "", "");
	route_free(router);
}

static void a_cut_target_matches_only_where_its_end_does_not_count(void **state)
{
	struct router *router = router_of_patterns(ROUTE_HEURISTIC);
	const char *const rest[] = {"/users/me/*"};

	assert_true(
		slice_is(route_find(router, 1, 0, slice_of("/users/me"), true).route, "/users/*"));
	assert_true(slice_is(route_find(router, 1, 0, slice_of("/users/me?a"), true).route,
			     "/users/me"));
	assert_true(slice_is(route_find(router, 1, 0, slice_of("/static/a/b"), true).route,
			     "/static/*"));
	expect(router, "/users/me", "/users/me");
	route_free(router);

	/* "/users/me" may have been "/users/method". */
	router = router_with((struct route_options){.patterns = rest, .pattern_count = 1});
	assert_int_equal(route_find(router, 1, 0, slice_of("/users/me"), true).route.n, 0);
	expect(router, "/users/me", "/users/me/*");
	route_free(router);
}

static void what_matches_no_pattern_goes_by_unmatched(void **state)
{
	static const struct {
		enum route_unmatched unmatched;
		const char *route;
	} v[] = {
		{ROUTE_UNSET, ""},
		{ROUTE_PATH, "/shop/42"},
		{ROUTE_WILDCARD, "/**"},
		{ROUTE_HEURISTIC, "/shop/*"},
		{ROUTE_LOW_CARDINALITY, "/shop/*"},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct router *router = router_of_patterns(v[i].unmatched);

		expect(router, "/shop/42?x=1", v[i].route);
		expect(router, "/users/42", "/users/:id");
		route_free(router);
	}
}

static void ids_are_guessed_by_their_looks(void **state)
{
	static const char *const v[][2] = {
		{"/", "/"},
		{"/api/v1/products", "/api/v1/products"},
		{"/api/v12/products", "/api/*/products"},
		{"/a/b.html", "/a/b.html"},
		{"/user_profile/my-orders", "/user_profile/my-orders"},
		{"/getUserById", "/getUserById"},
		{"/https/xhtml/lengths", "/https/xhtml/lengths"},
		{"/orders/8b1f6a52-7a2e-4d1e-9f0d-0c5a2f6f1b11", "/orders/*"},
		{"/orders/deadbeefcafe", "/orders/*"},
		{"/facade", "/facade"},
		{"/t/dGhpc2lzYXRva2Vu", "/t/*"},
		{"/t/aBcDeFgHiJ", "/t/*"},
		{"/t/xkcdrwrtza", "/t/*"},
		{"/t/abcdefghijklmnopqrstuvwxy", "/t/*"},
		{"/t/caf%C3%A9", "/t/*"},
		{"/t/a@b.c", "/t/*"},
		{"/t/caf\xc3\xa9", "/t/*"},
		{"/internationalization", "/internationalization"},
		{"/a/b/c/d/e/f/g/h/i/j/k/l", "/a/b/c/d/e/f/g/h/i/j"},
	};
	struct router *router = router_for(ROUTE_HEURISTIC);

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		expect(router, v[i][0], v[i][1]);
	route_free(router);
}

static void the_wildcard_can_be_another(void **state)
{
	struct router *router =
		router_with((struct route_options){.unmatched = ROUTE_HEURISTIC, .wildcard = "#"});

	expect(router, "/orders/42/items", "/orders/#/items");
	route_free(router);
}

static void it_stands_for_segments_that_are_left_out(void **state)
{
	static const struct {
		enum route_unmatched unmatched;
		const char *route;
	} v[] = {
		{ROUTE_WILDCARD, "/**"}, /* as Beyla has it */
		{ROUTE_HEURISTIC, "/a/+"},
		{ROUTE_LOW_CARDINALITY, "/a/+"},
		{ROUTE_PATH, "/a/42"},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct router *router = router_with(
			(struct route_options){.unmatched = v[i].unmatched, .wildcard = "+"});

		expect(router, "/a/42", v[i].route);
		route_free(router);
	}
}

/* A word of letters alone for a number, speakable: "ba", "be", ... */
static const char *name_of(unsigned i, char buf[16])
{
	static const char consonants[] = "bdfgklmnprstvz", vowels[] = "aeiou";
	size_t n = 0;

	do {
		buf[n++] = consonants[i % 14];
		buf[n++] = vowels[i / 14 % 5];
		i /= 70;
	} while (i > 0);
	buf[n] = '\0';
	return buf;
}

static void a_place_with_too_many_values_becomes_the_wildcard(void **state)
{
	struct router *router = router_with(
		(struct route_options){.unmatched = ROUTE_LOW_CARDINALITY, .cardinality = 3});

	expect(router, "/people/anna", "/people/anna");
	expect(router, "/people/ben", "/people/ben");
	expect(router, "/people/carla", "/people/carla");
	assert_int_equal(route_stats(router)->collapses, 0);
	expect(router, "/people/dora", "/people/*");
	assert_int_equal(route_stats(router)->collapses, 1);
	/* Also those that had a route of their own before. */
	expect(router, "/people/anna", "/people/*");
	/* And what is below goes on being told apart. */
	expect(router, "/people/anna/mail", "/people/*/mail");
	/* Another service learns for itself. */
	expect_for(router, 2, "/people/anna", "/people/anna");
	route_free(router);
}

static void a_flood_of_paths_costs_no_more_than_its_limits(void **state)
{
	struct router *router = router_with((struct route_options){
		.unmatched = ROUTE_LOW_CARDINALITY, .cardinality = ROUTE_CARDINALITY_MAX});
	char path[64], a[16], b[16];

	for (unsigned i = 0; i < 250 * 60; i++) {
		snprintf(path, sizeof(path), "/%s/%s", name_of(i / 60, a), name_of(i % 60, b));
		route_find(router, 7, 0, slice_of(path), false);
	}
	assert_true(route_stats(router)->nodes_full > 0);
	assert_true(route_stats(router)->routes <= ROUTES_MAX);
	/* Others are not touched by it. */
	expect_for(router, 8, "/cart/items", "/cart/items");
	route_free(router);
}

static void services_have_a_limit(void **state)
{
	struct router *router = router_for(ROUTE_LOW_CARDINALITY);

	for (uint64_t i = 0; i < ROUTE_SERVICES_MAX; i++)
		expect_for(router, i, "/a", "/a");
	expect_for(router, ROUTE_SERVICES_MAX, "/a", "/**");
	assert_int_equal(route_stats(router)->services_full, 1);
	expect_for(router, 0, "/b", "/b");
	route_free(router);
}

static void routes_have_a_limit_and_patterns_a_place_in_it(void **state)
{
	const char *const one[] = {"/late/:id"};
	struct router *router = router_with((struct route_options){
		.patterns = one, .pattern_count = 1, .unmatched = ROUTE_PATH});
	char path[32];

	for (int i = 0; i < ROUTES_MAX + 10; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		route_find(router, 1, 0, slice_of(path), false);
	}
	assert_int_equal(route_stats(router)->routes, ROUTES_MAX);
	assert_int_equal(route_stats(router)->routes_full, 13);
	expect_for(router, 1, "/4105", "/**");
	expect_for(router, 1, "/0", "/0");
	expect_for(router, 1, "/late/1", "/late/:id");
	route_free(router);
}

static void a_path_seen_before_is_remembered(void **state)
{
	struct router *router = router_for(ROUTE_HEURISTIC);
	const char *first;

	first = route_find(router, 1, 0, slice_of("/a/1"), false).route.p;
	assert_int_equal(route_stats(router)->cache_misses, 1);
	assert_ptr_equal(route_find(router, 1, 0, slice_of("/a/1?q"), false).route.p, first);
	assert_int_equal(route_stats(router)->cache_hits, 1);
	assert_ptr_equal(route_find(router, 1, 0, slice_of("/a/2"), false).route.p, first);
	route_free(router);
}

static void ignored_patterns_say_what_is_left_out(void **state)
{
	const char *const ignored[] = {"/healthz", "/internal/*"};
	struct route_answer a;

	for (enum route_ignore mode = ROUTE_IGNORE_ALL; mode <= ROUTE_IGNORE_TRACES; mode++) {
		struct router *router = router_with((struct route_options){
			.ignored = ignored, .ignored_count = 2, .ignore = mode});

		a = route_find(router, 1, 0, slice_of("/healthz"), false);
		assert_int_equal(a.ignore_metrics, mode != ROUTE_IGNORE_TRACES);
		assert_int_equal(a.ignore_traces, mode != ROUTE_IGNORE_METRICS);
		a = route_find(router, 1, 0, slice_of("/internal/x/y"), false);
		assert_true(a.ignore_metrics || a.ignore_traces);
		a = route_find(router, 1, 0, slice_of("/health"), false);
		assert_false(a.ignore_metrics || a.ignore_traces);
		route_free(router);
	}
}

static void an_entry_s_own_routes_come_after_those_of_all(void **state)
{
	static const char *const all[] = {"/all/:x"}, *const ignored[] = {"/in/ignored"};
	static const char *const in[] = {"/in/:id", "/all/*"}, *const out[] = {"/out/:id"};
	const struct route_set sets[] = {{out, NULL, 1, 0}, {in, out, 2, 1}};
	struct router *router = router_with((struct route_options){.patterns = all,
								   .pattern_count = 1,
								   .ignored = ignored,
								   .ignored_count = 1,
								   .sets = sets,
								   .set_count = 2});
	static const struct {
		unsigned own;
		const char *target, *route;
	} rows[] = {
		{3, "/in/7", "/in/:id"},   {4, "/in/7", ""},  {0, "/in/7", ""},
		{1, "/in/7", ""},          {5, "/in/7", ""},  {4, "/out/7", "/out/:id"},
		{3, "/out/7", ""},         {2, "/out/7", ""}, {3, "/all/7", "/all/:x"},
		{3, "/all/7/8", "/all/*"},
	};

	for (int twice = 0; twice < 2; twice++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			struct route_answer a =
				route_find(router, 1, rows[i].own, slice_of(rows[i].target), false);

			if (!slice_is(a.route, rows[i].route))
				fail_msg("%u %s gave %.*s", rows[i].own, rows[i].target,
					 (int)a.route.n, a.route.p);
		}
	}
	assert_true(route_find(router, 1, 3, slice_of("/in/ignored"), false).ignore_metrics);
	route_free(router);
}

static void what_is_ignored_is_ignored_before_patterns_are_looked_at(void **state)
{
	const char *const ignored[] = {"/users/:any"}, *const known[] = {"/users/me"};

	for (enum route_ignore mode = ROUTE_IGNORE_ALL; mode <= ROUTE_IGNORE_TRACES; mode++) {
		struct router *router = router_with((struct route_options){.ignored = ignored,
									   .ignored_count = 1,
									   .patterns = known,
									   .pattern_count = 1,
									   .ignore = mode});
		struct route_answer a = route_find(router, 1, 0, slice_of("/users/me"), false);

		assert_true(a.ignore_metrics || a.ignore_traces);
		/* What goes on has its route. */
		if (mode != ROUTE_IGNORE_ALL)
			assert_true(slice_is(a.route, "/users/me"));
		route_free(router);
	}
}

static void routes_are_fit_for_labels(void **state)
{
	struct router *router = router_for(ROUTE_PATH);
	char path[600];

	expect(router, "/a\xff\x01", "/a\xef\xbf\xbd\xef\xbf\xbd");
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	assert_int_equal(
		route_find(router, 1, 0, (struct slice){path, sizeof(path)}, false).route.n,
		ROUTE_TEXT_MAX);
	route_free(router);
}

static void deep_paths_end_well(void **state)
{
	struct router *router = router_of_patterns(ROUTE_UNSET);
	char path[4096];

	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 2 ? 'a' : '/';
	assert_int_equal(
		route_find(router, 1, 0, (struct slice){path, sizeof(path)}, false).route.n, 0);
	memcpy(path, "/static/", 8);
	assert_true(
		slice_is(route_find(router, 1, 0, (struct slice){path, sizeof(path)}, false).route,
			 "/static/*"));
	route_free(router);
}

static void a_path_deeper_than_is_looked_at_is_no_shorter_path(void **state)
{
	char pattern[129], deeper[132];
	const char *const one[] = {pattern};
	struct router *router;

	for (size_t i = 0; i < 128; i++)
		pattern[i] = i % 2 ? 'a' : '/';
	pattern[128] = '\0';
	router = router_with((struct route_options){.patterns = one, .pattern_count = 1});
	expect(router, pattern, pattern);
	snprintf(deeper, sizeof(deeper), "%s/a", pattern);
	expect(router, deeper, "");
	route_free(router);
}

static void bad_patterns_are_refused_with_a_reason(void **state)
{
	static const char *const v[][2] = {
		{"users", "it does not begin with \"/\""},
		{"", "it does not begin with \"/\""},
		{"/a/:", "\":\" is not followed by a name"},
		{"/a/{}", "\"{}\" holds no name"},
		{"/a/{id", "\"{\" is not closed by \"}\" at the end of its segment"},
		{"/a/{id}x", "\"{\" is not closed by \"}\" at the end of its segment"},
	};
	const char *const bad[] = {"/ok", "/a/:"};
	struct route_options options = {.ignored = bad, .ignored_count = 2};
	struct router *router;
	char why[ROUTE_WHY_MAX];

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		assert_int_equal(route_pattern_check(v[i][0], why), -EINVAL);
		assert_string_equal(why, v[i][1]);
	}
	assert_int_equal(route_pattern_check("/a/*", why), 0);
	assert_int_equal(route_new(&router, &options, why), -EINVAL);
	assert_string_equal(why,
			    "routes.ignored_patterns, entry 2: \":\" is not followed by a name");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_by_segments),
		cmocka_unit_test(a_literal_that_leads_nowhere_is_left_again),
		cmocka_unit_test(query_and_fragment_do_not_count),
		cmocka_unit_test(a_target_may_be_absolute),
		cmocka_unit_test(a_cut_target_matches_only_where_its_end_does_not_count),
		cmocka_unit_test(what_matches_no_pattern_goes_by_unmatched),
		cmocka_unit_test(ids_are_guessed_by_their_looks),
		cmocka_unit_test(the_wildcard_can_be_another),
		cmocka_unit_test(it_stands_for_segments_that_are_left_out),
		cmocka_unit_test(a_place_with_too_many_values_becomes_the_wildcard),
		cmocka_unit_test(a_flood_of_paths_costs_no_more_than_its_limits),
		cmocka_unit_test(services_have_a_limit),
		cmocka_unit_test(routes_have_a_limit_and_patterns_a_place_in_it),
		cmocka_unit_test(a_path_seen_before_is_remembered),
		cmocka_unit_test(ignored_patterns_say_what_is_left_out),
		cmocka_unit_test(an_entry_s_own_routes_come_after_those_of_all),
		cmocka_unit_test(what_is_ignored_is_ignored_before_patterns_are_looked_at),
		cmocka_unit_test(routes_are_fit_for_labels),
		cmocka_unit_test(deep_paths_end_well),
		cmocka_unit_test(a_path_deeper_than_is_looked_at_is_no_shorter_path),
		cmocka_unit_test(bad_patterns_are_refused_with_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
