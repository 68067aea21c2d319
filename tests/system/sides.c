/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIME_LIMIT 120    /* seconds of a run, --hold not included */
#define PACE 250          /* requests between two pauses */
#define QUEUED 1000       /* connections opened and not accepted yet */
#define CONNECT_TRIES 500 /* 10 ms apart: a server started beside us may not listen yet */

/* ---- sockets ---- */

static socklen_t address(const struct run *run, bool client, struct sockaddr_storage *to)
{
	struct sockaddr_in *in = (struct sockaddr_in *)to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof(*to));
	if (run->family == IPV4 || (run->family == MAPPED && client)) {
		in->sin_family = AF_INET;
		in->sin_port = htons(run->port);
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(run->port);
	in6->sin6_addr = run->family == IPV6 ? in6addr_loopback : in6addr_any;
	return sizeof(*in6);
}

static void listen_on(struct run *run)
{
	struct sockaddr_storage to;
	socklen_t len = address(run, false, &to);
	int one = 1, zero = 0;

	run->listener = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (run->family == MAPPED)
		setsockopt(run->listener, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	setsockopt(run->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (run->listener < 0 || bind(run->listener, (struct sockaddr *)&to, len) ||
	    listen(run->listener, SOMAXCONN) ||
	    getsockname(run->listener, (struct sockaddr *)&to, &(socklen_t){sizeof(to)}))
		die("cannot listen on port %u: %m", run->port);
	/* The port is at the same place in both families. */
	run->port = ntohs(((struct sockaddr_in *)&to)->sin_port);
}

static struct conn conn_of(const struct run *run, int fd, struct tally *tally)
{
	const struct scenario *s = run->scenario;
	bool client = tally == run->client;
	unsigned segments = client && s->client_segments ? s->client_segments : s->segments;
	int one = 1;

	/* Every call is to be a segment of its own. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (s->flags & NONBLOCK)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	return (struct conn){
		.fd = fd,
		.number = __atomic_fetch_add(&tally->connections, 1, __ATOMIC_ACQ_REL),
		.scenario = s,
		.tally = tally,
		.other = client ? run->server : run->client,
		.client = client,
		.call = client && s->client_call ? s->client_call : s->call,
		.segments = segments ? segments : 1,
		.peek = s->flags & PEEK,
	};
}

static struct conn open_conn(const struct run *run)
{
	struct sockaddr_storage to;
	socklen_t len = address(run, true, &to);

	for (int i = 0; i < CONNECT_TRIES; i++) {
		int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd >= 0 && connect(fd, (struct sockaddr *)&to, len) == 0)
			return conn_of(run, fd, run->client);
		if (errno != ECONNREFUSED)
			break;
		close(fd);
		usleep(10000);
	}
	die("cannot connect to port %u: %m", run->port);
}

static int accept_fd(const struct run *run)
{
	int fd = accept4(run->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		die("accept: %m");
	return fd;
}

/* ---- one connection, from its first byte to its close ---- */

static const struct play *play_of(const struct conn *c)
{
	return c->scenario->play ? c->scenario->play : &play_plain;
}

static void ask(const struct run *run, struct conn *c)
{
	unsigned n = run->requests / run->connections;

	play_of(c)->ask(c, 1 + c->number * n, n);
	close(c->fd);
}

static void serve(const struct run *run, struct conn *c)
{
	unsigned n = run->requests / run->connections;

	play_of(c)->serve(c, 1 + c->number * n, n);
	if (!(c->scenario->flags & SERVER_ENDS))
		conn_expect_end(c);
	if (c->fd >= 0)
		close(c->fd);
}

/* ---- many connections: the first request on each, then the second on each ---- */

static struct conn *room_for_conns(const struct run *run)
{
	struct conn *conns = calloc(run->connections, sizeof(*conns));

	if (!conns)
		die("out of memory");
	return conns;
}

/* It is about their number, not their rate: who watches may be slow on a busy machine. */
static void pause_after(unsigned i)
{
	if (i % PACE == PACE - 1)
		usleep(20000);
}

static void ask_many(const struct run *run, struct conn *conns)
{
	for (unsigned round = 1; round <= ROUNDS; round++) {
		for (unsigned i = 0; i < run->connections; i++) {
			play_of(&conns[i])->ask(&conns[i], i * ROUNDS + round, 1);
			pause_after(i);
		}
	}
	for (unsigned i = 0; i < run->connections; i++) {
		close(conns[i].fd);
		pause_after(i);
	}
	free(conns);
}

static void serve_many(const struct run *run)
{
	struct conn *conns = room_for_conns(run);

	for (unsigned i = 0; i < run->connections; i++)
		conns[i] = conn_of(run, accept_fd(run), run->server);
	for (unsigned round = 1; round <= ROUNDS; round++)
		for (unsigned i = 0; i < run->connections; i++)
			play_of(&conns[i])->serve(&conns[i], i * ROUNDS + round, 1);
	for (unsigned i = 0; i < run->connections; i++) {
		conn_expect_end(&conns[i]);
		close(conns[i].fd);
	}
	free(conns);
}

/* Not faster than they are accepted: the queue is bounded. */
static struct conn *open_many(const struct run *run)
{
	const unsigned *accepted = &run->server->connections;
	struct conn *conns = room_for_conns(run);

	for (unsigned i = 0; i < run->connections; i++) {
		while (run->role == BOTH &&
		       i >= QUEUED + __atomic_load_n(accepted, __ATOMIC_ACQUIRE))
			usleep(1000);
		conns[i] = open_conn(run);
	}
	return conns;
}

static void raise_open_files(const struct run *run)
{
	unsigned need = run->connections + 32;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		die("RLIMIT_NOFILE: %m");
	if (limit.rlim_cur >= need)
		return;
	if (limit.rlim_max < need)
		die("%u connections need %u open files, and the hard limit is %lu: raise it"
		    " (ulimit -Hn), or ask for fewer --requests",
		    run->connections, need, (unsigned long)limit.rlim_max);
	limit.rlim_cur = need;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("RLIMIT_NOFILE: %m");
}

/* ---- a connection in a process or thread of its own ---- */

static void ask_new(const struct run *run, int unused)
{
	struct conn c = open_conn(run);

	ask(run, &c);
}

static void serve_fd(const struct run *run, int fd)
{
	struct conn c = conn_of(run, fd, run->server);

	serve(run, &c);
}

/* ---- processes and threads ---- */

typedef void (*process_fn)(const struct run *run, int fd);

/* Runs fn in a process of its own that dies with us. */
static pid_t start(const char *name, process_fn fn, const struct run *run, int fd)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %m");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, name);
	alarm(run->hold ? 0 : TIME_LIMIT);
	fn(run, fd);
	_exit(0);
}

static void wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status != 0)
		die("process %d did not end well (status 0x%x)", pid, status);
}

struct part {
	pthread_t thread;
	void (*fn)(const struct run *, struct conn *);
	const struct run *run;
	struct conn conn;
};

static void *part_main(void *arg)
{
	struct part *p = arg;

	p->fn(p->run, &p->conn);
	return NULL;
}

static void in_threads(struct part *parts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&parts[i].thread, NULL, part_main, &parts[i]))
			die("cannot start a thread");
	for (unsigned i = 0; i < n; i++)
		pthread_join(parts[i].thread, NULL);
}

/* Takes connections until the whole run's number is claimed. */
static void worker(const struct run *run, int unused)
{
	while (__atomic_fetch_add(&run->server->claims, 1, __ATOMIC_RELAXED) < run->connections)
		serve_fd(run, accept_fd(run));
}

static void serve_by_workers(const struct run *run)
{
	pid_t pids[WORKERS];

	for (unsigned i = 0; i < WORKERS; i++)
		pids[i] = start("traffic-worker", worker, run, -1);
	for (unsigned i = 0; i < WORKERS; i++)
		wait_for(pids[i]);
}

union fd_message {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static void pass(int channel, int fd)
{
	union fd_message control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
					       .cmsg_level = SOL_SOCKET,
					       .cmsg_type = SCM_RIGHTS}};
	struct iovec byte = {"", 1};
	struct msghdr msg = {.msg_iov = &byte,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (sendmsg(channel, &msg, 0) != 1)
		die("cannot pass a connection: %m");
	close(fd);
}

static void serve_passed(const struct run *run, int channel)
{
	for (unsigned i = 0; i < run->connections; i++) {
		union fd_message control;
		char buf;
		struct iovec byte = {&buf, 1};
		struct msghdr msg = {.msg_iov = &byte,
				     .msg_iovlen = 1,
				     .msg_control = &control,
				     .msg_controllen = sizeof(control)};
		int fd;

		if (recvmsg(channel, &msg, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&msg))
			die("no connection was passed");
		memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
		serve_fd(run, fd);
	}
}

static void serve_by_passing(const struct run *run)
{
	int channel[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel))
		die("socketpair: %m");
	pid = start("traffic-worker", serve_passed, run, channel[1]);
	for (unsigned i = 0; i < run->connections; i++)
		pass(channel[0], accept_fd(run));
	wait_for(pid);
}

/* ---- the two sides ---- */

static void play_server(const struct run *run, int unused)
{
	struct part parts[2];

	switch (run->scenario->model) {
	case THREADS:
		for (unsigned i = 0; i < run->connections; i++)
			parts[i] = (struct part){.fn = serve,
						 .run = run,
						 .conn = conn_of(run, accept_fd(run), run->server)};
		in_threads(parts, run->connections);
		return;
	case PREFORK:
		serve_by_workers(run);
		return;
	case PASSED:
		serve_by_passing(run);
		return;
	case SHORT_LIVED:
		for (unsigned i = 0; i < run->connections; i++) {
			int fd = accept_fd(run);

			pid_t pid = start("traffic-short", serve_fd, run, fd);

			close(fd);
			wait_for(pid);
		}
		return;
	case MANY:
		serve_many(run);
		return;
	case ONE:
		for (unsigned i = 0; i < run->connections; i++)
			serve_fd(run, accept_fd(run));
	}
}

static void hold(const struct run *run)
{
	const unsigned *accepted = &run->server->connections;

	if (!run->hold)
		return;
	while (run->role == BOTH &&
	       __atomic_load_n(accepted, __ATOMIC_ACQUIRE) < run->client->connections)
		usleep(1000);
	puts("ready");
	fflush(stdout);
	for (int byte = 0; byte != '\n' && byte != EOF;)
		byte = getchar();
	alarm(TIME_LIMIT);
}

static void play_client(const struct run *run)
{
	const struct scenario *s = run->scenario;
	struct part parts[2];

	if (s->model == THREADS) {
		for (unsigned i = 0; i < run->connections; i++)
			parts[i] = (struct part){.fn = ask, .run = run, .conn = open_conn(run)};
		hold(run);
		in_threads(parts, run->connections);
	} else if (s->model == MANY) {
		struct conn *conns = open_many(run);

		hold(run);
		ask_many(run, conns);
	} else if (s->model == SHORT_LIVED) {
		hold(run);
		for (unsigned i = 0; i < run->connections; i++)
			wait_for(start("traffic-short", ask_new, run, -1));
	} else {
		for (unsigned i = 0; i < run->connections; i++) {
			struct conn c = open_conn(run);

			if (i == 0)
				hold(run);
			ask(run, &c);
		}
	}
}

static void compare(const struct tally *a, const struct tally *b)
{
	if (a->requests != b->requests || a->responses != b->responses ||
	    a->request_bytes != b->request_bytes || a->response_bytes != b->response_bytes ||
	    a->request_body != b->request_body || a->response_body != b->response_body ||
	    a->other_bytes != b->other_bytes || a->connections != b->connections)
		die("client and server count differently: %u and %u requests, %zu and %zu bytes "
		    "of responses",
		    a->requests, b->requests, a->response_bytes, b->response_bytes);
}

void run_play(struct run *run)
{
	struct tally *shared = mmap(NULL, 2 * sizeof(*shared), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		die("mmap: %m");
	run->client = &shared[0];
	run->server = &shared[1];
	signal(SIGPIPE, SIG_IGN);
	raise_open_files(run);
	alarm(run->hold ? 0 : TIME_LIMIT);
	if (run->role != CLIENT)
		listen_on(run);
	if (run->role == SERVER) {
		prctl(PR_SET_NAME, "traffic-server");
		run->server_pid = getpid();
		hold(run);
		play_server(run, -1);
		return;
	}
	if (run->role == BOTH) {
		run->server_pid = start("traffic-server", play_server, run, -1);
		close(run->listener);
	}
	prctl(PR_SET_NAME, "traffic-client");
	play_client(run);
	if (run->role == BOTH) {
		wait_for(run->server_pid);
		compare(run->client, run->server);
	}
}
