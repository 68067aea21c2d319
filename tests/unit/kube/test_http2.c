/* SPDX-License-Identifier: Apache-2.0 */
/* Over HTTP/2, by a proxy in front of the stand-in (tests/system/http2.js, in Node). */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "followed.h"

static struct api_server secure;
static pid_t front;
static int front_says;

static void run_front(int out)
{
	char backend[16], tls[256];

	snprintf(backend, sizeof(backend), "%d", secure.port);
	snprintf(tls, sizeof(tls), "%s/tls", dir);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(out, STDOUT_FILENO);
	execlp("node", "node", HTTP2_FRONT, "0", backend, tls, NULL);
	_exit(127);
}

static bool begins(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0;
}

/* The next line that the proxy prints. */
static const char *read_line(void)
{
	static char line[512];
	size_t n = 0;

	while (n < sizeof(line) - 1) {
		if (read(front_says, line + n, 1) != 1)
			fail_msg("the proxy has ended");
		if (line[n] == '\n')
			break;
		n++;
	}
	line[n] = 0;
	return line;
}

static unsigned lines_until(const char *word, const char *last)
{
	unsigned n = 0;

	for (const char *line = read_line(); !begins(line, last); line = read_line())
		n += begins(line, word);
	return n;
}

static int make_front(void **state)
{
	char tls[256], ca[300], url[64];
	const char *line;
	const char *args[] = {"--tls", tls,     "--bookmark-seconds",
			      "0.2",   "--pod", "namespace=s,name=p,uid=uid-h2,node=node-1",
			      NULL};
	int said[2];

	snprintf(tls, sizeof(tls), "%s/tls", dir);
	snprintf(ca, sizeof(ca), "%s/ca.crt", tls);
	secure = api_server_start(0, args);
	assert_int_equal(pipe(said), 0);
	front = fork();
	assert_true(front >= 0);
	if (front == 0)
		run_front(said[1]);
	close(said[1]);
	front_says = said[0];
	if (make_client(state))
		return -1;
	line = read_line();
	assert_true(begins(line, "port "));
	snprintf(url, sizeof(url), "https://127.0.0.1:%d", atoi(line + 5));
	return kube_options_set_server(&options, url) || kube_secret_set_path(&options.ca, ca);
}

static int free_front(void **state)
{
	int ret = free_client(state);

	kill(front, SIGKILL);
	waitpid(front, NULL, 0);
	close(front_says);
	api_server_stop(&secure);
	return ret;
}

static void list_and_watch_go_over_one_connection(void **state)
{
	options.no_stream = true;
	start_client();
	UNTIL(kube_client_synced(client) && knows("uid-h2"));
	UNTIL(stats().watches > 1 && events(KUBE_EVENT_BOOKMARK) > 1);
	for (int i = 0; i < KUBE_FAULT_COUNT; i++)
		assert_int_equal(faults(i), 0);
	kill(front, SIGUSR1);
	assert_int_equal(lines_until("connection", "silent"), 1);
}

/* A request that is given up leaves its connection open: it must not get the next one, too. */
static void a_connection_that_fell_silent_is_left(void **state)
{
	uint64_t bookmarks;

	start_client();
	UNTIL(kube_client_synced(client) && events(KUBE_EVENT_BOOKMARK) > 0);
	kill(front, SIGUSR1);
	lines_until("", "silent");
	bookmarks = events(KUBE_EVENT_BOOKMARK);
	UNTIL(faults(KUBE_FAULT_TIMEOUT) > 0);
	UNTIL(events(KUBE_EVENT_BOOKMARK) > bookmarks && stats().connected);
	assert_int_equal(faults(KUBE_FAULT_TIMEOUT), 1);
	lines_until("", "connection");
}

#define FRONT_TEST(f) cmocka_unit_test_setup_teardown(f, make_front, free_front)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRONT_TEST(list_and_watch_go_over_one_connection),
		FRONT_TEST(a_connection_that_fell_silent_is_left),
	};

	if (system("node --version > /dev/null 2>&1") != 0)
		return 77; /* to meson: skipped */
	return cmocka_run_group_tests_name("kube http2", tests, begin, end);
}
