/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The intake thread as a whole: a loader that is this process, with rings in memfds, or a tape.
 * The thread is waited for by what it counts; nothing sleeps for a guessed time.
 */
#include "intake/intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

#define RING 65536u
#define CONTROL ((sizeof(struct kh_control) + 4095) & ~4095ull)
#define COUNTERS 4096

static char dir[] = "/tmp/keyhole-test-XXXXXX";
static char path[sizeof(dir) + 8], tape_path[sizeof(dir) + 8];
static int sock, fds[HANDOVER_FDS];
static uint8_t *mem[HANDOVER_FDS];
static struct intake *intake;
static struct tape tape;

/* Written by the intake thread. */
static struct {
	uint32_t tgids[4096];
	_Atomic uint32_t n, ended, idles;
	struct intake *begun;
	_Atomic bool hold, scribble;
} seen;

static size_t page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void on_begin(void *arg, struct intake *in)
{
	seen.begun = in;
}

static void on_record(void *arg, const struct record *rec)
{
	uint32_t n = seen.n;

	assert_non_null(seen.begun);
	assert_true(n < 4096);
	if (rec->type == KH_SELF) {
		intake_scope(seen.begun, rec->self->cgroup);
		seen.n = n + 1;
		return;
	}
	if (seen.scribble)
		memset(mem[HANDOVER_DATA] + 2 * page(), 0xaa, 2 * RING);
	seen.tgids[n] = rec->type == KH_LISTEN ? rec->listen->tgid : rec->exit->tgid;
	seen.n = n + 1;
}

static void on_idle(void *arg, uint64_t now_ns)
{
	assert_non_null(seen.begun);
	seen.idles++;
}

static bool on_hold(void *arg)
{
	return seen.hold;
}

static void on_end(void *arg, bool stop)
{
	seen.ended += !stop;
}

static const struct intake_options defaults = {.socket = path,
					       .ops = {.begin = on_begin,
						       .record = on_record,
						       .idle = on_idle,
						       .hold = on_hold,
						       .end = on_end}};

/* In these tests memfds stand for maps; the real one refuses them (test_given.c). */
bool __wrap_given_may_be_map(int fd);
bool __wrap_given_may_be_map(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || !(st.st_mode & S_IFMT));
}

static void make_loader(void)
{
	const size_t sizes[] = {2 * page() + 2 * RING, 2 * page() + 2 * RING, CONTROL, COUNTERS};
	int i;

	for (i = 0; i < HANDOVER_FDS; i++) {
		fds[i] = memfd_create("given", MFD_CLOEXEC);
		assert_int_equal(ftruncate(fds[i], (off_t)sizes[i]), 0);
		mem[i] = mmap(NULL, sizes[i], PROT_READ | PROT_WRITE, MAP_SHARED, fds[i], 0);
		assert_true(mem[i] != MAP_FAILED);
	}
}

static int setup(void **state)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/sock", dir);
	snprintf(tape_path, sizeof(tape_path), "%s/tape", dir);
	sock = handover_listen(path);
	memset(&seen, 0, sizeof(seen));
	make_loader();
	return sock < 0;
}

static int teardown(void **state)
{
	const size_t sizes[] = {2 * page() + 2 * RING, 2 * page() + 2 * RING, CONTROL, COUNTERS};
	int i;

	intake_stop(intake);
	intake = NULL;
	for (i = 0; i < HANDOVER_FDS; i++) {
		munmap(mem[i], sizes[i]);
		close(fds[i]);
	}
	close(sock);
	unlink(path);
	unlink(tape_path);
	rmdir(dir);
	return 0;
}

static void start(const struct intake_options *o)
{
	assert_int_equal(intake_start(&intake, o), 0);
}

/* Serves the collector that asks next. */
static int serve_one(void)
{
	struct handover_offer offer = {.magic = HANDOVER_MAGIC,
				       .abi = KH_ABI_VERSION,
				       .cpus = 1,
				       .data_size = RING,
				       .life_size = RING,
				       .control_size = CONTROL,
				       .counters_size = COUNTERS,
				       .snapshot = "unavailable"};
	struct handover_hello hello;
	size_t got;
	int peer;

	while ((peer = accept4(sock, NULL, NULL, SOCK_CLOEXEC)) < 0)
		sched_yield();
	assert_int_equal(handover_recv(peer, &hello, sizeof(hello), NULL, 0, &got), 1);
	assert_int_equal(handover_send(peer, &offer, sizeof(offer), fds, HANDOVER_FDS), 0);
	return peer;
}

static void produce(enum handover_fd which, const void *p, uint32_t n)
{
	uint64_t *producer = (uint64_t *)(mem[which] + page()), at = *producer;
	uint8_t *data = mem[which] + 2 * page();
	uint32_t header[2] = {n, 0}, i;

	for (i = 0; i < 8 + n; i++) {
		uint8_t byte = i < 8 ? ((uint8_t *)header)[i] : ((const uint8_t *)p)[i - 8];

		data[(at + i) % RING] = data[RING + (at + i) % RING] = byte;
	}
	__atomic_store_n(producer, at + ((8 + n + 7) & ~7u), __ATOMIC_RELEASE);
}

static void say(enum handover_fd which, uint32_t tgid)
{
	struct kh_exit rec = {.rec = {KH_EXIT, 0, sizeof(rec)}, .tgid = tgid};

	produce(which, &rec, sizeof(rec));
}

static void until(const _Atomic uint32_t *what, uint32_t least)
{
	while (*what < least)
		sched_yield();
}

static const struct intake_stats *stats(void)
{
	return intake_stats(intake);
}

static void what_came_before_the_collector_is_read_identities_first(void **state)
{
	int peer;

	say(HANDOVER_DATA, 10);
	say(HANDOVER_DATA, 11);
	say(HANDOVER_LIFE, 1);
	start(&defaults);
	peer = serve_one();
	until(&seen.n, 3);
	assert_int_equal(seen.tgids[0], 1);
	assert_int_equal(seen.tgids[1], 10);
	assert_int_equal(seen.tgids[2], 11);
	assert_ptr_equal(seen.begun, intake);
	assert_int_equal(stats()->life_records, 1);
	assert_int_equal(stats()->data_records, 2);
	close(peer);
}

static void what_was_checked_is_used_whatever_is_written_meanwhile(void **state)
{
	int peer;

	seen.scribble = true;
	say(HANDOVER_DATA, 10);
	start(&defaults);
	peer = serve_one();
	until(&seen.n, 1);
	assert_int_equal(seen.tgids[0], 10);
	close(peer);
}

static void a_record_longer_than_any_is_none(void **state)
{
	static uint8_t long_one[RECORD_SIZE_MAX + 8];
	struct kh_rec rec = {KH_EXIT, 0, sizeof(long_one)};
	int peer;

	memcpy(long_one, &rec, sizeof(rec));
	produce(HANDOVER_DATA, long_one, sizeof(long_one));
	say(HANDOVER_DATA, 11);
	start(&defaults);
	peer = serve_one();
	until(&seen.n, 1);
	assert_int_equal(seen.tgids[0], 11);
	assert_int_equal(stats()->invalid, 1);
	close(peer);
}

static void records_that_go_on_coming_are_handed_on_in_order(void **state)
{
	uint64_t *consumer = (uint64_t *)mem[HANDOVER_DATA];
	uint32_t i;
	int peer;

	start(&defaults);
	peer = serve_one();
	for (i = 0; i < 4000; i++) {
		while (i * 24 - __atomic_load_n(consumer, __ATOMIC_ACQUIRE) > RING - 64)
			sched_yield();
		say(HANDOVER_DATA, i);
		/* what the front does meanwhile */
		assert_true(stats()->data_records <= i + 1);
	}
	until(&seen.n, 4000);
	for (i = 0; i < 4000; i++)
		assert_int_equal(seen.tgids[i], i);
	close(peer);
}

static void what_does_not_hold_together_is_counted_not_handed_on(void **state)
{
	struct kh_exit rec = {.rec = {KH_EXIT, 0, sizeof(rec) + 1}};
	int peer;

	start(&defaults);
	peer = serve_one();
	produce(HANDOVER_DATA, &rec, sizeof(rec));
	produce(HANDOVER_DATA, "", 0);
	say(HANDOVER_DATA, 5);
	until(&seen.n, 1);
	assert_int_equal(seen.tgids[0], 5);
	assert_int_equal(stats()->invalid, 2);
	close(peer);
}

static void a_position_that_a_collector_before_us_spoiled_is_mended_and_counted(void **state)
{
	uint32_t before;
	int peer;

	say(HANDOVER_DATA, 5);
	*(uint64_t *)mem[HANDOVER_DATA] = 4;
	start(&defaults);
	peer = serve_one();
	before = seen.idles;
	until(&seen.idles, before + 2);
	assert_int_equal(stats()->invalid, 1);
	say(HANDOVER_DATA, 6);
	until(&seen.n, 1);
	assert_int_equal(seen.tgids[0], 6);
	close(peer);
}

static void held_records_stay_in_the_ring_but_identities_do_not(void **state)
{
	uint32_t before;
	int peer;

	seen.hold = true;
	say(HANDOVER_DATA, 10);
	start(&defaults);
	peer = serve_one();
	say(HANDOVER_LIFE, 1);
	until(&seen.n, 1);
	before = seen.idles;
	until(&seen.idles, before + 2);
	assert_int_equal(seen.n, 1);
	seen.hold = false;
	until(&seen.n, 2);
	assert_int_equal(seen.tgids[1], 10);
	close(peer);
}

static void a_loader_that_goes_is_read_to_its_end_and_the_next_is_found(void **state)
{
	int peer;

	log_set_level(LOG_LEVEL_ERROR);
	start(&defaults);
	peer = serve_one();
	while (!stats()->connected)
		sched_yield();
	seen.hold = true; /* even what is held */
	say(HANDOVER_DATA, 10);
	close(peer);
	until(&seen.n, 1);
	while (stats()->connected)
		sched_yield();
	seen.hold = false;
	say(HANDOVER_DATA, 11);
	peer = serve_one();
	until(&seen.n, 2);
	assert_int_equal(stats()->connects, 2);
	close(peer);
}

static void what_was_handled_outlives_the_collector(void **state)
{
	struct kh_counters *counters = (struct kh_counters *)mem[HANDOVER_COUNTERS];
	int peer;

	counters->c[KH_C_exchanges] = 2; /* more cannot have been handled */
	start(&defaults);
	peer = serve_one();
	say(HANDOVER_DATA, 10);
	until(&seen.n, 1);
	intake_stop(intake);
	close(peer);
	start(&defaults);
	peer = serve_one();
	say(HANDOVER_DATA, 11);
	until(&seen.n, 2);
	while (stats()->handled < 2)
		sched_yield();
	assert_int_equal(seen.tgids[1], 11); /* nothing twice */
	close(peer);
}

/* The answer is lost where the life ring is full: nothing would ever be traced. */
static void where_it_runs_is_asked_until_it_is_answered(void **state)
{
	const struct kh_self self = {.rec = {KH_SELF, 0, sizeof(self)}, .cgroup = 77};
	struct kh_control *control = (struct kh_control *)mem[HANDOVER_CONTROL];
	struct intake_options o = defaults;
	uint32_t before;
	int peer;

	o.wishes.own_pod = true;
	start(&o);
	peer = serve_one();
	while (!stats()->connected)
		sched_yield();
	before = seen.idles;
	until(&seen.idles, before + 3);
	assert_true(__atomic_load_n(&control->nonce, __ATOMIC_ACQUIRE)); /* BPF still listens */
	assert_int_equal(control->scope, KH_SCOPE_NOTHING);
	produce(HANDOVER_LIFE, &self, sizeof(self));
	until(&seen.n, 1);
	assert_int_equal(__atomic_load_n(&control->scope, __ATOMIC_ACQUIRE), 77);
	before = seen.idles;
	until(&seen.idles, before + 2);
	assert_int_equal(__atomic_load_n(&control->nonce, __ATOMIC_ACQUIRE), 0);
	close(peer);
}

static void a_recorded_tape_replays_the_same(void **state)
{
	struct intake_options o = defaults;
	uint32_t i;
	int peer;

	assert_int_equal(tape_create(&tape, tape_path), 0);
	o.record = &tape;
	start(&o);
	peer = serve_one();
	for (i = 0; i < 100; i++)
		say(i % 3 ? HANDOVER_DATA : HANDOVER_LIFE, i);
	until(&seen.n, 100);
	intake_stop(intake);
	tape_close(&tape);
	close(peer);
	memset(&seen, 0, sizeof(seen));
	o = defaults;
	o.replay = tape_path;
	start(&o);
	while (!stats()->done)
		sched_yield();
	assert_int_equal(seen.n, 100);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(stats()->life_records, 34);
	assert_int_equal(stats()->data_records, 66);
}

static void a_tape_that_is_none_is_done_at_once(void **state)
{
	struct intake_options o = defaults;

	o.replay = "/dev/null";
	start(&o);
	while (!stats()->done)
		sched_yield();
	assert_int_equal(seen.n, 0);
}

static void without_a_loader_it_stops_when_asked(void **state)
{
	start(&defaults);
	until(&seen.idles, 1);
	assert_int_equal(intake_verdict(intake, 1, KH_IGNORE), -ENOTCONN);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_came_before_the_collector_is_read_identities_first),
		T(what_was_checked_is_used_whatever_is_written_meanwhile),
		T(a_record_longer_than_any_is_none),
		T(records_that_go_on_coming_are_handed_on_in_order),
		T(what_does_not_hold_together_is_counted_not_handed_on),
		T(a_position_that_a_collector_before_us_spoiled_is_mended_and_counted),
		T(held_records_stay_in_the_ring_but_identities_do_not),
		T(a_loader_that_goes_is_read_to_its_end_and_the_next_is_found),
		T(what_was_handled_outlives_the_collector),
		T(where_it_runs_is_asked_until_it_is_answered),
		T(a_recorded_tape_replays_the_same),
		T(a_tape_that_is_none_is_done_at_once),
		T(without_a_loader_it_stops_when_asked),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
