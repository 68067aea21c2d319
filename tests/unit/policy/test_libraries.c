/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's libraries work in its sandbox: libcurl over TLS to a name that has to be
 * resolved, with and without a thread for it, libmicrohttpd by epoll, zlib, threads, stdio, a
 * token read anew. What they call differs between distributions: this test is the one to run there.
 *
 * The server is libmicrohttpd with TLS outside of the sandbox, its key made by openssl(1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <zlib.h>

#include "child.h"
#include "policy/sandbox.h"

#define ANSWER "one word from the API"

static char dir[] = "/tmp/test_libraries.XXXXXX";
static char key_path[64], cert_path[64], socket_path[64];
static struct MHD_Daemon *server;
static uint16_t port;

static enum MHD_Result answer(void *cls, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *size, void **con_cls)
{
	static char text[] = ANSWER;
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result queued = MHD_queue_response(connection, 200, response);

	MHD_destroy_response(response);
	return queued;
}

static char *read_file(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(buf, 1, size - 1, f) : 0;

	if (f)
		fclose(f);
	buf[n] = 0;
	return buf;
}

static int start_server(void)
{
	static char key[8192], cert[8192];

	server = MHD_start_daemon(MHD_USE_TLS | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL,
				  answer, NULL, MHD_OPTION_HTTPS_MEM_KEY,
				  read_file(key_path, key, sizeof(key)), MHD_OPTION_HTTPS_MEM_CERT,
				  read_file(cert_path, cert, sizeof(cert)), MHD_OPTION_END);
	if (!server)
		return -1;
	port = MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port;
	return 0;
}

static int set_up(void **state)
{
	char command[512];

	if (!mkdtemp(dir) || chmod(dir, 0755))
		return -1;
	snprintf(key_path, sizeof(key_path), "%s/key.pem", dir);
	snprintf(cert_path, sizeof(cert_path), "%s/ca.crt", dir);
	snprintf(socket_path, sizeof(socket_path), "%s/sock", dir);
	snprintf(command, sizeof(command),
		 "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
		 "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout %s -out %s "
		 "2>/dev/null",
		 key_path, cert_path);
	if (system(command) != 0)
		return -1;
	return start_server();
}

static int tear_down(void **state)
{
	MHD_stop_daemon(server);
	unlink(key_path);
	unlink(cert_path);
	unlink(socket_path);
	rmdir(dir);
	return 0;
}

/* As main() does it: libraries first, then the sandbox. */
static int enter(void)
{
	struct policy_collector_needs needs = {
		.read = {dir}, .connect = {port}, .connect_count = 1, .bind_count = 1};
	struct policy_report report = {0};
	int err;

	curl_global_init(CURL_GLOBAL_ALL);
	err = policy_enter_collector(&needs, false, &report);
	if (err)
		fprintf(stderr, "%s\n", report.error);
	return err;
}

struct body {
	char text[256];
	size_t n;
};

static size_t collect(char *data, size_t size, size_t count, void *arg)
{
	struct body *body = arg;

	if (body->n + count < sizeof(body->text)) {
		memcpy(body->text + body->n, data, count);
		body->n += count;
	}
	return size * count;
}

static int fetch(const char *host, long protocols, struct body *body)
{
	char url[128];
	CURL *curl = curl_easy_init();
	CURLM *multi = curl_multi_init();
	int running = 1, left;
	CURLMsg *message;

	snprintf(url, sizeof(url), "https://%s:%u/api", host, port);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CAINFO, cert_path);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_IPRESOLVE, protocols);
	curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_multi_add_handle(multi, curl);
	while (running) {
		if (curl_multi_perform(multi, &running) || !running)
			break;
		curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	message = curl_multi_info_read(multi, &left);
	if (message && message->data.result)
		fprintf(stderr, "%s: %s\n", url, curl_easy_strerror(message->data.result));
	left = message ? (int)message->data.result : -1;
	curl_multi_remove_handle(multi, curl);
	curl_multi_cleanup(multi);
	curl_easy_cleanup(curl);
	return left;
}

static int fetch_by_name(void *arg)
{
	struct body body = {{0}, 0};

	expect(enter() == 0);
	for (int i = 0; i < 3; i++) {
		body.n = 0;
		expect(fetch("localhost", CURL_IPRESOLVE_V4, &body) == CURLE_OK);
		expect(body.n == strlen(ANSWER) && memcmp(body.text, ANSWER, body.n) == 0);
	}
	expect(fetch("localhost", CURL_IPRESOLVE_WHATEVER, &body) == CURLE_OK);
	return 0;
}

static void libcurl_fetches_over_tls_from_a_name(void **state)
{
	assert_int_equal(in_child(fetch_by_name, NULL), 0);
}

static int resolve(void *arg)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	int err;

	expect(enter() == 0);
	expect(getaddrinfo("localhost", "80", &hints, &found) == 0);
	freeaddrinfo(found);
	/* Through every source of nsswitch.conf; it need not be answered, only not kill. */
	err = getaddrinfo("keyhole.invalid.", "80", &hints, &found);
	expect(err != 0);
	return 0;
}

static void names_are_resolved_and_unknown_ones_fail_in_order(void **state)
{
	assert_int_equal(in_child(resolve, NULL), 0);
}

/* Who scrapes is outside of the sandbox. Returns 0 if it got the answer. */
static int scrape(int port_pipe)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	char text[512] = "";
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	expect(read(port_pipe, &addr.sin_port, sizeof(addr.sin_port)) == sizeof(addr.sin_port));
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	expect(connect(client, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	expect(write(client, "GET / HTTP/1.0\r\n\r\n", 18) == 18);
	for (size_t n = 0; n < sizeof(text) - 1;) {
		ssize_t got = recv(client, text + n, sizeof(text) - 1 - n, 0);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	expect(strstr(text, ANSWER));
	return 0;
}

/* The collector's own way: external polling by epoll. */
static int serve_one(void *arg)
{
	int to[2], from[2];
	struct MHD_Daemon *daemon;
	struct pollfd ready = {.events = POLLIN};
	char good = 0;
	uint16_t bound;

	expect(pipe(to) == 0 && pipe2(from, O_NONBLOCK) == 0);
	if (fork() == 0) {
		good = scrape(to[0]) == 0;
		_exit(write(from[1], &good, 1) != 1);
	}
	daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ITC, 0, NULL, NULL, answer, NULL,
				  MHD_OPTION_CONNECTION_TIMEOUT, 5U, MHD_OPTION_END);
	expect(daemon); /* it listens from before the sandbox, which refuses listen(2) */
	expect(enter() == 0);
	ready.fd = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	bound = htons(MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	expect(write(to[1], &bound, sizeof(bound)) == sizeof(bound));
	while (read(from[0], &good, 1) != 1) {
		poll(&ready, 1, 50); /* the descriptor itself: waiting on it would take the event */
		expect(MHD_run(daemon) == MHD_YES);
	}
	MHD_stop_daemon(daemon);
	return !good;
}

static void libmicrohttpd_serves_by_epoll(void **state)
{
	assert_int_equal(in_child(serve_one, NULL), 0);
}

static int compress_text(void *arg)
{
	unsigned char out[8192], in[4096] = "keyhole";
	uLongf size = sizeof(out);

	expect(enter() == 0);
	expect(compress(out, &size, in, sizeof(in)) == Z_OK);
	return 0;
}

static void zlib_compresses(void **state)
{
	assert_int_equal(in_child(compress_text, NULL), 0);
}

static void *work(void *arg)
{
	void *block = malloc(1 << 20); /* an arena of the thread's own */

	prctl(PR_SET_NAME, "intake");
	free(block);
	pthread_exit(arg); /* maps the unwinder, if nobody did before */
}

static int threads(void *arg)
{
	pthread_t thread[4];
	void *ret;

	expect(enter() == 0);
	for (int i = 0; i < 4; i++)
		expect(pthread_create(&thread[i], NULL, work, arg) == 0);
	for (int i = 0; i < 4; i++)
		expect(pthread_join(thread[i], &ret) == 0);
	return 0;
}

static void threads_start_and_end(void **state)
{
	assert_int_equal(in_child(threads, NULL), 0);
}

static int files_and_numbers(void *arg)
{
	char buf[8192];
	struct rusage usage;
	struct rlimit limit;
	int statm;

	expect(enter() == 0);
	expect(strstr(read_file(cert_path, buf, sizeof(buf)), "BEGIN CERTIFICATE"));
	statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	expect(statm >= 0 && read(statm, buf, sizeof(buf)) > 0);
	expect(getrusage(RUSAGE_SELF, &usage) == 0);
	expect(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	expect(time(NULL) > 0 && isatty(2) >= 0);
	expect(system("true") != 0);
	return 0;
}

static void its_token_and_its_own_use_of_memory_can_be_read(void **state)
{
	assert_int_equal(in_child(files_and_numbers, NULL), 0);
}

/* The hand-over after a restart of the loader: connect, receive a descriptor, map it. */
static int receive_and_map(void *arg)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {&byte, 1};
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
	int sock, fd;
	char *page;

	msg.msg_controllen = sizeof(control);
	expect(enter() == 0);
	strcpy(addr.sun_path, socket_path);
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	expect(sock >= 0);
	expect(connect(sock, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	expect(recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) == 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	expect(page != MAP_FAILED && page[0] == 'k');
	expect(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0) == MAP_FAILED);
	return 0;
}

static void *hand_over(void *arg)
{
	int listener = *(int *)arg, peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	int fd = memfd_create("ring", MFD_CLOEXEC);
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {"x", 1};
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
	struct cmsghdr *header;

	msg.msg_controllen = sizeof(control);
	header = CMSG_FIRSTHDR(&msg);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (ftruncate(fd, 4096) == 0 && pwrite(fd, "k", 1, 0) == 1)
		sendmsg(peer, &msg, MSG_NOSIGNAL);
	close(fd);
	close(peer);
	return NULL;
}

static void descriptors_are_received_and_mapped_but_not_as_code(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	pthread_t loader;

	strcpy(addr.sun_path, socket_path);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(chmod(socket_path, 0666) || listen(listener, 1), 0);
	pthread_create(&loader, NULL, hand_over, &listener);
	assert_int_equal(in_child(receive_and_map, NULL), 0);
	pthread_join(loader, NULL);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libcurl_fetches_over_tls_from_a_name),
		cmocka_unit_test(names_are_resolved_and_unknown_ones_fail_in_order),
		cmocka_unit_test(libmicrohttpd_serves_by_epoll),
		cmocka_unit_test(zlib_compresses),
		cmocka_unit_test(threads_start_and_end),
		cmocka_unit_test(its_token_and_its_own_use_of_memory_can_be_read),
		cmocka_unit_test(descriptors_are_received_and_mapped_but_not_as_code),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
