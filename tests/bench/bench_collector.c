/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges through the whole collector: from the data ring by record, parser, pod and route to the
 * series. 1,000 connections to servers in 250 pods, in turn, each of another series; rings filled
 * up to where BPF wakes the intake, drained as intake.c does it.
 *
 * bench-collector rate [NAME...]          exchanges a second, by CPU time: the median of ROUNDS
 * bench-collector drain NAME EXCHANGES    so many in measured_batch(), for callgrind
 * bench-collector check [NAME...]         no allocation and no system call: ends 1 if there was any
 * bench-collector names                   the protocols
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"
#include "node.h"
#include "talks.h"

#define ROUNDS 5
#define EXCHANGES 200000
#define CONNECTIONS 1000
#define WARM (4 * CONNECTIONS)
#define RING (4u << 20)
#define STRIDE 379 /* between two connections in turn: their state is not in a row */

/* ---- memory asked for ---- */

static uint64_t allocations;
static bool counting;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size)
{
	allocations += counting;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	allocations += counting;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	allocations += counting;
	return __libc_realloc(p, size);
}

/* ---- a ring without a kernel ---- */

struct feed {
	struct ring ring; /* the consumer's end */
	uint8_t *base;    /* the producer's: consumer page, producer page, data twice */
	size_t page;
	uint64_t *head;
	uint64_t drained;
	_Alignas(8) uint8_t copy[RECORD_SIZE_MAX];
};

static void feed_open(struct feed *f)
{
	int fd = memfd_create("ring", MFD_CLOEXEC);
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 2 * page + 2 * (size_t)RING;

	if (fd < 0 || ftruncate(fd, (off_t)size))
		node_die("no memory for a ring");
	f->base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (f->base == MAP_FAILED || ring_open(&f->ring, fd, RING))
		node_die("no ring");
	f->page = page;
	f->head = (uint64_t *)(f->base + page);
}

/* The kernel maps the data twice; here it is written twice. */
static void put(struct feed *f, const void *p, size_t size)
{
	uint8_t *data = f->base + 2 * f->page;
	uint64_t at = *f->head;
	uint64_t header = size;

	for (unsigned int copy = 0; copy < 2; copy++) {
		uint64_t from = at % RING + copy * (uint64_t)RING;

		if (from + 8 + size >
		    2 * (uint64_t)RING) /* the part that wraps stands in the front */
			memcpy(data, (const uint8_t *)p + (2 * (uint64_t)RING - from - 8),
			       from + 8 + size - 2 * (uint64_t)RING);
		memcpy(data + from, &header, 8);
		memcpy(data + from + 8, p,
		       from + 8 + size > 2 * (uint64_t)RING ? 2 * (uint64_t)RING - from - 8 : size);
	}
	__atomic_store_n(f->head, at + ((8 + size + 7) & ~7ull), __ATOMIC_RELEASE);
}

static bool is_full(const struct feed *f)
{
	return *f->head - f->ring.next >= KH_WAKE_BYTES(RING);
}

/* What intake.c does when it wakes. */
static void drain_batch(struct feed *f, struct node *node)
{
	uint64_t until = ring_head(&f->ring);
	size_t n = 0, size;
	const void *p;

	while ((p = ring_next(&f->ring, until, &size))) {
		struct record record;

		if (size > sizeof(f->copy))
			break;
		memcpy(f->copy, p, size);
		__asm__ volatile("" ::: "memory");
		if (!record_read(f->copy, size, &record))
			node->ops.record(node->ops.arg, &record);
		if (++n % INTAKE_BATCH == 0)
			ring_release(&f->ring);
	}
	ring_release(&f->ring);
	node->ops.idle(node->ops.arg, loop_now_ns());
	f->drained += n;
}

/* The same, once the warm-up is over: callgrind counts in here. */
__attribute__((noinline)) void measured_batch(struct feed *f, struct node *node);
void measured_batch(struct feed *f, struct node *node)
{
	drain_batch(f, node);
}

/* ---- what comes ---- */

struct connection {
	struct talk_call call; /* .serial: of the last exchange */
	struct talk_of *talk;
};

struct bench {
	struct feed feed;
	struct node node;
	const struct talk_kind *kind; /* NULL: HTTP/1 */
	struct talk_of *talk;
	struct connection *connections;
	uint64_t turn, ns;
	uint64_t told; /* by the end of the warm-up: until a protocol is found, not all are */
	double seconds;
	_Alignas(8) uint8_t record[NODE_HTTP_MAX];
};

static void run_batch(struct bench *b);

/* As the server of that connection has it. */
static void put_call(struct bench *b, unsigned int i, bool sent, const struct text *text)
{
	struct connection *c = &b->connections[i];
	struct kh_segment *seg = (struct kh_segment *)b->record;

	c->call.sent = sent;
	c->call.ns = b->ns += 100;
	if (!talk_segment(seg, b->talk, &c->call, text))
		return;
	seg->conn.cookie = i + 1;
	seg->conn.rport = (uint16_t)(32768 + i);
	if (!b->talk->port)
		seg->conn.lport = (uint16_t)(5000 + i / NODE_PODS);
	seg->cgroup = seg->tgid = seg->tid = i % NODE_PODS + 1;
	put(&b->feed, seg, seg->rec.size);
}

static void put_http(struct bench *b, unsigned int i)
{
	struct node_http http = {.pod = i % NODE_PODS,
				 .cookie = i + 1,
				 .number = ++b->connections[i].call.serial,
				 .method = "GET",
				 .target = "/api/items/4711?page=2",
				 .status = 200,
				 .lport = (uint16_t)(8080 + i / NODE_PODS),
				 .ns = b->ns += 100};

	put(&b->feed, b->record, node_http(b->record, &http));
}

static void put_exchange(struct bench *b)
{
	unsigned int i = (unsigned int)(b->turn++ * STRIDE % CONNECTIONS);

	if (!b->kind) {
		put_http(b, i);
		return;
	}
	b->connections[i].call.serial++;
	put_call(b, i, false, &b->talk->ask);
	put_call(b, i, true, &b->talk->answer);
}

static void put_welcome(struct bench *b)
{
	for (unsigned int i = 0; b->kind && i < CONNECTIONS; i++) {
		b->connections[i].call.seq[0] = b->connections[i].call.seq[1] = 1;
		put_call(b, i, false, &b->talk->hello);
		put_call(b, i, true, &b->talk->welcome);
		if (is_full(&b->feed))
			run_batch(b);
	}
	run_batch(b);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run_batch(struct bench *b)
{
	double from = cpu_seconds();

	if (b->told)
		measured_batch(&b->feed, &b->node);
	else
		drain_batch(&b->feed, &b->node);
	b->seconds += cpu_seconds() - from;
}

/* ---- rounds ---- */

static void bench_open(struct bench *b, const struct talk_kind *kind)
{
	memset(b, 0, sizeof(*b));
	node_start(&b->node, &(struct node_options){.pods = NODE_PODS});
	feed_open(&b->feed);
	b->ns = loop_now_ns();
	b->kind = kind;
	b->talk = calloc(1, sizeof(*b->talk));
	b->connections = calloc(CONNECTIONS, sizeof(*b->connections));
	if (!b->talk || !b->connections)
		node_die("out of memory");
	if (kind)
		kind->make(b->talk);
}

static void bench_close(struct bench *b)
{
	int fd = b->feed.ring.fd;

	node_expect(&b->node, b->told + b->turn - WARM);
	ring_close(&b->feed.ring);
	munmap(b->feed.base, 2 * b->feed.page + 2 * (size_t)RING);
	close(fd);
	free(b->talk);
	free(b->connections);
	node_stop(&b->node);
}

static void run(struct bench *b, unsigned int exchanges)
{
	while (exchanges--) {
		put_exchange(b);
		if (is_full(&b->feed))
			run_batch(b);
	}
	run_batch(b);
}

/* Each connection is known, and so is each series. */
static void warm_up(struct bench *b)
{
	put_welcome(b);
	run(b, WARM);
	b->told = pipeline_stats(b->node.pipeline)->exchanges;
	b->seconds = 0;
}

/* ---- the three uses ---- */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void rate(const char *name, const struct talk_kind *kind)
{
	static struct bench b;
	double each[ROUNDS];

	for (unsigned int r = 0; r < ROUNDS; r++) {
		bench_open(&b, kind);
		warm_up(&b);
		run(&b, EXCHANGES);
		each[r] = b.seconds / EXCHANGES;
		bench_close(&b);
	}
	qsort(each, ROUNDS, sizeof(*each), by_size);
	printf("collector_%s_exchanges %.0f per_second\n", name, 1 / each[ROUNDS / 2]);
	fflush(stdout);
}

static void drain(const struct talk_kind *kind, unsigned int exchanges)
{
	static struct bench b;

	bench_open(&b, kind);
	warm_up(&b);
	run(&b, exchanges);
	bench_close(&b);
}

static volatile sig_atomic_t calls, last_call;

static void on_call(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	calls++;
	last_call = info->si_syscall;
}

/* From here on, each system call but those that end the process is counted, and not made. */
static void trap_calls(void)
{
	struct sigaction act = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO};
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};

	if (sigaction(SIGSYS, &act, NULL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		node_die("no seccomp filter");
}

#define CHECKED 20000

struct counts {
	uint64_t allocations, calls, last_call, exchanges;
};

/* In a child, whose filter ends with it. */
static void count(struct bench *b, struct counts *counts)
{
	uint64_t before = pipeline_stats(b->node.pipeline)->delivered;

	trap_calls();
	counting = true;
	for (unsigned int i = 0; i < CHECKED; i++) {
		put_exchange(b);
		if (is_full(&b->feed))
			drain_batch(&b->feed, &b->node);
	}
	drain_batch(&b->feed, &b->node);
	counting = false;
	*counts = (struct counts){allocations, (uint64_t)calls, (uint64_t)last_call,
				  pipeline_stats(b->node.pipeline)->delivered - before};
	_exit(0);
}

/* Returns whether there was none. */
static bool check(const char *name, const struct talk_kind *kind)
{
	static struct bench b;
	struct counts *counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 1;
	pid_t child;
	bool fine;

	if (counts == MAP_FAILED)
		node_die("out of memory");
	bench_open(&b, kind);
	warm_up(&b);
	child = fork();
	if (child == 0)
		count(&b, counts);
	if (child < 0 || waitpid(child, &status, 0) != child)
		node_die("no child");
	fine = status == 0 && counts->allocations == 0 && counts->calls == 0 &&
	       counts->exchanges == CHECKED;
	printf("%s - %s: %llu allocations and %llu system calls in %llu exchanges",
	       fine ? "ok" : "not ok", name, (unsigned long long)counts->allocations,
	       (unsigned long long)counts->calls, (unsigned long long)counts->exchanges);
	if (counts->calls)
		printf(" (the last one: number %llu)", (unsigned long long)counts->last_call);
	printf("\n");
	munmap(counts, sizeof(*counts));
	bench_close(&b);
	return fine;
}

static bool is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc == 2;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int failed = 0;

	if (strcmp(what, "rate") && strcmp(what, "check") && strcmp(what, "drain") &&
	    strcmp(what, "names"))
		node_die("rate [NAME...], check [NAME...], drain NAME EXCHANGES or names");
	for (unsigned int i = 0; i <= talks_n; i++) {
		const struct talk_kind *kind = i ? &talks[i - 1] : NULL;
		const char *name = kind ? kind->name : "http1";

		if (!is_wanted(name, argc, argv))
			continue;
		if (*what == 'n')
			puts(name);
		else if (*what == 'r')
			rate(name, kind);
		else if (*what == 'c')
			failed += !check(name, kind);
		else
			drain(kind, argc > 3 ? (unsigned int)atoi(argv[3]) : EXCHANGES);
	}
	return failed != 0;
}
