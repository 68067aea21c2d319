/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd without threads of its own: its epoll descriptor is watched by the front loop,
 * its next deadline is a timer of it. Nothing but this file knows the library. Debian 12 has
 * 0.9.75, with bugs fixed since only upstream: no upload, no authentication, no TLS is used, and
 * the process around it can do nothing.
 */
#include "http.h"

#include "../cleanup.h"
#include "../log.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define LOG_MODULE "export"

/* `order`: of when it was opened or its last request ended. */
struct open_connection {
	struct MHD_Connection *connection;
	int fd;
	uint64_t order;
	bool ending;
};

struct http_server {
	struct loop *loop;
	struct MHD_Daemon *daemon;
	int epoll_fd; /* the daemon's */
	http_handler handler;
	void *arg;
	struct open_connection open[HTTP_CONNECTIONS_MAX];
	size_t open_count;
	uint64_t order;
	bool closed; /* a connection was, in this turn */
};

/* What a response holds until it is sent. */
struct sending {
	char *body;
	size_t n;
	void (*done)(void *arg, size_t n);
	void *done_arg;
};

static void sent(void *cls)
{
	struct sending *sending = cls;

	if (sending->done)
		sending->done(sending->done_arg, sending->n);
	free(sending->body);
	free(sending);
}

static void run(void *arg);

static void arm_timer(struct http_server *server)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(server->daemon, &ms) == MHD_YES)
		loop_after(server->loop, ms, run, server);
	else
		loop_cancel(server->loop, run, server);
}

static void run(void *arg)
{
	struct http_server *server = arg;

	MHD_run(server->daemon);
	/* Each time anew, since the library may miss an end that comes together with bytes. */
	for (size_t i = 0; i < server->open_count; i++)
		if (server->open[i].ending)
			shutdown(server->open[i].fd, SHUT_RDWR);
	/* At its limit the library listens no more, and looks only at its next turn if it may. */
	if (server->closed)
		loop_after(server->loop, 0, run, server);
	else
		arm_timer(server);
	server->closed = false;
}

static void on_events(void *arg, int fd, uint32_t events)
{
	run(arg);
}

static void put_header(struct MHD_Response *response, const char *name, const char *value)
{
	if (value)
		MHD_add_response_header(response, name, value);
}

static struct MHD_Response *make_response(const struct http_response *answer)
{
	struct sending *sending = malloc(sizeof(*sending));
	struct MHD_Response *response;

	if (!sending)
		return NULL;
	*sending = (struct sending){answer->body, answer->n, answer->done, answer->done_arg};
	response = MHD_create_response_from_buffer_with_free_callback_cls(
		answer->n, answer->body ? answer->body : "", sent, sending);
	if (!response) {
		free(sending);
		return NULL;
	}
	put_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
	put_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
	put_header(response, MHD_HTTP_HEADER_RETRY_AFTER, answer->retry_after);
	put_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, answer->gzip ? "gzip" : NULL);
	put_header(response, MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding");
	return response;
}

static enum MHD_Result answer(struct MHD_Connection *connection, const struct http_response *answer)
{
	struct MHD_Response *response = make_response(answer);
	enum MHD_Result result;

	if (!response) {
		if (answer->done)
			answer->done(answer->done_arg, answer->n);
		free(answer->body);
		return MHD_NO; /* closes the connection */
	}
	result = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return result;
}

static bool announces_body(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);

	return (length && strcmp(length, "0") != 0) ||
	       MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
					   MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload_data,
				  size_t *upload_data_size, void **con_cls)
{
	struct http_server *server = cls;
	struct http_response response = {0};
	struct http_request request = {.method = method, .path = url};

	/* An answer on the first call ends the connection, so it is kept for refusals. */
	if (!*con_cls) {
		*con_cls = server;
		if (!announces_body(connection))
			return MHD_YES;
		response.status = 413;
		return answer(connection, &response);
	}
	if (*upload_data_size > 0)
		return MHD_NO;
	request.accept =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	request.accept_encoding = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							      MHD_HTTP_HEADER_ACCEPT_ENCODING);
	server->handler(server->arg, &request, &response);
	return answer(connection, &response);
}

static void on_log(void *cls, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void on_log(void *cls, const char *format, va_list args)
{
	char text[256], shown[300];
	int n = vsnprintf(text, sizeof(text), format, args);

	if (n <= 0 || log_get_level() < LOG_LEVEL_DEBUG)
		return;
	text[strcspn(text, "\n")] = '\0';
	log_debug("http server: %s", log_text(slice_of(text), shown, sizeof(shown)));
}

/*
 * Whoever holds connections and sends a byte now and then must not keep others out: of too many,
 * the one whose last request ended first goes. Ones that ask and read are never that old.
 */
static void make_room(struct http_server *server)
{
	struct open_connection *oldest = NULL;
	size_t staying = 0;

	for (size_t i = 0; i < server->open_count; i++) {
		struct open_connection *open = &server->open[i];

		if (open->ending)
			continue;
		staying++;
		if (!oldest || open->order < oldest->order)
			oldest = open;
	}
	if (staying > HTTP_CONNECTIONS_MAX - HTTP_CONNECTIONS_FREE)
		oldest->ending = true;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = cls;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	size_t i = 0;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		server->closed = true;
		while (i < server->open_count && server->open[i].connection != connection)
			i++;
		if (i < server->open_count)
			server->open[i] = server->open[--server->open_count];
	} else if (info && server->open_count < HTTP_CONNECTIONS_MAX) {
		server->open[server->open_count++] = (struct open_connection){
			connection, info->connect_fd, ++server->order, false};
		make_room(server);
	}
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
			 enum MHD_RequestTerminationCode code)
{
	struct http_server *server = cls;

	for (size_t i = 0; i < server->open_count; i++)
		if (server->open[i].connection == connection)
			server->open[i].order = ++server->order;
}

static struct MHD_Daemon *start_daemon(struct http_server *server, int listener)
{
	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, server,
		/* First, so that it gets all that the others say. */
		MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, listener,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)HTTP_CONNECTIONS_MAX,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned int)HTTP_CONNECTIONS_PER_IP_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)HTTP_TIMEOUT_SECONDS,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, server, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_REQUEST_MAX,
		MHD_OPTION_END);
}

int http_start(struct http_server **out, struct loop *loop, int listener, http_handler handler,
	       void *arg)
{
	_cleanup_close_ int fd = listener;
	_cleanup_free_ struct http_server *server = calloc(1, sizeof(*server));
	const union MHD_DaemonInfo *info;
	int err;

	if (!server)
		return -ENOMEM;
	*server = (struct http_server){.loop = loop, .handler = handler, .arg = arg};
	server->daemon = start_daemon(server, fd);
	if (!server->daemon)
		return -ENOMEM;
	take_fd(&fd); /* closed by the daemon */
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	server->epoll_fd = info ? info->listen_fd : -1;
	err = loop_watch(loop, server->epoll_fd, EPOLLIN, on_events, server);
	if (err) {
		MHD_stop_daemon(server->daemon);
		return err;
	}
	*out = take_ptr(server);
	return 0;
}

void http_stop(struct http_server *server)
{
	if (!server)
		return;
	loop_forget(server->loop, server->epoll_fd);
	loop_cancel(server->loop, run, server);
	MHD_stop_daemon(server->daemon);
	free(server);
}
