/* SPDX-License-Identifier: Apache-2.0 */
/* Records in, series out: every exchange ends in exactly one place. */
#include "piped.h"

#include <stdlib.h>

static void an_exchange_of_a_known_process_is_delivered_at_once(void **state)
{
	start(false);
	tell(unit_cgroup(CGROUP, "nginx.service"));
	exchange(CGROUP, TGID, "/", OK);
	counts(1, 1, 0);
}

static void an_exchange_before_its_cgroup_waits_for_it(void **state)
{
	start(false);
	exchange(CGROUP, TGID, "/", OK);
	counts(1, 0, 1);
	tell(unit_cgroup(CGROUP, "nginx.service"));
	idle_after(S);
	counts(1, 1, 0);
	assert_int_equal(STAT(unnamed), 0);
}

static void an_exchange_of_a_new_pod_waits_until_the_pod_is_known(void **state)
{
	start(true);
	list(NULL);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	exchange(CGROUP, TGID, "/", OK);
	idle_after(S);
	counts(1, 0, 1);
	list(a_pod(UID_A, "shop", "cart", ID_A));
	idle_after(1); /* at once, because the pods changed */
	counts(1, 1, 0);
}

static void nobody_waits_longer_than_configured(void **state)
{
	start(true);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	exchange(CGROUP, TGID, "/", OK);
	idle_after(4 * S);
	counts(1, 0, 1);
	idle_after(2 * S);
	counts(1, 1, 0);
	assert_int_equal(STAT(unnamed), 1);
	assert_int_equal(STAT(waiting_forced), 0);
}

static void a_full_waiting_room_delivers_the_oldest_without_its_names(void **state)
{
	uint32_t i;

	start(true);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	for (i = 0; i < ROOM; i++)
		exchange(CGROUP + i, TGID, "/", OK); /* others, and one that no record named */
	counts(ROOM, 0, ROOM);
	exchange(CGROUP + ROOM, TGID, "/", OK);
	counts(ROOM + 1, 1, ROOM);
	idle_after(1);
	assert_int_equal(STAT(waiting_forced), 1);
}

/* The workload was pushed out of its table while its exchange waited: it must not vanish. */
static void an_exchange_whose_workload_was_forgotten_is_still_delivered(void **state)
{
	uint32_t i;

	start(true);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	exchange(CGROUP, TGID, "/", OK);
	tell(unit_cgroup(CGROUP + 1, "many.service"));
	for (i = 1; i <= WORKLOADS_MAX + 1; i++)
		exchange(CGROUP + 1, 100000 + i, "/", OK);
	counts(WORKLOADS_MAX + 2, WORKLOADS_MAX + 1, 1);
	for (i = 0; i < ROOM; i++)
		exchange(5000 + i, TGID, "/", OK);
	counts(WORKLOADS_MAX + 2 + ROOM, WORKLOADS_MAX + 2, ROOM);
}

static void without_a_waiting_room_nobody_waits(void **state)
{
	o.waiting_records = 0;
	start(true);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	exchange(CGROUP, TGID, "/", OK);
	counts(1, 1, 0);
}

static void what_no_selector_shows_is_counted_as_hidden(void **state)
{
	static const struct selector_entry entry = {.text = {[SELECTOR_K8S_NAMESPACE] = "default"},
						    .form = PATTERN_REGEX};

	make_selector(&entry);
	start(true);
	list(a_pod(UID_A, "shop", "cart", ID_A));
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	exchange(CGROUP, TGID, "/", OK);
	exchange(CGROUP, TGID, "/", OK);
	counts(2, 0, 0);
	assert_int_equal(STAT(hidden), 2);
}

static void ignored_routes_are_counted_apart(void **state)
{
	static const char *const ignored[] = {"/healthz"};
	struct route_options r = {.ignored = ignored, .ignored_count = 1};
	char why[ROUTE_WHY_MAX];

	assert_int_equal(route_new(&o.router, &r, why), 0);
	start(false);
	tell(unit_cgroup(CGROUP, "nginx.service"));
	exchange(CGROUP, TGID, "/healthz", OK);
	exchange(CGROUP, TGID, "/", OK);
	counts(2, 1, 0);
	assert_int_equal(STAT(ignored_route), 1);
}

static void use_filter(unsigned int attribute, enum filter_op op, const char *glob, uint64_t number)
{
	const struct filter_test test = {attribute, op, glob, number};
	char why[PATTERN_WHY_MAX];
	struct filter *filter;

	assert_int_equal(filter_new(&filter, &test, 1, NULL, why), 0);
	o.filter = filter;
}

static void what_the_filter_stops_is_counted_apart(void **state)
{
	use_filter(ATTR_PATH, FILTER_NOT_MATCH, "/health*", 0);
	start(false);
	tell(unit_cgroup(CGROUP, "nginx.service"));
	exchange(CGROUP, TGID, "/healthz", OK);
	exchange(CGROUP, TGID, "/", OK);
	counts(2, 1, 0);
	assert_int_equal(STAT(filtered), 1);
}

static void what_is_switched_off_is_counted_apart(void **state)
{
	struct telemetry_options without = telemetry_defaults;

	without.kinds = 1u << EXCHANGE_DB;
	telemetry_free(o.telemetry);
	assert_int_equal(telemetry_new(&o.telemetry, &without), 0);
	start(false);
	tell(unit_cgroup(CGROUP, "nginx.service"));
	exchange(CGROUP, TGID, "/", OK);
	counts(1, 0, 0);
	assert_int_equal(STAT(switched_off), 1);
	assert_int_equal(STAT(exchanges_of[PROTOCOL_HTTP]), 1);
	assert_int_equal(STAT(exchanges_of[PROTOCOL_HTTP2]), 0);
}

/* Two processes that the host numbers 700 and 701, of which the first is 1 in its container. */
static void a_process_has_the_number_that_its_container_gives_it(void **state)
{
	struct kh_process p = a_process(TGID, CGROUP, "nginx");

	use_filter(ATTR_PID, FILTER_EQUALS, NULL, 1);
	start(false);
	tell(unit_cgroup(CGROUP, "nginx.service"));
	p.ns_tgid = 1;
	feed(&p, sizeof(p));
	exchange(CGROUP, TGID, "/", OK);
	exchange(CGROUP, TGID + 1, "/", OK);
	counts(2, 1, 0);
	assert_int_equal(STAT(filtered), 1);
}

/* What was decided before is decided again, by the new book alone and from the next batch on. */
static void a_new_book_decides_everything_anew(void **state)
{
	o.books = rulebooks_new(book_of("discovery: {instrument: [{k8s_namespace: shop}]}\n"));
	start(true);
	list(a_pod(UID_A, "shop", "cart", ID_A));
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	exchange(CGROUP, TGID, "/", OK);
	counts(1, 1, 0);
	rulebooks_publish(o.books, book_of("discovery: {instrument: [{k8s_namespace: none}]}\n"));
	exchange(CGROUP, TGID, "/", OK);
	counts(2, 2, 0); /* the batch is still the old one's */
	idle_after(1);
	exchange(CGROUP, TGID, "/", OK);
	counts(3, 2, 0);
	assert_int_equal(STAT(hidden), 1);
	idle_after(1);
	rulebooks_publish(o.books, book_of("discovery: {instrument: [{k8s_namespace: s*}]}\n"
					   "routes: {ignored_patterns: [/healthz]}\n"
					   "filter: {application: {url.path: {not_match: /a}}}\n"));
	exchange(CGROUP, TGID, "/", OK);
	exchange(CGROUP, TGID, "/healthz", OK);
	exchange(CGROUP, TGID, "/a", OK);
	counts(6, 3, 0);
	assert_int_equal(STAT(ignored_route), 1);
	assert_int_equal(STAT(filtered), 1);
	idle_after(1);
}

static void what_waits_goes_by_the_book_of_its_time_of_leaving(void **state)
{
	o.books = rulebooks_new(book_of("discovery: {instrument: [{k8s_namespace: none}]}\n"));
	start(true);
	list(NULL);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	exchange(CGROUP, TGID, "/", OK);
	counts(1, 0, 1);
	idle_after(1);
	rulebooks_publish(o.books, book_of("discovery: {instrument: [{k8s_namespace: shop}]}\n"));
	list(a_pod(UID_A, "shop", "cart", ID_A));
	idle_after(1);
	counts(1, 1, 0);
}

static void parts_reach_the_connection_they_belong_to(void **state)
{
	struct {
		struct kh_part part;
		char text[8];
	} more = {.part = {.rec = {KH_PART, KH_F_RESPONSE, sizeof(struct kh_part) + 2},
			   .cookie = 0,
			   .number = 1,
			   .reason = KH_WHY_MORE,
			   .msg = {.first_ns = 9, .last_ns = 9, .len = 2, .head_len = 2}},
		  .text = "ay"};

	start(false);
	tell(unit_cgroup(CGROUP, "nginx.service"));
	feed(&more, more.part.rec.size);
	idle_after(1);
	assert_int_equal(STAT(orphan_parts), 1);
	exchange(CGROUP, TGID, "/", OK_BEGIN);
	counts(0, 0, 0);
}

/* --print-metrics: what still waits belongs to the picture. */
static void at_the_end_of_a_tape_nobody_waits(void **state)
{
	start(false);
	exchange(CGROUP, TGID, "/", OK);
	counts(1, 0, 1);
	ops.end(ops.arg, false);
	counts(1, 1, 0);
}

static void at_the_end_of_a_tape_pods_may_still_come(void **state)
{
	start(true);
	list(NULL);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	exchange(CGROUP, TGID, "/", OK);
	ops.end(ops.arg, false);
	counts(1, 0, 1);
}

static void records_are_held_until_the_pods_are_listed(void **state)
{
	start(true);
	assert_true(ops.hold(ops.arg));
	list(NULL);
	idle_after(1);
	assert_false(ops.hold(ops.arg));
}

static void without_a_cluster_nothing_is_held(void **state)
{
	start(false);
	assert_false(ops.hold(ops.arg));
}

/* As a sidecar: nothing of another pod is shown, and nothing at all outside of a pod. */
static void in_the_scope_of_its_pod_others_are_hidden(void **state)
{
	struct kh_cgroup own = pod_cgroup(CGROUP + 1, UID_B, ID_B);
	struct kh_self self = {.rec = {KH_SELF, 0, sizeof(self)},
			       .levels = 4,
			       .ids = {CGROUP + 1, CGROUP + 100, CGROUP + 200, CGROUP + 300}};

	o.own_pod = true;
	start(false);
	self.cgroup = CGROUP + 3; /* the record of its name was lost: it is asked for again */
	feed(&self, sizeof(self));
	assert_int_equal(bpf.scope, 0);
	tell(unit_cgroup(CGROUP + 2, "keyhole.service"));
	self.cgroup = CGROUP + 2;
	feed(&self, sizeof(self));
	assert_int_equal(bpf.scope, KH_SCOPE_NOTHING);
	exchange(CGROUP + 2, TGID, "/", OK);
	counts(1, 0, 0);
	feed(&own, sizeof(own));
	self.cgroup = CGROUP + 1;
	feed(&self, sizeof(self));
	assert_int_equal(bpf.scope, CGROUP + 100);
	exchange(CGROUP + 1, TGID, "/", OK);
	counts(2, 1, 0);
	tell(pod_cgroup(CGROUP, UID_A, ID_A));
	exchange(CGROUP, TGID, "/", OK);
	counts(3, 1, 0);
}

/* Whatever comes in whatever order, the sum holds (feed() and idle_after() look each time). */
static void everything_adds_up_whatever_happens(void **state)
{
	static const char *const ids[] = {ID_A, ID_B}, *const uids[] = {UID_A, UID_B};
	static const struct selector_entry entry = {.text = {[SELECTOR_K8S_NAMESPACE] = "default"},
						    .form = PATTERN_REGEX};
	uint32_t i;

	make_selector(&entry);
	use_filter(ATTR_HOST_PID, FILTER_NOT_EQUALS, NULL, TGID + 1);
	start(true);
	srand(3);
	for (i = 0; i < 20000; i++) {
		uint64_t cgroup = 1 + (uint64_t)(rand() % 6);
		uint32_t which = (uint32_t)(cgroup % 2);

		switch (rand() % 12) {
		case 0:
			tell(pod_cgroup(cgroup, uids[which], ids[which]));
			break;
		case 1:
			tell(unit_cgroup(cgroup, "other.service"));
			break;
		case 2:
			kube_store_put(o.store, a_pod(uids[which], rand() % 2 ? "default" : "other",
						      "cart", rand() % 2 ? ids[which] : ""));
			kube_store_publish(o.store, now);
			break;
		case 3:
			kube_store_delete(o.store, slice_of(uids[which]), now);
			kube_store_publish(o.store, now);
			break;
		case 4:
			idle_after((uint64_t)(rand() % 7) * S);
			break;
		default:
			exchange(cgroup, TGID + (uint32_t)(rand() % 3), "/",
				 rand() % 4 ? OK : OK_BEGIN);
		}
	}
	assert_true(STAT(exchanges) > 5000 && STAT(delivered) > 0 && STAT(hidden) > 0);
	assert_true(STAT(filtered) > 0);
	assert_int_equal(telemetry_stats(o.telemetry)->exchanges, STAT(delivered));
	assert_int_equal(telemetry_stats(o.telemetry)->invalid, 0);
}

/* Memory runs short: what is there goes on, nothing new is kept, and it is counted. */
static void under_pressure_nothing_new_is_taken_in(void **state)
{
	_Atomic bool tight = false;
	uint64_t series;

	o.tight = &tight;
	start(false);
	tell(unit_cgroup(CGROUP, "nginx.service"));
	exchange(CGROUP, TGID, "/", OK);
	exchange(CGROUP + 1, TGID, "/", OK); /* waits for its cgroup */
	series = telemetry_stats(o.telemetry)->series;
	tight = true;
	idle_after(1);
	assert_int_equal(STAT(waiting), 0);
	exchange(CGROUP, TGID, "/", OK);
	assert_int_equal(telemetry_stats(o.telemetry)->overflows, 0);
	exchange(CGROUP, TGID, "/", "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(telemetry_stats(o.telemetry)->overflows, 1);
	tight = false;
	idle_after(1);
	exchange(CGROUP, TGID, "/", "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(telemetry_stats(o.telemetry)->overflows, 1);
	assert_true(telemetry_stats(o.telemetry)->series > series);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_exchange_of_a_known_process_is_delivered_at_once),
		T(an_exchange_before_its_cgroup_waits_for_it),
		T(an_exchange_of_a_new_pod_waits_until_the_pod_is_known),
		T(nobody_waits_longer_than_configured),
		T(a_full_waiting_room_delivers_the_oldest_without_its_names),
		T(an_exchange_whose_workload_was_forgotten_is_still_delivered),
		T(without_a_waiting_room_nobody_waits),
		T(what_no_selector_shows_is_counted_as_hidden),
		T(ignored_routes_are_counted_apart),
		T(what_the_filter_stops_is_counted_apart),
		T(what_is_switched_off_is_counted_apart),
		T(a_process_has_the_number_that_its_container_gives_it),
		T(a_new_book_decides_everything_anew),
		T(what_waits_goes_by_the_book_of_its_time_of_leaving),
		T(parts_reach_the_connection_they_belong_to),
		T(at_the_end_of_a_tape_nobody_waits),
		T(at_the_end_of_a_tape_pods_may_still_come),
		T(records_are_held_until_the_pods_are_listed),
		T(without_a_cluster_nothing_is_held),
		T(in_the_scope_of_its_pod_others_are_hidden),
		T(everything_adds_up_whatever_happens),
		T(under_pressure_nothing_new_is_taken_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
