/* SPDX-License-Identifier: Apache-2.0 */
#include "http_payload.h"

#include <strings.h>

#define PATH_PARTS 4
#define ON(on, name) ((on) >> PROTOCOL_##name & 1)

static const struct slice nothing = {"", 0};

/* ---- targets ---- */

struct target {
	struct slice part[PATH_PARTS]; /* of the path */
	size_t parts;
	struct slice query;
};

static struct target split(struct slice text)
{
	const char *mark = memchr(text.p, '?', text.n), *end;
	struct target t = {.query = nothing};

	if (mark) {
		t.query = (struct slice){mark + 1, (size_t)(text.p + text.n - mark - 1)};
		text.n = (size_t)(mark - text.p);
	}
	for (const char *p = text.p; text.n && p < text.p + text.n; p = end + 1) {
		end = memchr(p, '/', (size_t)(text.p + text.n - p));
		if (!end)
			end = text.p + text.n;
		if (end > p && t.parts < PATH_PARTS)
			t.part[t.parts] = (struct slice){p, (size_t)(end - p)};
		t.parts += end > p;
	}
	return t;
}

static struct slice last_part(const struct target *t)
{
	return t->parts && t->parts <= PATH_PARTS ? t->part[t->parts - 1] : nothing;
}

/* Is there such a parameter? */
static bool has_parameter(struct slice query, const char *name)
{
	size_t n = strlen(name);

	while (query.n) {
		const char *end = memchr(query.p, '&', query.n);
		size_t size = end ? (size_t)(end - query.p) : query.n;

		if (size >= n && memcmp(query.p, name, n) == 0 && (size == n || query.p[n] == '='))
			return true;
		query.p += size + (end != NULL);
		query.n -= size + (end != NULL);
	}
	return false;
}

static struct slice bounded(struct slice s)
{
	return s.n <= HTTP_PAYLOAD_NAME ? s : nothing;
}

/* ---- JSON, as far as a look at the beginning goes ---- */

static struct slice skip_blanks(struct slice s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t' || *s.p == '\r' || *s.p == '\n'))
		s.p++, s.n--;
	return s;
}

/*
 * What follows `"name":` at the outermost level of an object; "" if it was not captured. Strings
 * and nested values are stepped over, so that no value passes for a name.
 */
static struct slice member(struct slice s, const char *name)
{
	size_t want = strlen(name), depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		if (c != '"')
			continue;
		in_string = true;
		if (depth == 1 && s.n - i > want + 2 && memcmp(s.p + i + 1, name, want) == 0 &&
		    s.p[i + 1 + want] == '"') {
			struct slice rest =
				skip_blanks((struct slice){s.p + i + want + 2, s.n - i - want - 2});

			if (rest.n && *rest.p == ':')
				return skip_blanks((struct slice){rest.p + 1, rest.n - 1});
		}
	}
	return nothing;
}

/* A string that is whole and has no escapes, without its quotes. */
static struct slice string(struct slice s)
{
	const char *end;

	if (s.n < 2 || *s.p != '"')
		return nothing;
	end = memchr(s.p + 1, '"', s.n - 1);
	s = (struct slice){s.p + 1, end ? (size_t)(end - s.p - 1) : 0};
	return memchr(s.p, '\\', s.n) ? nothing : s;
}

/* ---- Elasticsearch and OpenSearch ---- */

static const struct {
	const char *endpoint, *operation; /* the second by method, for NULL */
} endpoints[] = {
	{"_search", "search"},
	{"_msearch", "msearch"},
	{"_count", "count"},
	{"_bulk", "bulk"},
	{"_mget", "mget"},
	{"_create", "create"},
	{"_update", "update"},
	{"_update_by_query", "update_by_query"},
	{"_delete_by_query", "delete_by_query"},
	{"_doc", NULL},
};

static const char *of_document(enum http_method method)
{
	switch (method) {
	case HTTP_GET:
		return "get";
	case HTTP_HEAD:
		return "exists";
	case HTTP_DELETE:
		return "delete";
	case HTTP_PUT:
	case HTTP_POST:
		return "index";
	default:
		return NULL;
	}
}

/* [/index]/_endpoint[/id] */
static bool elasticsearch(const struct http1_request *r, const struct target *t,
			  struct http_payload *out)
{
	size_t at = t->parts && t->part[0].p[0] == '_' ? 0 : 1;

	if (at >= t->parts || t->parts > at + 2)
		return false;
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(*endpoints); i++) {
		const char *operation = endpoints[i].operation;

		if (!slice_is(t->part[at], endpoints[i].endpoint))
			continue;
		if (!operation)
			operation = of_document(r->method);
		if (!operation || (at == 0 && !endpoints[i].operation))
			return false;
		*out = (struct http_payload){PROTOCOL_ELASTICSEARCH, slice_of(operation),
					     at ? bounded(t->part[0]) : nothing};
		return true;
	}
	return false;
}

/* ---- JSON-RPC 2.0 ---- */

static bool jsonrpc(const struct http1_request *r, struct http_payload *out)
{
	struct slice method;

	if (r->method != HTTP_POST || !r->text.n || *skip_blanks(r->text).p != '{' ||
	    !slice_is(string(member(r->text, "jsonrpc")), "2.0"))
		return false;
	method = string(member(r->text, "method"));
	*out = (struct http_payload){PROTOCOL_JSONRPC, bounded(method), nothing};
	return method.n > 0;
}

/* ---- GraphQL ---- */

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static struct slice word(struct slice *s)
{
	struct slice w = *s;

	while (s->n && is_name_char(*s->p))
		s->p++, s->n--;
	w.n = (size_t)(s->p - w.p);
	return w;
}

/* The document's first operation: `query Name {`, or the short form `{`, which is a query. */
static bool graphql(const struct http1_request *r, const struct target *t, struct http_payload *out)
{
	struct slice query, name;

	if (r->method != HTTP_POST || !r->text.n || !slice_is(last_part(t), "graphql"))
		return false;
	query = member(r->text, "query");
	if (query.n < 2 || *query.p != '"')
		return false;
	query = (struct slice){query.p + 1, query.n - 1};
	while (query.n >= 2 && query.p[0] == '\\' && (query.p[1] == 'n' || query.p[1] == 't'))
		query.p += 2, query.n -= 2;
	query = skip_blanks(query);
	*out = (struct http_payload){PROTOCOL_GRAPHQL, slice_of("query"), nothing};
	if (query.n && *query.p == '{')
		return true;
	out->operation = word(&query);
	if (!slice_is(out->operation, "query") && !slice_is(out->operation, "mutation") &&
	    !slice_is(out->operation, "subscription"))
		return false;
	query = skip_blanks(query);
	name = word(&query);
	out->collection = query.n ? bounded(name) : nothing; /* else it may go on */
	return true;
}

/* ---- AWS ---- */

static bool ends_as(struct slice s, const char *end)
{
	size_t n = strlen(end);

	return s.n >= n && strncasecmp(s.p + s.n - n, end, n) == 0;
}

static struct slice without_port(struct slice host)
{
	const char *colon = memchr(host.p, ':', host.n);

	return colon ? (struct slice){host.p, (size_t)(colon - host.p)} : host;
}

/* Of a bucket, or of an object in it. */
static const char *s3_operation(enum http_method method, bool object, struct slice query)
{
	switch (method) {
	case HTTP_GET:
		if (object)
			return "GetObject";
		return has_parameter(query, "list-type") ? "ListObjectsV2" : "ListObjects";
	case HTTP_HEAD:
		return object ? "HeadObject" : "HeadBucket";
	case HTTP_PUT:
		if (!object)
			return "CreateBucket";
		return has_parameter(query, "uploadId") ? "UploadPart" : "PutObject";
	case HTTP_DELETE:
		if (!object)
			return "DeleteBucket";
		return has_parameter(query, "uploadId") ? "AbortMultipartUpload" : "DeleteObject";
	case HTTP_POST:
		if (!object)
			return has_parameter(query, "delete") ? "DeleteObjects" : NULL;
		if (has_parameter(query, "uploads"))
			return "CreateMultipartUpload";
		return has_parameter(query, "uploadId") ? "CompleteMultipartUpload" : NULL;
	default:
		return NULL;
	}
}

/* bucket.s3.region.amazonaws.com/key, or s3.region.amazonaws.com/bucket/key */
static bool s3(const struct http1_request *r, const struct target *t, struct http_payload *out)
{
	struct slice host = without_port(r->host), bucket = nothing;
	const char *at;
	const char *operation;
	size_t skip = 0;

	if (!ends_as(host, ".amazonaws.com"))
		return false;
	if (host.n > 3 && (memcmp(host.p, "s3.", 3) == 0 || memcmp(host.p, "s3-", 3) == 0)) {
		skip = 1;
		bucket = t->parts ? t->part[0] : nothing;
	} else {
		at = memmem(host.p, host.n, ".s3", 3);
		if (!at || (at[3] != '.' && at[3] != '-'))
			return false;
		bucket = (struct slice){host.p, (size_t)(at - host.p)};
	}
	if (!bucket.n)
		operation = r->method == HTTP_GET ? "ListBuckets" : NULL;
	else
		operation = s3_operation(r->method, t->parts > skip, t->query);
	if (!operation)
		return false;
	*out = (struct http_payload){PROTOCOL_S3, slice_of(operation), bounded(bucket)};
	return true;
}

/* "X-Amz-Target: AmazonSQS.SendMessage", or, of old, "Action=SendMessage" in the body. */
static bool sqs(const struct http1_request *r, const struct target *t, struct http_payload *out)
{
	static const char prefix[] = "AmazonSQS.", action[] = "Action=";
	struct slice name = r->amz_target, host = without_port(r->host);
	const char *end;

	if (name.n > sizeof(prefix) - 1 && memcmp(name.p, prefix, sizeof(prefix) - 1) == 0) {
		name.p += sizeof(prefix) - 1;
		name.n -= sizeof(prefix) - 1;
	} else if (ends_as(host, ".amazonaws.com") && host.n > 4 &&
		   memcmp(host.p, "sqs.", 4) == 0 && r->text.n > sizeof(action) - 1 &&
		   memcmp(r->text.p, action, sizeof(action) - 1) == 0) {
		name = (struct slice){r->text.p + sizeof(action) - 1,
				      r->text.n - (sizeof(action) - 1)};
		end = memchr(name.p, '&', name.n);
		name.n = end ? (size_t)(end - name.p) : name.n;
	} else {
		return false;
	}
	for (size_t i = 0; i < name.n; i++)
		if (!is_name_char(name.p[i]))
			return false;
	*out = (struct http_payload){PROTOCOL_SQS, bounded(name), bounded(last_part(t))};
	return true;
}

/* ---- all of them ---- */

bool http_payload_find(uint64_t on, const struct http1_request *r, struct http_payload *out)
{
	struct target t = split(r->target);

	return (ON(on, SQS) && sqs(r, &t, out)) || (ON(on, S3) && s3(r, &t, out)) ||
	       (ON(on, GRAPHQL) && graphql(r, &t, out)) || (ON(on, JSONRPC) && jsonrpc(r, out)) ||
	       ((ON(on, ELASTICSEARCH) || ON(on, OPENSEARCH)) && elasticsearch(r, &t, out));
}

/* The number behind "code" in the "error" of JSON-RPC's answer. */
struct slice http_payload_error(enum protocol protocol, struct slice body)
{
	struct slice error, code;
	size_t n = 0;

	if (protocol != PROTOCOL_JSONRPC)
		return nothing;
	error = member(body, "error");
	if (!error.n || *error.p != '{')
		return nothing;
	code = member(error, "code");
	while (n < code.n && n < 12 && (code.p[n] == '-' || (code.p[n] >= '0' && code.p[n] <= '9')))
		n++;
	return (struct slice){code.p, n};
}

/* The status as a code that outlives this call; "" for one that no such server gives. */
static struct slice status_code(uint16_t status)
{
	static const struct {
		uint16_t status;
		const char *text;
	} codes[] = {{400, "400"}, {401, "401"}, {403, "403"}, {404, "404"}, {405, "405"},
		     {408, "408"}, {409, "409"}, {410, "410"}, {413, "413"}, {429, "429"},
		     {500, "500"}, {501, "501"}, {502, "502"}, {503, "503"}, {504, "504"}};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i].status == status)
			return slice_of(codes[i].text);
	return nothing;
}

void http_payload_apply(const struct http_payload *payload, struct slice error, struct exchange *x)
{
	x->protocol = payload->protocol;
	x->kind = protocol_kind(payload->protocol);
	x->operation = payload->operation;
	x->collection = payload->collection;
	if (x->kind == EXCHANGE_HTTP)
		return;
	x->failed = error.n || x->status >= 400;
	if (x->failed)
		x->code = error.n ? error : status_code(x->status);
}
