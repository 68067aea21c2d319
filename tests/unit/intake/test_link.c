/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's end of the hand-over against a loader that follows a script: memfds for what
 * BPF would give, and every way to give something else. One test waits as long as a collector
 * waits for an answer, 3 s.
 */
#include "intake/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RING 65536u
#define CPUS 3

static char dir[] = "/tmp/keyhole-test-XXXXXX";
static char path[sizeof(dir) + 8];
static int sock, fds[HANDOVER_FDS], open_before;
static struct kh_control *control;
static struct kh_counters *counters;
static struct link l;
static struct link_wishes wishes;
static char why[256];

/* The script. */
static struct {
	struct handover_offer offer;
	const void *msg; /* instead of the offer */
	size_t size, nfds;
	int fds[HANDOVER_FDS];
	enum { ANSWER, HANG_UP, SILENCE } act;
	struct handover_hello heard;
} loader;

static int open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static size_t page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* In these tests memfds stand for maps; the real one refuses them (test_given.c). */
bool __wrap_given_may_be_map(int fd);
bool __wrap_given_may_be_map(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || !(st.st_mode & S_IFMT));
}

static int memory(size_t size)
{
	int fd = memfd_create("given", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static int setup(void **state)
{
	int i;

	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/sock", dir);
	sock = handover_listen(path);
	memset(&loader, 0, sizeof(loader));
	loader.offer = (struct handover_offer){
		.magic = HANDOVER_MAGIC,
		.abi = KH_ABI_VERSION,
		.cpus = CPUS,
		.data_size = RING,
		.life_size = RING,
		.control_size = (sizeof(struct kh_control) + 4095) & ~4095ull,
		.counters_size = (CPUS * sizeof(struct kh_counters) + 4095) & ~4095ull,
		.snapshot = "walk",
	};
	loader.nfds = HANDOVER_FDS;
	fds[HANDOVER_DATA] = memory(2 * page() + 2 * RING);
	fds[HANDOVER_LIFE] = memory(2 * page() + 2 * RING);
	fds[HANDOVER_CONTROL] = memory(loader.offer.control_size);
	fds[HANDOVER_COUNTERS] = memory(loader.offer.counters_size);
	for (i = 0; i < HANDOVER_FDS; i++)
		loader.fds[i] = fds[i];
	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED,
		       fds[HANDOVER_CONTROL], 0);
	counters = mmap(NULL, CPUS * sizeof(*counters), PROT_READ | PROT_WRITE, MAP_SHARED,
			fds[HANDOVER_COUNTERS], 0);
	open_before = open_descriptors();
	return control == MAP_FAILED || counters == MAP_FAILED;
}

static int teardown(void **state)
{
	int i, left;

	link_close(&l);
	left = open_descriptors() - open_before;
	munmap(control, sizeof(*control));
	munmap(counters, CPUS * sizeof(*counters));
	for (i = 0; i < HANDOVER_FDS; i++)
		close(fds[i]);
	close(sock);
	unlink(path);
	rmdir(dir);
	prctl(PR_SET_NAME, "test-link", 0, 0, 0);
	return left;
}

static void *play(void *arg)
{
	int *peer = arg;
	size_t got;

	while ((*peer = accept4(sock, NULL, NULL, SOCK_CLOEXEC)) < 0)
		;
	if (loader.act == SILENCE)
		return NULL;
	if (loader.act == ANSWER &&
	    handover_recv(*peer, &loader.heard, sizeof(loader.heard), NULL, 0, &got) == 1)
		handover_send(*peer, loader.msg ? loader.msg : &loader.offer,
			      loader.msg ? loader.size : sizeof(loader.offer), loader.fds,
			      loader.nfds);
	if (loader.act == HANG_UP) {
		close(*peer);
		*peer = -1;
	}
	return NULL;
}

static int loader_end; /* of the connection */

static int ask(void)
{
	pthread_t thread;
	int r;

	why[0] = 0;
	assert_int_equal(pthread_create(&thread, NULL, play, &loader_end), 0);
	r = link_open(&l, path, &wishes, -1, why, sizeof(why));
	pthread_join(thread, NULL);
	return r;
}

static void hang_up(void)
{
	if (loader_end >= 0)
		close(loader_end);
	loader_end = -1;
}

/* Refused, with a reason, and nothing is left open. */
static void refused(int error, const char *reason)
{
	assert_int_equal(ask(), error);
	assert_non_null(strstr(why, reason));
	assert_null(strchr(why, '\n'));
	hang_up();
	assert_int_equal(open_descriptors(), open_before);
}

static void a_loader_s_gifts_are_mapped(void **state)
{
	assert_int_equal(ask(), 0);
	assert_int_equal(loader.heard.magic, HANDOVER_MAGIC);
	assert_int_equal(loader.heard.abi, KH_ABI_VERSION);
	assert_int_equal(l.data.size, RING);
	assert_int_equal(l.life.size, RING);
	counters[0].c[KH_C_life] = 1;
	counters[2].c[KH_C_life] = 5;
	assert_int_equal(link_counter(&l, KH_C_life), 6);
	assert_int_equal(link_counter(&l, KH_COUNTER_SLOTS), 0);
	hang_up();
}

static void the_loader_s_end_is_noticed(void **state)
{
	assert_int_equal(ask(), 0);
	assert_false(link_lost(&l));
	hang_up();
	assert_true(link_lost(&l));
}

/* Does BPF see that request at this moment? */
static bool asks_for(char letter)
{
	char name[16] = "", want[32];

	prctl(PR_GET_NAME, name, 0, 0, 0);
	snprintf(want, sizeof(want), "%014llx%c", (unsigned long long)control->nonce, letter);
	return control->nonce && strcmp(name, want) == 0;
}

static void a_new_collector_asks_for_everything_again(void **state)
{
	control->generation = 7;
	control->verdict_epoch = 3;
	control->verdicts[5].key = 99;
	assert_int_equal(ask(), 0);
	hang_up();
	assert_int_not_equal(control->generation, 7);
	assert_int_equal(control->verdict_epoch, 4);
	assert_int_equal(control->verdicts[5].key, 0);
	assert_true(control->nonce != 0 && control->nonce >> (4 * KH_NONCE_DIGITS) == 0);
	assert_true(l.walking);
	assert_true(asks_for('s'));
}

static void what_a_collector_before_left_in_the_control_page_is_gone(void **state)
{
	uint32_t generation;

	memset(control, 0xff, sizeof(*control));
	control->enabled = 0;
	counters[1].c[KH_C_exchanges] = 100;
	counters[2].c[KH_C_finishes] = 11;
	counters[2].c[KH_C_segments] = 7;
	assert_int_equal(ask(), 0);
	hang_up();
	assert_int_equal(control->enabled, 1);
	assert_int_equal(control->wake_bytes, KH_WAKE_BYTES(RING));
	assert_int_equal(control->delivered, 118);
	for (int i = 0; i < KH_VERDICTS; i++)
		assert_int_equal(control->verdicts[i].key, 0);
	for (int i = 0; i < KH_STREAMS; i++)
		assert_int_equal(control->streams[i].cookie, 0);
	/* nor can it foresee under which number it has to tell BPF that all were told */
	generation = control->generation;
	control->delivered = 50;
	link_close(&l);
	assert_int_equal(ask(), 0);
	hang_up();
	assert_true(control->generation != generation && control->generation != generation + 1);
	assert_int_equal(control->delivered, 50);
}

static void the_walk_ends_when_it_finds_few_and_the_nonce_with_it(void **state)
{
	char name[16] = "";

	assert_int_equal(ask(), 0);
	hang_up();
	link_walk(&l); /* nobody counts: no process found */
	assert_false(l.walking);
	assert_int_equal(control->nonce, 0);
	prctl(PR_GET_NAME, name, 0, 0, 0);
	assert_string_equal(name, "keyhole-intake");
}

static void without_a_snapshot_nothing_is_left_to_ask(void **state)
{
	strcpy(loader.offer.snapshot, "unavailable");
	assert_int_equal(ask(), 0);
	hang_up();
	assert_false(l.walking);
	assert_int_equal(control->nonce, 0);
}

static void texts_without_an_end_are_ended(void **state)
{
	memset(loader.offer.version, 'v', sizeof(loader.offer.version));
	memset(loader.offer.snapshot, 's', sizeof(loader.offer.snapshot));
	assert_int_equal(ask(), 0);
	hang_up();
	assert_int_equal(strlen(l.offer.version), sizeof(l.offer.version) - 1);
	assert_int_equal(strlen(l.offer.snapshot), sizeof(l.offer.snapshot) - 1);
}

/* ---- who answers is no loader, or not ours ---- */

static void another_abi_is_one_clear_sentence(void **state)
{
	loader.offer.status = HANDOVER_ABI;
	loader.offer.abi = KH_ABI_VERSION + 1;
	loader.nfds = 0;
	refused(-EPROTONOSUPPORT, "install both from one release");
	/* even if it gives something */
	loader.nfds = HANDOVER_FDS;
	refused(-EPROTONOSUPPORT, "install both from one release");
}

static void what_is_no_offer_is_refused(void **state)
{
	static const char text[4096] = "HTTP/1.1 400 Bad Request\r\n\r\n";

	loader.offer.magic++;
	refused(-EPROTO, "not a loader's");
	loader.offer.magic--;
	loader.offer.abi++;
	refused(-EPROTO, "not a loader's");
	loader.offer.abi--;
	loader.msg = text;
	loader.size = 28;
	refused(-EPROTO, "not a loader's");
	loader.size = sizeof(struct handover_offer) + 1;
	refused(-EPROTO, "not a loader's");
	loader.size = sizeof(text);
	refused(-EPROTO, "not a loader's");
}

static void another_count_of_descriptors_is_refused(void **state)
{
	for (loader.nfds = 0; loader.nfds < HANDOVER_FDS; loader.nfds++)
		refused(-EPROTO, "not a loader's");
}

static void a_loader_that_hangs_up_has_refused_us(void **state)
{
	loader.act = HANG_UP;
	refused(-EACCES, "--peer-uid");
}

static void no_loader_is_a_hint_to_start_one(void **state)
{
	close(sock);
	sock = -1;
	assert_int_equal(link_open(&l, path, &wishes, -1, why, sizeof(why)), -ECONNREFUSED);
	assert_non_null(strstr(why, "is keyhole-loader running?"));
	unlink(path);
	assert_int_equal(link_open(&l, path, &wishes, -1, why, sizeof(why)), -ENOENT);
	sock = dup(2);
	open_before = open_descriptors();
}

static void a_loader_that_never_answers_is_left_after_a_while(void **state)
{
	struct timespec from, to;

	loader.act = SILENCE;
	clock_gettime(CLOCK_MONOTONIC, &from);
	refused(-EAGAIN, "no answer");
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_in_range(to.tv_sec - from.tv_sec, 2, 20);
}

static void waiting_ends_when_it_is_no_longer_wanted(void **state)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(link_open(&l, path, &wishes, ends[0], why, sizeof(why)), -EAGAIN);
	close(ends[0]);
	close(ends[1]);
}

static void a_queue_full_of_collectors_is_left_at_once(void **state)
{
	int peers[64], n = 0;

	while (n < 64 && (peers[n] = handover_connect(path)) >= 0)
		n++;
	assert_true(n < 64);
	assert_int_equal(link_open(&l, path, &wishes, -1, why, sizeof(why)), -EAGAIN);
	assert_non_null(strstr(why, "other collectors wait"));
	while (n)
		close(peers[--n]);
}

/* ---- sizes that lie ---- */

static void sizes_that_no_loader_has_are_refused(void **state)
{
	const struct handover_offer good = loader.offer;
#define BAD(field, value)                                                                          \
	do {                                                                                       \
		loader.offer = good;                                                               \
		loader.offer.field = (value);                                                      \
		refused(-EPROTO, "cannot be mapped");                                              \
	} while (0)
	BAD(cpus, 0);
	BAD(cpus, KH_CPUS_MAX + 1);
	BAD(cpus, UINT32_MAX);
	BAD(data_size, 1ull << 31);
	BAD(life_size, UINT64_MAX);
	BAD(control_size, sizeof(struct kh_control) - 1);
	BAD(control_size, (1 << 20) + 1);
	BAD(counters_size, 2 * sizeof(struct kh_counters));
	BAD(counters_size, UINT64_MAX);
#undef BAD
	loader.offer = good;
	loader.offer.data_size = RING + 4096;
	assert_int_not_equal(ask(), 0);
	hang_up();
	loader.offer.data_size = 0;
	assert_int_not_equal(ask(), 0);
	hang_up();
}

static void what_cannot_be_mapped_is_refused(void **state)
{
	int i, pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	for (i = 0; i < HANDOVER_FDS; i++) {
		loader.fds[i] = pipes[0];
		assert_true(ask() < 0);
		hang_up();
		loader.fds[i] = fds[i];
	}
	loader.fds[HANDOVER_CONTROL] = sock;
	assert_true(ask() < 0);
	hang_up();
	close(pipes[0]);
	close(pipes[1]);
}

static void a_collector_of_one_pod_traces_nothing_until_it_knows_which(void **state)
{
	assert_int_equal(ask(), 0);
	assert_int_equal(control->scope, 0);
	assert_int_equal(control->want, 0);
	hang_up();
	link_close(&l);
	wishes = (struct link_wishes){.want = KH_WANT_ARGS, .own_pod = true};
	assert_int_equal(ask(), 0);
	assert_int_equal(control->scope, KH_SCOPE_NOTHING);
	assert_int_equal(control->want, KH_WANT_ARGS);
	link_walk(&l);
	assert_false(l.walking);
	assert_true(control->nonce != 0); /* BPF still listens */
	assert_true(link_ask_self(&l));
	assert_true(asks_for('s'));
	link_scope(&l, 77);
	assert_false(link_ask_self(&l));
	assert_int_equal(control->nonce, 0);
	assert_int_equal(control->scope, 77);
	hang_up();
	link_close(&l);
	wishes = (struct link_wishes){0};
	assert_int_equal(ask(), 0); /* the next one is of another mind */
	assert_int_equal(control->scope, 0);
	assert_int_equal(control->want, 0);
	hang_up();
}

/* ---- verdicts ---- */

static uint32_t verdict_of(uint64_t cgroup)
{
	uint32_t at = KH_VERDICT_HASH(cgroup), i;

	for (i = 0; i < KH_VERDICT_PROBES; i++)
		if (control->verdicts[(at + i) % KH_VERDICTS].key == cgroup)
			return control->verdicts[(at + i) % KH_VERDICTS].verdict;
	return KH_TRACE;
}

static void a_verdict_taken_back_leaves_room_and_hides_nobody_behind_it(void **state)
{
	uint64_t c, keys[3], n = 0;

	assert_int_equal(ask(), 0);
	hang_up();
	for (c = 1; n < 3; c++)
		if (KH_VERDICT_HASH(c) == KH_VERDICT_HASH(1))
			keys[n++] = c;
	assert_int_equal(link_verdict(&l, keys[0], KH_IGNORE), 0);
	assert_int_equal(link_verdict(&l, keys[1], KH_IGNORE), 0);
	assert_int_equal(link_verdict(&l, keys[0], KH_TRACE), 0);
	assert_int_equal(verdict_of(keys[0]), KH_TRACE);
	assert_int_equal(verdict_of(keys[1]), KH_IGNORE);
	/* BPF looks on behind what is gone, and stops at what is empty */
	assert_int_equal(control->verdicts[KH_VERDICT_HASH(1)].key, KH_VERDICT_GONE);
	assert_int_equal(link_verdict(&l, keys[1], KH_IGNORE), 0); /* not a second time */
	assert_int_equal(control->verdicts[KH_VERDICT_HASH(1)].key, KH_VERDICT_GONE);
	assert_int_equal(link_verdict(&l, keys[2], KH_IGNORE), 0);
	assert_int_equal(control->verdicts[KH_VERDICT_HASH(1)].key, keys[2]);
	assert_int_equal(link_verdict(&l, keys[0], KH_TRACE), 0); /* it has none */
	assert_int_equal(link_verdict(&l, KH_VERDICT_GONE, KH_IGNORE), -EINVAL);
}

static void verdicts_stand_where_bpf_looks_for_them(void **state)
{
	uint32_t epoch;
	uint64_t c;

	assert_int_equal(ask(), 0);
	hang_up();
	for (c = 1; c <= 500; c++)
		assert_int_equal(link_verdict(&l, c * 12345, KH_IGNORE), 0);
	for (c = 1; c <= 500; c++)
		assert_int_equal(verdict_of(c * 12345), KH_IGNORE);
	epoch = control->verdict_epoch;
	assert_int_equal(link_verdict(&l, 12345, KH_IGNORE), 0);
	assert_int_equal(control->verdict_epoch, epoch); /* nothing new: no socket looks again */
	assert_int_equal(link_verdict(&l, 12345, KH_TRACE), 0);
	assert_int_equal(verdict_of(12345), KH_TRACE);
	assert_int_equal(control->verdict_epoch, epoch + 1);
	assert_int_equal(link_verdict(&l, 0, KH_IGNORE), -EINVAL);
}

static void a_stream_is_decided_in_its_slot(void **state)
{
	const struct kh_stream_slot *slot = &control->streams[KH_STREAM_HASH(77)];
	uint64_t other = 78;

	assert_int_equal(ask(), 0);
	hang_up();
	link_stream(&l, 77, 500, KH_ROLE_SERVER);
	assert_int_equal(slot->cookie, 77);
	assert_int_equal(slot->capture, 500);
	assert_int_equal(slot->role, KH_ROLE_SERVER);
	while (KH_STREAM_HASH(other) != KH_STREAM_HASH(77))
		other++;
	link_stream(&l, other, KH_SEGMENT_CALL + 1, KH_ROLE_CLIENT);
	assert_int_equal(slot->cookie, other);
	assert_int_equal(slot->capture, KH_SEGMENT_CALL);
	assert_int_equal(slot->role, KH_ROLE_CLIENT);
	link_stream(&l, 0, 5, KH_ROLE_CLIENT); /* no socket has this number: an empty slot */
	assert_int_equal(control->streams[0].capture, 0);
	link_close(&l);
	link_stream(&l, 77, 500, KH_ROLE_SERVER); /* nobody to tell */
}

static void a_full_neighbourhood_is_told_and_others_still_fit(void **state)
{
	uint64_t c, home = 0, placed = 0, first = 0;

	assert_int_equal(ask(), 0);
	hang_up();
	for (c = 1; placed < KH_VERDICT_PROBES; c++) {
		if (!first) {
			first = c;
			home = KH_VERDICT_HASH(c);
		}
		if (KH_VERDICT_HASH(c) != home)
			continue;
		assert_int_equal(link_verdict(&l, c, KH_IGNORE), 0);
		placed++;
	}
	while (KH_VERDICT_HASH(c) != home)
		c++;
	assert_int_equal(link_verdict(&l, c, KH_IGNORE), -ENOSPC);
	assert_int_equal(verdict_of(c), KH_TRACE);
	assert_int_equal(link_verdict(&l, first, KH_IGNORE), 0);
	link_verdicts_clear(&l);
	assert_int_equal(verdict_of(first), KH_TRACE);
	assert_int_equal(link_verdict(&l, c, KH_IGNORE), 0);
}

static void without_a_loader_there_is_nothing_to_decide(void **state)
{
	link_close(&l);
	assert_int_equal(link_verdict(&l, 1, KH_IGNORE), -ENOTCONN);
	link_verdicts_clear(&l);
	assert_int_equal(link_counter(&l, KH_C_life), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_loader_s_gifts_are_mapped),
		T(the_loader_s_end_is_noticed),
		T(a_new_collector_asks_for_everything_again),
		T(what_a_collector_before_left_in_the_control_page_is_gone),
		T(the_walk_ends_when_it_finds_few_and_the_nonce_with_it),
		T(without_a_snapshot_nothing_is_left_to_ask),
		T(texts_without_an_end_are_ended),
		T(another_abi_is_one_clear_sentence),
		T(what_is_no_offer_is_refused),
		T(another_count_of_descriptors_is_refused),
		T(a_loader_that_hangs_up_has_refused_us),
		T(no_loader_is_a_hint_to_start_one),
		T(a_loader_that_never_answers_is_left_after_a_while),
		T(waiting_ends_when_it_is_no_longer_wanted),
		T(a_queue_full_of_collectors_is_left_at_once),
		T(sizes_that_no_loader_has_are_refused),
		T(what_cannot_be_mapped_is_refused),
		T(a_collector_of_one_pod_traces_nothing_until_it_knows_which),
		T(verdicts_stand_where_bpf_looks_for_them),
		T(a_stream_is_decided_in_its_slot),
		T(a_verdict_taken_back_leaves_room_and_hides_nobody_behind_it),
		T(a_full_neighbourhood_is_told_and_others_still_fit),
		T(without_a_loader_there_is_nothing_to_decide),
	};

	l.sock = -1;
	for (int i = 0; i < HANDOVER_FDS; i++)
		l.fds[i] = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
