/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parameter {
	const char *key, *value; /* value NULL: not asked for */
};

/* `path` is released, whatever happens. */
static char *add_parameter(char *path, const struct parameter *parameter, bool first)
{
	char *escaped = curl_easy_escape(NULL, parameter->value, 0), *longer = NULL;

	if (escaped && path &&
	    asprintf(&longer, "%s%c%s=%s", path, first ? '?' : '&', parameter->key, escaped) < 0)
		longer = NULL;
	curl_free(escaped);
	free(path);
	return longer;
}

static const char *text_if(bool is_so, const char *text)
{
	return is_so ? text : NULL;
}

char *kube_request_path(const struct kube_source *source, const struct kube_request *request)
{
	bool list = request->verb == KUBE_VERB_LIST, stream = request->verb == KUBE_VERB_STREAM;
	bool watch = request->verb == KUBE_VERB_WATCH, more = list && *request->next;
	char limit[16], timeout[16];
	const struct parameter parameters[] = {
		{"fieldSelector", text_if(list || watch || stream, source->selector)},
		{"limit", text_if(list && request->limit, limit)},
		{"continue", text_if(more, request->next)},
		{"watch", text_if(watch || stream, "1")},
		{"allowWatchBookmarks", text_if(watch || stream, "true")},
		{"sendInitialEvents", text_if(stream, "true")},
		{"resourceVersionMatch", text_if(stream, "NotOlderThan")},
		/* A page goes on at its list's version, and must not name another. */
		{"resourceVersion",
		 text_if((list && !more && *request->version) || watch, request->version)},
		{"timeoutSeconds", text_if(watch || stream, timeout)},
	};
	char *path = strdup(request->verb == KUBE_VERB_POLL ? KUBE_KUBELET_PATH : source->path);
	bool first = true;

	snprintf(limit, sizeof(limit), "%u", request->limit);
	snprintf(timeout, sizeof(timeout), "%u", request->timeout_s);
	for (size_t i = 0; i < sizeof(parameters) / sizeof(*parameters) && path; i++) {
		if (!parameters[i].value)
			continue;
		path = add_parameter(path, &parameters[i], first);
		first = false;
	}
	return path;
}

/* Of "/api/v1/...", "/apis/GROUP/VERSION/..."; what follows the version goes to *rest. */
static struct slice find_group(const char *path, const char **rest)
{
	bool named = strncmp(path, "/apis/", 6) == 0;
	const char *group = path + (named ? 6 : 4); /* the core group has no name: "/api" */
	size_t n = named ? strcspn(group, "/") : 0;
	const char *version = group + n + (group[n] == '/');

	*rest = version + strcspn(version, "/");
	*rest += **rest == '/';
	return (struct slice){group, n};
}

const char *kube_request_rule(const struct kube_source *source, enum kube_verb verb,
			      char buf[KUBE_RULE_MAX])
{
	bool watch = verb == KUBE_VERB_WATCH || verb == KUBE_VERB_STREAM;
	struct slice group, space = {0};
	const char *rest;

	if (verb == KUBE_VERB_POLL) {
		snprintf(buf, KUBE_RULE_MAX,
			 "verb \"get\" on resource \"nodes/pods\" in API group \"\" at cluster "
			 "scope");
		return buf;
	}
	group = find_group(source->path, &rest);
	if (strncmp(rest, "namespaces/", 11) == 0) {
		space = (struct slice){rest + 11, strcspn(rest + 11, "/")};
		rest += 11 + space.n;
		rest += *rest == '/';
	}
	snprintf(buf, KUBE_RULE_MAX, "verb \"%s\" on resource \"%s\" in API group \"%.*s\" %s%.*s",
		 watch ? "watch" : "list", rest, (int)group.n, group.p,
		 space.n ? "in namespace " : "at cluster scope", (int)space.n, space.p);
	return buf;
}
