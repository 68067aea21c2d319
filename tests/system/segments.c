/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segments SOCKET: a collector of nothing but streams. Each segment that BPF tells becomes a line
 * of JSON on standard output, and each exchange one with its cookie. Lines on standard input say
 * what BPF shall do:
 *   stream COOKIE CAPTURE ROLE   see link_stream()
 *   ignore KEY                   see link_verdict()
 *   rest MS                      nothing is read for so long, as is said before
 *   sync WORD                    all that waits is read, then the line {"sync":"WORD",…} follows,
 *                                with BPF's counters
 * Ends with standard input. `ready` on standard error: it is connected.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector/intake/link.h"

static struct link loader;

static void hex(const char *name, const uint8_t *p, size_t n)
{
	printf(",\"%s\":\"", name);
	while (n--)
		printf("%02x", *p++);
	putchar('"');
}

static void address(const char *name, uint8_t family, const uint8_t *ip, uint16_t port)
{
	char text[INET6_ADDRSTRLEN] = "?";

	inet_ntop(family, ip, text, sizeof(text));
	printf(",\"%s\":[\"%s\",%u]", name, text, port);
}

static void print(const struct kh_segment *s)
{
	const uint8_t *bytes = (const uint8_t *)(s + 1);

	printf("{\"cookie\":%llu,\"sent\":%u,\"transport\":%u,\"seq\":%u,\"other\":%u,\"len\":%u,"
	       "\"reason\":%u,\"error\":%u,\"role\":%u,\"tgid\":%u,\"tid\":%u,\"cgroup\":%llu,"
	       "\"ns\":%llu,"
	       "\"isn\":[%u,%u]",
	       (unsigned long long)s->conn.cookie, s->sent, s->transport, s->seq, s->other, s->len,
	       s->reason, s->error, s->conn.role, s->tgid, s->tid, (unsigned long long)s->cgroup,
	       (unsigned long long)s->ns, s->conn.isn_local, s->conn.isn_remote);
	address("local", s->conn.family, s->conn.laddr, s->conn.lport);
	address("remote", s->conn.family, s->conn.raddr, s->conn.rport);
	hex("head", bytes, s->head_len);
	hex("tail", bytes + s->head_len, s->tail_len);
	puts("}");
}

static void drain(struct ring *ring)
{
	const uint64_t head = ring_head(ring);
	struct record record;
	const void *p;
	size_t size;

	while ((p = ring_next(ring, head, &size))) {
		if (record_read(p, size, &record))
			printf("{\"invalid\":%zu}\n", size);
		else if (record.type == KH_SEGMENT)
			print(record.segment);
		else if (record.type == KH_EXCHANGE)
			printf("{\"exchange\":%llu}\n",
			       (unsigned long long)record.exchange->conn.cookie);
	}
	ring_release(ring);
	fflush(stdout);
}

static void counters(void)
{
#define X(name, help)                                                                              \
	printf(",\"" #name "\":%llu", (unsigned long long)link_counter(&loader, KH_C_##name));
	KH_COUNTERS(X)
#undef X
}

static int command(const char *line)
{
	unsigned long long number;
	unsigned int capture, role;
	char word[32];

	if (sscanf(line, "stream %llu %u %u", &number, &capture, &role) == 3) {
		link_stream(&loader, number, capture, (enum kh_role)role);
	} else if (sscanf(line, "ignore %llu", &number) == 1) {
		return link_verdict(&loader, number, KH_IGNORE);
	} else if (sscanf(line, "rest %u", &capture) == 1) {
		printf("{\"rest\":%u}\n", capture);
		fflush(stdout);
		usleep(capture * 1000);
	} else if (sscanf(line, "sync %31s", word) == 1) {
		drain(&loader.data);
		printf("{\"sync\":\"%s\"", word);
		counters();
		puts("}");
		fflush(stdout);
	} else {
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct link_wishes wishes = {0};
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char why[256], line[256];

	if (argc != 2 || link_open(&loader, argv[1], &wishes, -1, why, sizeof(why))) {
		fprintf(stderr, "segments: %s\n", argc == 2 ? why : "usage: segments SOCKET");
		return 1;
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	while (loader.walking)
		link_walk(&loader);
	fprintf(stderr, "ready\n");
	for (;;) {
		drain(&loader.life);
		drain(&loader.data);
		if (poll(&in, 1, 10) <= 0)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			break;
		if (command(line)) {
			fprintf(stderr, "segments: not understood: %s", line);
			return 1;
		}
	}
	link_close(&loader);
	return 0;
}
