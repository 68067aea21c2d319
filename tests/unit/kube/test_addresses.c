/* SPDX-License-Identifier: Apache-2.0 */
/* Whose an address was, and when: never another's name, whatever order things come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/kube/store.h"

#define S 1000000000ull
#define WALL ((int64_t)(1700000000 * S)) /* what the wall clock shows at our time 0 */

struct facts {
	const char *uid;
	int ips[2];    /* last byte of 10.1.2.x; 0 none */
	int64_t since; /* our seconds at which its first container started; 0 unknown */
	bool host_network, ended;
};

static struct kube_pod *pod_of(const struct facts *f)
{
	struct kube_pod draft = {.uid = f->uid,
				 .name = f->uid,
				 .namespace = "shop",
				 .host_network = f->host_network,
				 .ip_free = f->ended,
				 .ip_since = f->since ? WALL / (int64_t)S + f->since : 0};

	for (int i = 0; i < 2; i++)
		if (f->ips[i])
			memcpy(draft.ip[draft.ip_count++],
			       (uint8_t[16]){[10] = 0xff, 0xff, 10, 1, 2, (uint8_t)f->ips[i]}, 16);
	return kube_pod_new(&draft);
}

static struct kube_store *store;

static int setup(void **state)
{
	store = kube_store_new(0);
	kube_store_set_wall(store, WALL);
	return 0;
}

static int teardown(void **state)
{
	kube_store_free(store);
	return 0;
}

static void put(uint64_t now, struct facts f)
{
	assert_int_equal(kube_store_put(store, pod_of(&f)), 0);
	assert_int_equal(kube_store_publish(store, now), 0);
}

static void gone(uint64_t now, const char *uid)
{
	kube_store_delete(store, slice_of(uid), now);
	assert_int_equal(kube_store_publish(store, now), 0);
}

static enum kube_owned look(int ip, uint64_t when, const char **uid)
{
	const uint8_t address[16] = {[10] = 0xff, 0xff, 10, 1, 2, (uint8_t)ip};
	struct kube_pod *owner = NULL;
	enum kube_owned owned;

	kube_store_quiesce(store);
	owned = kube_pods_by_ip(kube_store_current(store), address, when, &owner);
	*uid = owned == KUBE_OWNED ? owner->uid : "";
	return owned;
}

#define assert_owner(ip, when, name)                                                               \
	do {                                                                                       \
		const char *uid_;                                                                  \
		look(ip, when, &uid_);                                                             \
		assert_string_equal(uid_, name);                                                   \
	} while (0)
#define assert_owned(ip, when, how)                                                                \
	do {                                                                                       \
		const char *uid_;                                                                  \
		assert_int_equal(look(ip, when, &uid_), how);                                      \
	} while (0)

static void a_pod_has_its_addresses_from_the_start_of_its_first_container(void **state)
{
	put(100 * S, (struct facts){"a", {1, 2}, .since = 90});
	assert_owner(1, 90 * S, "a");
	assert_owner(2, 200 * S, "a");
	assert_owned(1, 90 * S - 1, KUBE_OWNED_ELSEWHEN);
	assert_owned(3, 100 * S, KUBE_OWNED_NEVER);
}

static void what_is_not_known_to_be_older_begins_when_it_is_seen(void **state)
{
	put(100 * S, (struct facts){"a", {1}, .since = 0});
	put(100 * S, (struct facts){"b", {2}, .since = 500}); /* a clock that is ahead of ours */
	assert_owned(1, 100 * S - 1, KUBE_OWNED_ELSEWHEN);
	assert_owner(1, 100 * S, "a");
	assert_owner(2, 100 * S, "b");
}

static void an_address_given_on_never_carries_a_name_over(void **state)
{
	put(100 * S, (struct facts){"old", {1}, .since = 90});
	gone(200 * S, "old");
	put(205 * S, (struct facts){"new", {1}, .since = 203});
	assert_owner(1, 199 * S, "old"); /* it began while it lived, and is told late */
	assert_owned(1, 200 * S, KUBE_OWNED_ELSEWHEN);
	assert_owned(1, 202 * S, KUBE_OWNED_ELSEWHEN);
	assert_owner(1, 203 * S, "new");
}

static void nor_if_the_new_pod_is_known_before_the_end_of_the_old_one(void **state)
{
	put(100 * S, (struct facts){"old", {1}, .since = 90});
	put(205 * S, (struct facts){"new", {1}, .since = 203});
	assert_owner(1, 202 * S, "old");
	assert_owned(1, 203 * S, KUBE_OWNED_TWICE);
	gone(206 * S, "old");
	assert_owned(1, 205 * S, KUBE_OWNED_TWICE);
	assert_owner(1, 206 * S, "new");
	assert_owner(1, 202 * S, "old");
}

static void a_deleted_pod_is_forgotten_after_a_minute(void **state)
{
	put(100 * S, (struct facts){"a", {1}, .since = 90});
	gone(200 * S, "a");
	assert_int_equal(kube_store_publish(store, (200 + KUBE_DELETED_KEEP) * S), 0);
	assert_owned(1, 150 * S, KUBE_OWNED_NEVER);
}

static void a_pod_that_ended_has_its_addresses_no_more(void **state)
{
	put(100 * S, (struct facts){"job", {1}, .since = 90});
	put(150 * S, (struct facts){"job", {1}, .since = 90, .ended = true});
	put(160 * S, (struct facts){"job", {1}, .since = 90, .ended = true}); /* 150 it stays */
	assert_owner(1, 149 * S, "job");
	assert_owned(1, 150 * S, KUBE_OWNED_ELSEWHEN);
	gone(300 * S, "job");
	assert_owned(1, 200 * S, KUBE_OWNED_ELSEWHEN);
	put(310 * S, (struct facts){"done", {2}, .since = 90, .ended = true});
	assert_owned(2, 310 * S, KUBE_OWNED_ELSEWHEN);
	assert_owned(2, 100 * S, KUBE_OWNED_ELSEWHEN); /* who knows when it ended */
}

static void pods_of_the_host_network_have_none(void **state)
{
	put(100 * S, (struct facts){"a", {1}, .since = 90, .host_network = true});
	assert_owned(1, 100 * S, KUBE_OWNED_NEVER);
}

static void an_address_that_came_later_is_not_older_than_that(void **state)
{
	put(100 * S, (struct facts){"a", {1}, .since = 90});
	put(200 * S, (struct facts){"a", {2}, .since = 90}); /* another sandbox */
	assert_owned(2, 199 * S, KUBE_OWNED_ELSEWHEN);
	assert_owner(2, 200 * S, "a");
	assert_owned(1, 150 * S, KUBE_OWNED_NEVER);
	put(300 * S, (struct facts){"a", {0}, .since = 90});
	put(400 * S, (struct facts){"a", {2}, .since = 90});
	assert_owned(2, 399 * S, KUBE_OWNED_ELSEWHEN);
	assert_owner(2, 400 * S, "a");
}

static void a_restart_of_containers_changes_nothing(void **state)
{
	put(100 * S, (struct facts){"a", {1}, .since = 90});
	put(200 * S, (struct facts){"a", {1}, .since = 195}); /* the first start is forgotten */
	assert_owner(1, 120 * S, "a");
	assert_owner(1, 210 * S, "a");
}

static void a_pod_without_an_address_yet_gets_it_by_its_start(void **state)
{
	put(100 * S, (struct facts){"a", .since = 0});
	put(103 * S, (struct facts){"a", {1}, .since = 101});
	assert_owner(1, 101 * S, "a");
}

/* kube_text_hash() takes '_' for '-', as cgroups' names need it. */
static void addresses_of_equal_hashes_are_told_apart(void **state)
{
	put(100 * S, (struct facts){"a", {'_'}, .since = 90});
	assert_owned('-', 100 * S, KUBE_OWNED_NEVER);
	put(100 * S, (struct facts){"b", {'-'}, .since = 90});
	assert_owner('_', 100 * S, "a");
	assert_owner('-', 100 * S, "b");
}

static void ten_thousand_of_other_nodes_take_less_than_six_megabytes(void **state)
{
	const struct kube_pair label = {"app.kubernetes.io/name", "recommendation"};
	struct kube_store *peers = kube_store_new(16384);
	char uid[40], name[64];

	for (int i = 0; i < 10000; i++) {
		struct kube_pod draft = {.uid = uid,
					 .name = name,
					 .namespace = "production-eu-west",
					 .owner_kind = "Deployment",
					 .owner_name = "recommendation",
					 .labels = &label,
					 .label_count = 1,
					 .ip_count = 1,
					 .ip = {{[10] = 0xff, 0xff, 10, 9, i >> 8, i & 255}}};

		snprintf(uid, sizeof(uid), "0a0b0c0d-0000-4000-8000-%012d", i);
		snprintf(name, sizeof(name), "recommendation-6d4cf56db6-%05d", i);
		assert_int_equal(kube_store_put(peers, kube_pod_new(&draft)), 0);
	}
	assert_int_equal(kube_store_publish(peers, S), 0);
	print_message("%lu bytes\n", kube_store_stats(peers).bytes);
	assert_true(kube_store_stats(peers).bytes < 6u << 20);
	kube_store_free(peers);
}

/* ---- in any order ---- */

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

#define PODS 24
#define IPS 4

/* What is known of a pod, without any index: for each address, one stretch of time. */
struct model {
	char uid[8];
	bool there, dead;
	int ip;
	uint64_t since, until; /* 0: still */
	uint64_t deleted;
};

static struct model models[PODS];

static void model_forget(uint64_t now)
{
	for (int i = 0; i < PODS; i++)
		if (models[i].dead && models[i].deleted + KUBE_DELETED_KEEP * S <= now)
			models[i].there = models[i].dead = false;
}

static enum kube_owned model_look(int ip, uint64_t when, const char **uid)
{
	enum kube_owned owned = KUBE_OWNED_NEVER;

	*uid = "";
	for (int i = 0; i < PODS; i++) {
		const struct model *m = &models[i];

		if (!m->there || m->ip != ip)
			continue;
		if (when < m->since || (m->until && when >= m->until)) {
			owned = owned > KUBE_OWNED_ELSEWHEN ? owned : KUBE_OWNED_ELSEWHEN;
			continue;
		}
		owned = owned >= KUBE_OWNED ? KUBE_OWNED_TWICE : KUBE_OWNED;
		*uid = m->uid;
	}
	if (owned != KUBE_OWNED)
		*uid = "";
	return owned;
}

/* A new pod, an update of one that is there, or its end: whatever comes next. */
static void step(uint64_t now, unsigned *next_uid)
{
	struct model *m = &models[draw(PODS)];

	if (!m->there) {
		int64_t since = (int64_t)(now / S - draw(20));

		*m = (struct model){.there = true, .ip = 1 + (int)draw(IPS)};
		snprintf(m->uid, sizeof(m->uid), "%u", ++*next_uid);
		m->since = (uint64_t)since * S;
		put(now, (struct facts){m->uid, {m->ip}, .since = since});
	} else if (!m->dead && draw(3) == 0) {
		m->dead = true;
		m->deleted = now;
		m->until = m->until ? m->until : now;
		gone(now, m->uid);
	} else if (!m->dead && !m->until && draw(3) == 0) {
		m->until = now;
		put(now, (struct facts){m->uid, {m->ip}, .since = 1, .ended = true});
	} else if (!m->dead) {
		put(now, (struct facts){m->uid, {m->ip}, .since = 1, .ended = m->until != 0});
	}
}

static void any_order_of_events_gives_the_answers_of_a_simple_model(void **state)
{
	unsigned next_uid = 0;
	uint64_t now = 1000 * S;

	for (unsigned seed = 1; seed <= 20; seed++) {
		random_state = seed * 0x9e3779b97f4a7c15ull;
		for (int i = 0; i < 400; i++) {
			const char *want, *got;
			int ip = 1 + (int)draw(IPS);
			uint64_t when;

			now += draw(5 * S);
			model_forget(now);
			step(now, &next_uid);
			assert_int_equal(kube_store_publish(store, now), 0);
			when = now - draw(90 * S);
			assert_int_equal(look(ip, when, &got), model_look(ip, when, &want));
			assert_string_equal(got, want);
		}
		for (int i = 0; i < PODS; i++)
			if (models[i].there && !models[i].dead)
				gone(now, models[i].uid);
		now += 100 * S;
		assert_int_equal(kube_store_publish(store, now), 0);
		memset(models, 0, sizeof(models));
	}
}

/* ---- against what was really so ---- */

/* One pod's real life, and what is told of it. An address goes on only after its owner's end is
 * known: that is all that is taken for granted. */
struct life {
	char uid[8];
	uint64_t begins, told, ends; /* of its first container; of its address; of all */
};

#define LIVES 200

static void a_name_is_the_real_owners_or_none(void **state)
{
	static struct life lives[LIVES];
	unsigned named = 0;

	for (unsigned seed = 1; seed <= 10; seed++) {
		uint64_t at = 1000 * S;

		random_state = seed * 0xd1342543de82ef95ull;
		for (int i = 0; i < LIVES; i++) {
			struct life *l = &lives[i];

			snprintf(l->uid, sizeof(l->uid), "%u.%d", seed, i);
			l->begins = at + 1 + draw(3 * S);
			l->told = l->begins + draw(2 * S);
			l->ends = l->told + draw(30 * S);
			at = l->ends;
		}
		for (int i = 0; i < LIVES; i++) {
			const struct life *l = &lives[i];

			put(l->told,
			    (struct facts){l->uid, {1}, .since = (int64_t)(l->begins / S)});
			if (i > 0)
				gone(l->told + 1, lives[i - 1].uid); /* told twice, and late */
			for (int n = 0; n < 20; n++) {
				const struct life *of = i > 0 && draw(2) ? &lives[i - 1] : l;
				uint64_t when = of->begins + draw(of->ends - of->begins);
				const char *got;

				look(1, when, &got);
				assert_true(!*got || strcmp(got, of->uid) == 0);
				named += *got != 0;
			}
			gone(l->ends, l->uid);
		}
		kube_store_free(store);
		setup(state);
	}
	assert_true(named > 10 * LIVES * 20 / 2); /* and mostly there is a name */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_pod_has_its_addresses_from_the_start_of_its_first_container),
		T(what_is_not_known_to_be_older_begins_when_it_is_seen),
		T(an_address_given_on_never_carries_a_name_over),
		T(nor_if_the_new_pod_is_known_before_the_end_of_the_old_one),
		T(a_deleted_pod_is_forgotten_after_a_minute),
		T(a_pod_that_ended_has_its_addresses_no_more),
		T(pods_of_the_host_network_have_none),
		T(an_address_that_came_later_is_not_older_than_that),
		T(a_restart_of_containers_changes_nothing),
		T(a_pod_without_an_address_yet_gets_it_by_its_start),
		T(addresses_of_equal_hashes_are_told_apart),
		T(ten_thousand_of_other_nodes_take_less_than_six_megabytes),
		T(any_order_of_events_gives_the_answers_of_a_simple_model),
		T(a_name_is_the_real_owners_or_none),
	};

	return cmocka_run_group_tests_name("kube addresses", tests, NULL, NULL);
}
