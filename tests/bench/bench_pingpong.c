/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-pingpong KIND[,KIND...] ROUNDS [CONNECTIONS [RATE PORT]]
 *
 * Both ends of loopback connections in one thread, so that nothing is measured but the calls: what
 * is sent is there when the other end receives. A round is two sends and two receives, on one
 * connection after the other:
 *
 *   plain     64 bytes there and back, in no protocol
 *   exchange  a request of HTTP/1 and its response
 *   upload    twice another 1,000 bytes of one long request
 *   download  twice another 1,000 bytes of one long response
 *
 * First some rounds that do not count, then a rest in which a collector may decide. Prints for each
 * KIND the CPU time of a round in nanoseconds, the median of BATCHES; kinds take turns, batch by
 * batch. With RATE, so many rounds a second (0: as many as there can be) of one KIND, and all
 * count: prints how many there were, and how many a second.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCHES 21
#define WARM_ROUNDS 300 /* of each connection: more than a stream is told of undecided */
#define WARM_ALL 100    /* connections; where there are more, WARM_FEW rounds do */
#define WARM_FEW 3
#define WARM_MS 400
#define PIECE 1000

static const char request[] = "GET /api/v1/items?id=42 HTTP/1.1\r\nHost: shop.example:8080\r\n"
			      "User-Agent: bench/1.0\r\nAccept: application/json\r\n"
			      "X-Request-Id: 0123456789abcdef\r\n\r\n";
static const char response[] =
	"HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: application/json\r\n"
	"Content-Length: 32\r\nConnection: keep-alive\r\n\r\n"
	"{\"id\":42,\"name\":\"a thing\",\"n\":1}\n";
static const char upload[] = "POST /upload HTTP/1.1\r\nHost: shop.example\r\n"
			     "Content-Length: 1000000000000\r\n\r\n";
static const char download[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n";

struct pair {
	int client, server;
};

static char buffer[4096];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void move(int from, int to, const void *p, size_t n)
{
	size_t got = 0;

	if (send(from, p, n, 0) != (ssize_t)n)
		die("send");
	while (got < n) {
		ssize_t r = recv(to, buffer, sizeof(buffer), 0);

		if (r <= 0)
			die("recv");
		got += (size_t)r;
	}
}

static void plain_round(const struct pair *pair)
{
	static const unsigned char bytes[64] = {0xee, 0xdd, 0xcc, 0xee, 0xdd, 0xcc};

	move(pair->client, pair->server, bytes, sizeof(bytes));
	move(pair->server, pair->client, bytes, sizeof(bytes));
}

static void exchange_round(const struct pair *pair)
{
	move(pair->client, pair->server, request, sizeof(request) - 1);
	move(pair->server, pair->client, response, sizeof(response) - 1);
}

static void upload_begin(const struct pair *pair)
{
	move(pair->client, pair->server, upload, sizeof(upload) - 1);
}

static void upload_round(const struct pair *pair)
{
	static const char piece[PIECE];

	move(pair->client, pair->server, piece, PIECE);
	move(pair->client, pair->server, piece, PIECE);
}

static void download_begin(const struct pair *pair)
{
	move(pair->client, pair->server, request, sizeof(request) - 1);
	move(pair->server, pair->client, download, sizeof(download) - 1);
}

static void download_round(const struct pair *pair)
{
	static const char piece[PIECE];

	move(pair->server, pair->client, piece, PIECE);
	move(pair->server, pair->client, piece, PIECE);
}

static const struct kind {
	const char *name;
	void (*begin)(const struct pair *pair);
	void (*round)(const struct pair *pair);
} kinds[] = {
	{"plain", NULL, plain_round},
	{"exchange", NULL, exchange_round},
	{"upload", upload_begin, upload_round},
	{"download", download_begin, download_round},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct pair *connect_all(size_t n, int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct pair *pairs = calloc(n, sizeof(*pairs));
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	socklen_t len = sizeof(at);

	if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(listener, (struct sockaddr *)&at, len) || listen(listener, 16) ||
	    getsockname(listener, (struct sockaddr *)&at, &len) || !pairs)
		die("listen");
	for (size_t i = 0; i < n; i++) {
		pairs[i].client = socket(AF_INET, SOCK_STREAM, 0);
		if (pairs[i].client < 0 || connect(pairs[i].client, (struct sockaddr *)&at, len))
			die("connect");
		pairs[i].server = accept(listener, NULL, NULL);
		if (pairs[i].server < 0)
			die("accept");
	}
	return pairs;
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Connections of one kind, which take turns. */
struct group {
	const struct kind *kind;
	struct pair *pairs;
	size_t n, next;
};

static void rounds(struct group *group, long times)
{
	for (long i = 0; i < times; i++) {
		group->kind->round(&group->pairs[group->next]);
		group->next = group->next + 1 < group->n ? group->next + 1 : 0;
	}
}

static int order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ---- one process: as many connections as it may hold ---- */

struct run {
	const struct kind *kinds[KINDS];
	unsigned int kinds_n;
	long rounds;        /* of each kind */
	size_t connections; /* likewise */
	int port;           /* of the server; 0: any */
	double rate;        /* rounds a second; 0: as many as there can be */
};

struct times {
	double ns[KINDS]; /* of a round */
};

static struct times medians(const struct run *run, struct group *groups)
{
	long times = run->rounds / BATCHES;
	double took[KINDS][BATCHES];
	struct times medians = {0};

	for (size_t i = 0; i < BATCHES; i++) {
		for (unsigned int k = 0; k < run->kinds_n; k++) {
			double from = cpu_ns();

			rounds(&groups[k], times);
			took[k][i] = (cpu_ns() - from) / (double)times;
		}
	}
	for (unsigned int k = 0; k < run->kinds_n; k++) {
		qsort(took[k], BATCHES, sizeof(took[k][0]), order);
		medians.ns[k] = took[k][BATCHES / 2];
	}
	return medians;
}

static void warm(const struct run *run, struct group *groups, size_t n)
{
	for (unsigned int k = 0; k < run->kinds_n; k++) {
		groups[k] = (struct group){run->kinds[k], connect_all(n, 0), n, 0};
		for (size_t i = 0; groups[k].kind->begin && i < n; i++)
			groups[k].kind->begin(&groups[k].pairs[i]);
		rounds(&groups[k], (long)n * (n > WARM_ALL ? WARM_FEW : WARM_ROUNDS));
	}
	usleep(WARM_MS * 1000);
	for (unsigned int k = 0; k < run->kinds_n; k++)
		rounds(&groups[k], (long)n);
}

/* Says when it is ready, and measures when it is told to. */
static void share(const struct run *run, size_t n, int told, int tell)
{
	struct group groups[KINDS];
	struct times took = {0};
	char go;

	warm(run, groups, n);
	if (write(tell, &took, sizeof(took)) < 0 || read(told, &go, 1) != 1)
		exit(1);
	took = medians(run, groups);
	exit(write(tell, &took, sizeof(took)) < 0);
}

/* A process may not hold them all: several do, which measure one after the other. */
static struct times measure(const struct run *run, size_t most)
{
	size_t processes = (run->connections * run->kinds_n + most - 1) / most;
	struct times sum = {0}, one;
	int told[2], tell[2];

	if (pipe(told) || pipe(tell))
		die("pipe");
	for (size_t i = 0; i < processes; i++) {
		size_t n = run->connections / processes + (i < run->connections % processes);

		if (fork() == 0)
			share(run, n, told[0], tell[1]);
		if (read(tell[0], &one, sizeof(one)) != sizeof(one))
			die("a process that holds connections");
	}
	close(tell[1]);
	for (size_t i = 0; i < processes; i++) {
		if (write(told[1], "", 1) < 0 || read(tell[0], &one, sizeof(one)) != sizeof(one))
			die("a process that holds connections");
		for (unsigned int k = 0; k < run->kinds_n; k++)
			sum.ns[k] += one.ns[k] / (double)processes;
	}
	return sum;
}

/* ---- at a rate ---- */

static void wait_until(double ns)
{
	struct timespec at = {.tv_sec = (time_t)(ns / 1e9)};

	at.tv_nsec = (long)(ns - (double)at.tv_sec * 1e9);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A millisecond's rounds at once, and then a rest. Prints how many there were in all, and a second.
 */
static void pace(const struct run *run)
{
	struct group group = {run->kinds[0], connect_all(run->connections, run->port),
			      run->connections, 0};
	double from = now_ns(), seconds;
	long done = 0;

	while (done < run->rounds) {
		long due = run->rate > 0 ? (long)((now_ns() - from) / 1e9 * run->rate) + 1
					 : run->rounds;
		long n = (due < run->rounds ? due : run->rounds) - done;

		rounds(&group, n);
		done += n;
		if (run->rate > 0)
			wait_until(now_ns() + 1e6);
	}
	seconds = (now_ns() - from) / 1e9;
	printf("%ld %.0f\n", done, (double)done / seconds);
}

/* Returns false if one is not known, or there are too many. */
static bool read_kinds(struct run *run, char *names)
{
	for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
		size_t k = 0;

		while (k < KINDS && strcmp(name, kinds[k].name))
			k++;
		if (k == KINDS || run->kinds_n == KINDS)
			return false;
		run->kinds[run->kinds_n++] = &kinds[k];
	}
	return run->kinds_n;
}

int main(int argc, char **argv)
{
	struct run run = {.rounds = argc > 2 ? atol(argv[2]) : 0,
			  .connections = argc > 3 ? (size_t)atol(argv[3]) : 1,
			  .rate = argc > 4 ? atof(argv[4]) : 0,
			  .port = argc > 5 ? atoi(argv[5]) : 0};
	struct rlimit files;
	struct times took;

	if (argc < 3 || !read_kinds(&run, argv[1]) || run.rounds < BATCHES || !run.connections ||
	    (argc > 4 && run.kinds_n > 1)) {
		fprintf(stderr, "usage: bench-pingpong plain|exchange|upload|download[,...] ROUNDS "
				"[CONNECTIONS [RATE PORT]]\n");
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &files))
		die("getrlimit");
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files))
		die("setrlimit");
	if (argc > 4) {
		pace(&run);
		return 0;
	}
	took = measure(&run, (files.rlim_max - 64) / 2);
	for (unsigned int k = 0; k < run.kinds_n; k++)
		printf("%.1f\n", took.ns[k]);
	return 0;
}
