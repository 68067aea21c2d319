/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc.h"

/* Codes of RST_STREAM, RFC 9113 section 7, that mean something of their own. */
enum {
	REFUSED_STREAM = 7,
	CANCEL = 8,
	ENHANCE_YOUR_CALM = 11,
	INADEQUATE_SECURITY = 12,
};

static const char *const names[] = {
	"OK",
	"CANCELLED",
	"UNKNOWN",
	"INVALID_ARGUMENT",
	"DEADLINE_EXCEEDED",
	"NOT_FOUND",
	"ALREADY_EXISTS",
	"PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED",
	"FAILED_PRECONDITION",
	"ABORTED",
	"OUT_OF_RANGE",
	"UNIMPLEMENTED",
	"INTERNAL",
	"UNAVAILABLE",
	"DATA_LOSS",
	"UNAUTHENTICATED",
};

static bool begins(struct slice s, const char *text)
{
	size_t n = strlen(text);

	return s.n >= n && memcmp(s.p, text, n) == 0;
}

bool grpc_is(struct slice content_type)
{
	return begins(content_type, "application/grpc");
}

bool grpc_is_web(struct slice content_type)
{
	return begins(content_type, "application/grpc-web");
}

/* A number that is none of these is UNKNOWN to every client. */
struct slice grpc_status(struct slice s)
{
	unsigned int code = 0;

	for (size_t i = 0; i < s.n && i < 3; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return slice_of("UNKNOWN");
		code = code * 10 + (unsigned int)(s.p[i] - '0');
	}
	if (!s.n || s.n > 2 || code >= sizeof(names) / sizeof(*names))
		return slice_of("UNKNOWN");
	return slice_of(names[code]);
}

struct slice grpc_status_of_http(uint16_t status)
{
	switch (status) {
	case 400:
		return slice_of("INTERNAL");
	case 401:
		return slice_of("UNAUTHENTICATED");
	case 403:
		return slice_of("PERMISSION_DENIED");
	case 404:
		return slice_of("UNIMPLEMENTED");
	case 429:
	case 502:
	case 503:
	case 504:
		return slice_of("UNAVAILABLE");
	default:
		return slice_of("UNKNOWN");
	}
}

struct slice grpc_status_of_reset(uint32_t code)
{
	switch (code) {
	case REFUSED_STREAM:
		return slice_of("UNAVAILABLE");
	case CANCEL:
		return slice_of("CANCELLED");
	case ENHANCE_YOUR_CALM:
		return slice_of("RESOURCE_EXHAUSTED");
	case INADEQUATE_SECURITY:
		return slice_of("PERMISSION_DENIED");
	default:
		return slice_of("INTERNAL");
	}
}

struct slice grpc_method(struct slice path)
{
	const char *slash;

	if (path.n < 4 || path.p[0] != '/')
		return (struct slice){"", 0};
	path.p++;
	path.n--;
	slash = memchr(path.p, '/', path.n);
	if (!slash || slash == path.p || slash + 1 == path.p + path.n)
		return (struct slice){"", 0};
	return path;
}
