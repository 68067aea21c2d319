/* SPDX-License-Identifier: Apache-2.0 */
#include "export.h"

#include "../cleanup.h"
#include "../log.h"
#include "http.h"
#include "listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "export"

struct export
{
	struct export_options options;
	struct http_server *server;
	struct export_stats stats;
	uint16_t port;
};

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* ---- endpoints ---- */

static void set_text(struct http_response *response, unsigned int status, const char *line)
{
	size_t n = strlen(line);

	response->status = status;
	response->content_type = "text/plain; charset=utf-8";
	response->body = malloc(n + 1);
	if (!response->body)
		return;
	memcpy(response->body, line, n);
	response->body[n] = '\n';
	response->n = n + 1;
}

static void refuse_scrape(struct http_response *response, const char *why)
{
	set_text(response, 503, why);
	response->retry_after = "1";
}

static void scrape_done(void *arg, size_t n)
{
	struct export *export = arg;

	atomic_fetch_sub_explicit(&export->stats.answers_bytes, n, memory_order_relaxed);
	atomic_fetch_sub_explicit(&export->stats.scrapes_active, 1, memory_order_relaxed);
}

/* For one more answer. */
static size_t room_of(const struct export *export)
{
	uint64_t held = atomic_load_explicit(&export->stats.answers_bytes, memory_order_relaxed);
	uint64_t max = export->options.answers_max;

	if (!max)
		return EXPORT_BODY_MAX;
	max = max > held ? max - held : 0;
	return max < EXPORT_BODY_MAX ? (size_t)max : EXPORT_BODY_MAX;
}

static void render(struct export *export, const struct http_request *request,
		   struct http_response *response)
{
	enum prometheus_format format = negotiate_format(request->accept);
	bool gzip = negotiate_gzip(request->accept_encoding);
	struct body body;
	int err = body_init(&body, room_of(export), gzip);

	if (!err) {
		prometheus_render(&export->options.source, format, &body);
		err = body_finish(&body);
	}
	if (err) {
		body_free(&body);
		if (err == -EFBIG)
			count(&export->stats.bodies_too_long);
		refuse_scrape(response, err != -EFBIG ? "out of memory"
					: gzip ? "too many series for one answer: lower the series "
						 "limit, or raise the "
						 "memory limit if there is one"
					       : "too many series for a plain answer: accept gzip");
		return;
	}
	*response = (struct http_response){
		.status = 200,
		.content_type = prometheus_content_type(format),
		.gzip = gzip,
		.body = body.p,
		.n = body.n,
		.done = scrape_done,
		.done_arg = export,
	};
	count(&export->stats.scrapes_active);
	atomic_fetch_add_explicit(&export->stats.answers_bytes, body.n, memory_order_relaxed);
}

static void get_metrics(struct export *export, const struct http_request *request,
			struct http_response *response)
{
	uint64_t active = atomic_load_explicit(&export->stats.scrapes_active, memory_order_relaxed);

	if (active >= EXPORT_SCRAPES_MAX) {
		count(&export->stats.scrapes_refused);
		refuse_scrape(response, "too many scrapes at once");
		return;
	}
	render(export, request, response);
}

static void get_healthz(struct export *export, const struct http_request *request,
			struct http_response *response)
{
	set_text(response, 200, "ok");
}

static void get_readyz(struct export *export, const struct http_request *request,
		       struct http_response *response)
{
	const struct export_options *o = &export->options;
	const char *why = o->not_ready ? o->not_ready(o->arg) : NULL;

	set_text(response, why ? 503 : 200, why ? why : "ok");
}

typedef void (*endpoint)(struct export *export, const struct http_request *request,
			 struct http_response *response);

static endpoint find_endpoint(const struct export *export, const char *path)
{
	if (!export->options.health_only && strcmp(path, export->options.path) == 0)
		return get_metrics;
	if (strcmp(path, "/healthz") == 0)
		return get_healthz;
	return strcmp(path, "/readyz") == 0 ? get_readyz : NULL;
}

static void count_status(struct export_stats *stats, unsigned int status)
{
	count(status == 200   ? &stats->ok
	      : status == 404 ? &stats->not_found
	      : status == 405 ? &stats->not_allowed
			      : &stats->unavailable);
}

static void handle(void *arg, const struct http_request *request, struct http_response *response)
{
	struct export *export = arg;
	endpoint get = find_endpoint(export, request->path);

	if (!get) {
		set_text(response, 404, "not found");
	} else if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
		set_text(response, 405, "only GET and HEAD");
		response->allow = "GET, HEAD";
	} else {
		get(export, request, response);
	}
	count_status(&export->stats, response->status);
}

/* ---- life ---- */

static int check_path(const char *path)
{
	if (path[0] == '/' && strcmp(path, "/healthz") != 0 && strcmp(path, "/readyz") != 0)
		return 0;
	log_error("cannot serve metrics on the path %s: give one that begins with / and is not "
		  "/healthz or /readyz",
		  path);
	return -EINVAL;
}

int export_start(struct export **out, struct loop *loop, const struct export_options *options)
{
	_cleanup_free_ struct export *export = calloc(1, sizeof(*export));
	int err, fd;

	if (!export)
		return -ENOMEM;
	export->options = *options;
	if (!export->options.path)
		export->options.path = EXPORT_PATH_DEFAULT;
	err = check_path(export->options.path);
	if (err)
		return err;
	fd = listener_open(options->listen, options->port);
	if (fd < 0)
		return fd;
	export->port = listener_port(fd);
	err = http_start(&export->server, loop, fd, handle, export);
	if (err) {
		log_error("cannot start the HTTP server on port %u: %s", export->port,
			  strerror(-err));
		return err;
	}
	*out = take_ptr(export);
	return 0;
}

void export_stop(struct export *export)
{
	if (!export)
		return;
	http_stop(export->server);
	free(export);
}

uint16_t export_port(const struct export *export)
{
	return export->port;
}

const struct export_stats *export_stats(const struct export *export)
{
	return &export->stats;
}

void export_bind(const struct export *export, struct selfmetrics *self)
{
	const struct export_stats *stats = &export->stats;

	selfmetrics_add(self, SELF_SCRAPES, "200", &stats->ok);
	selfmetrics_add(self, SELF_SCRAPES, "404", &stats->not_found);
	selfmetrics_add(self, SELF_SCRAPES, "405", &stats->not_allowed);
	selfmetrics_add(self, SELF_SCRAPES, "503", &stats->unavailable);
	selfmetrics_add(self, SELF_SCRAPES_ACTIVE, "", &stats->scrapes_active);
	selfmetrics_add(self, SELF_LIMIT_REACHED, "scrapes", &stats->scrapes_refused);
	selfmetrics_add(self, SELF_LIMIT_REACHED, "scrape_bytes", &stats->bodies_too_long);
}
