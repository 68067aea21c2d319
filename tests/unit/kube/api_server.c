/* SPDX-License-Identifier: Apache-2.0 */
#include "api_server.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char answer[1 << 20];

static void run(int port, const char *const args[], int ready_fd)
{
	const char *argv[32] = {"/usr/bin/python3", "-B", FAKE_APISERVER, "--port"};
	char port_text[16];
	int n = 4;

	snprintf(port_text, sizeof(port_text), "%d", port);
	argv[n++] = port_text;
	for (; *args && n < 31; args++)
		argv[n++] = *args;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(ready_fd, STDERR_FILENO);
	execv(argv[0], (char **)argv);
	_exit(127);
}

/* The line it prints once it listens: "serving N pods on ADDRESS:PORT". */
static int read_port(int fd)
{
	char line[256] = "", *colon;
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(line) - 1 && !strchr(line, '\n')) {
		got = read(fd, line + n, sizeof(line) - 1 - n);
		if (got <= 0)
			break;
		n += got;
		line[n] = 0;
	}
	colon = strrchr(line, ':');
	if (strncmp(line, "serving", 7) != 0 || !colon)
		fail_msg("the fake API server says: %s", line);
	return atoi(colon + 1);
}

struct api_server api_server_start(int port, const char *const args[])
{
	struct api_server server = {0};
	int ready[2];

	assert_int_equal(pipe(ready), 0);
	server.pid = fork();
	assert_true(server.pid >= 0);
	if (server.pid == 0)
		run(port, args, ready[1]);
	close(ready[1]);
	server.port = read_port(ready[0]);
	close(ready[0]);
	return server;
}

void api_server_stop(struct api_server *server)
{
	if (server->pid <= 0)
		return;
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

static void request(const struct api_server *server, const char *method, const char *path,
		    const char *body)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(server->port)};
	char head[512];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t n = 0;
	ssize_t got;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	snprintf(head, sizeof(head),
		 "%s %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
		 method, path, strlen(body));
	assert_int_equal(write(fd, head, strlen(head)), strlen(head));
	assert_int_equal(write(fd, body, strlen(body)), strlen(body));
	while (n < sizeof(answer) - 1 && (got = read(fd, answer + n, sizeof(answer) - 1 - n)) > 0)
		n += got;
	answer[n] = 0;
	close(fd);
	if (strncmp(answer, "HTTP/1.1 200", 12) != 0)
		fail_msg("%s %s: %s", method, path, answer);
}

void api_server_control(const struct api_server *server, const char *method, const char *path,
			const char *body)
{
	request(server, method, path, body);
}

const char *api_server_state(const struct api_server *server)
{
	request(server, "GET", "/control/state", "");
	return strstr(answer, "\r\n\r\n") + 4;
}
