/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_MODULE "otlp"
#include "otlp_options.h"

#include "../cleanup.h"
#include "../log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define VARIABLE "OTEL_EXPORTER_OTLP_"
#define HEADER_MAX 8192 /* bytes of one header, decoded */

static const char *const signal_word[OTLP_SIGNALS] = {"TRACES", "METRICS"};
static const char *const signal_path[OTLP_SIGNALS] = {"/v1/traces", "/v1/metrics"};

static const char *variable(char *const *environment, const char *name)
{
	size_t n = strlen(name);

	for (; environment && *environment; environment++) {
		if (strncmp(*environment, name, n) == 0 && (*environment)[n] == '=')
			return (*environment)[n + 1] ? *environment + n + 1 : NULL;
	}
	return NULL;
}

/* Of the signal, else of all. */
static const char *of_signal(char *const *environment, enum otlp_signal signal, const char *what)
{
	char name[64];
	const char *value;

	snprintf(name, sizeof(name), VARIABLE "%s_%s", signal_word[signal], what);
	value = variable(environment, name);
	if (value)
		return value;
	snprintf(name, sizeof(name), VARIABLE "%s", what);
	return variable(environment, name);
}

const char *otlp_check_protocol(const char *text)
{
	if (!*text || strcmp(text, "http/protobuf") == 0 || strcmp(text, "http/json") == 0 ||
	    strcmp(text, "grpc") == 0)
		return NULL;
	return "it must be http/protobuf or http/json";
}

/* ---- each returns 0 or -errno, said ---- */

static int set_protocol(struct otlp_signal_options *o, const char *protocol)
{
	const char *wrong = otlp_check_protocol(protocol);

	o->json = strcmp(protocol, "http/json") == 0;
	if (wrong)
		log_error("the protocol of OTLP: %s", wrong);
	return wrong ? -EINVAL : 0;
}

static int set_compression(struct otlp_signal_options *o, const char *value)
{
	o->gzip = !value || strcmp(value, "gzip") == 0;
	if (o->gzip || strcmp(value, "none") == 0)
		return 0;
	log_error(VARIABLE "COMPRESSION must be gzip or none");
	return -EINVAL;
}

static int set_timeout(struct otlp_signal_options *o, const char *value)
{
	char *end;

	o->timeout_ms = OTLP_TIMEOUT_DEFAULT_MS;
	if (!value)
		return 0;
	errno = 0;
	o->timeout_ms = strtoull(value, &end, 10);
	if (!errno && !*end && *value >= '0' && *value <= '9' && o->timeout_ms >= 1 &&
	    o->timeout_ms <= 3600000)
		return 0;
	log_error(VARIABLE "TIMEOUT must be a whole number of milliseconds from 1 to 3600000");
	return -EINVAL;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes in place; false: a control character would be in it. */
static bool decode(char *text)
{
	char *out = text;

	for (char *p = text; *p; p++) {
		if (*p == '%' && hex(p[1]) >= 0 && hex(p[2]) >= 0) {
			*out = (char)(hex(p[1]) << 4 | hex(p[2]));
			p += 2;
		} else {
			*out = *p;
		}
		if ((unsigned char)*out < 0x20 || *out == 0x7f)
			return false;
		out++;
	}
	*out = '\0';
	return true;
}

static char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t");
	end = text + strlen(text);
	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return text;
}

static int add_header(struct otlp_signal_options *o, const char *name, const char *value)
{
	_cleanup_free_ char *line = NULL;
	struct curl_slist *headers;

	if (asprintf(&line, "%s: %s", name, value) < 0)
		return -ENOMEM;
	headers = curl_slist_append(o->headers, line);
	explicit_bzero(line, strlen(line));
	if (!headers)
		return -ENOMEM;
	o->headers = headers;
	return 0;
}

/* "key=value,key=value", as W3C baggage. Values are not shown: they are secrets. */
static int set_headers(struct otlp_signal_options *o, const char *list)
{
	_cleanup_free_ char *copy = strdup(list ? list : "");
	char *save, *item = copy ? strtok_r(copy, ",", &save) : NULL;
	int r = copy ? 0 : -ENOMEM;

	for (; item && !r; item = strtok_r(NULL, ",", &save)) {
		char *value = strchr(item, '='), *name;

		if (!*trim(item))
			continue;
		if (value)
			*value++ = '\0';
		name = trim(item);
		if (!value || !*name || strpbrk(name, " \t:%") || !decode(value)) {
			log_error(VARIABLE "HEADERS must be key=value,key=value, percent-encoded");
			return -EINVAL;
		}
		r = add_header(o, name, trim(value));
	}
	return r;
}

static int set_port(struct otlp_signal_options *o)
{
	CURLU *url = curl_url();
	char *port = NULL, *scheme = NULL;
	bool good;

	if (!url)
		return -ENOMEM;
	good = curl_url_set(url, CURLUPART_URL, o->url, 0) == CURLUE_OK &&
	       curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	       (strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0) &&
	       curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
	if (good)
		o->port = (uint16_t)strtoul(port, NULL, 10);
	curl_free(port);
	curl_free(scheme);
	curl_url_cleanup(url);
	if (good)
		return 0;
	log_error("the endpoint of OTLP must be a URL such as http://otel-collector:4318");
	return -EINVAL;
}

/* One of the signal is used as it is; a common one gets the signal's path. */
static int set_url(struct otlp_signal_options *o, enum otlp_signal signal, const char *endpoint,
		   const char *common, const char *insecure)
{
	const char *base = endpoint ? endpoint : common;
	size_t n = strlen(base);
	const char *scheme = strstr(base, "://")                             ? ""
			     : insecure && strcasecmp(insecure, "true") == 0 ? "http://"
									     : "https://";

	while (!endpoint && n > 0 && base[n - 1] == '/')
		n--;
	if (asprintf(&o->url, "%s%.*s%s", scheme, (int)n, base,
		     endpoint ? "" : signal_path[signal]) < 0) {
		o->url = NULL;
		return -ENOMEM;
	}
	return set_port(o);
}

static const char *or_null(const char *text)
{
	return text && *text ? text : NULL;
}

static bool is_off(char *const *environment, enum otlp_signal signal)
{
	char name[64];
	const char *value;

	snprintf(name, sizeof(name), "OTEL_%s_EXPORTER", signal_word[signal]);
	value = variable(environment, name);
	return value && strcmp(value, "none") == 0;
}

static int read_signal(struct otlp_signal_options *o, enum otlp_signal signal,
		       const struct otlp_said *said, char *const *environment)
{
	const char *endpoint = or_null(said->endpoint[signal]);
	const char *common = or_null(said->common_endpoint);
	const char *protocol = or_null(said->protocol[signal]);
	int r;

	if ((!endpoint && !common) || is_off(environment, signal))
		return 0;
	if (!protocol)
		protocol = or_null(said->common_protocol);
	o->skip_verify = said->skip_verify[signal];
	o->ca = of_signal(environment, signal, "CERTIFICATE");
	o->cert = of_signal(environment, signal, "CLIENT_CERTIFICATE");
	o->key = of_signal(environment, signal, "CLIENT_KEY");
	if (strcmp(protocol ? protocol : "", "grpc") == 0) {
		log_warn("%s are not sent: Keyhole does not speak OTLP over gRPC; set the protocol "
			 "http/protobuf, which receivers take at port 4318",
			 signal == OTLP_TRACES ? "traces" : "metrics");
		return 0;
	}
	if ((r = set_protocol(o, protocol ? protocol : "")) ||
	    (r = set_compression(o, of_signal(environment, signal, "COMPRESSION"))) ||
	    (r = set_timeout(o, of_signal(environment, signal, "TIMEOUT"))) ||
	    (r = set_headers(o, of_signal(environment, signal, "HEADERS"))))
		return r;
	return set_url(o, signal, endpoint, common, of_signal(environment, signal, "INSECURE"));
}

int otlp_options_read(struct otlp_signal_options options[OTLP_SIGNALS],
		      const struct otlp_said *said, char *const *environment)
{
	int r = 0;

	memset(options, 0, OTLP_SIGNALS * sizeof(*options));
	for (int i = 0; i < OTLP_SIGNALS && !r; i++)
		r = read_signal(&options[i], (enum otlp_signal)i, said, environment);
	if (r == -ENOMEM)
		log_error("the options of OTLP: out of memory");
	return r;
}

void otlp_options_free(struct otlp_signal_options options[OTLP_SIGNALS])
{
	for (int i = 0; i < OTLP_SIGNALS; i++) {
		for (struct curl_slist *item = options[i].headers; item; item = item->next)
			explicit_bzero(item->data, strlen(item->data));
		curl_slist_free_all(options[i].headers);
		free(options[i].url);
		options[i] = (struct otlp_signal_options){0};
	}
}
