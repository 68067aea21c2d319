/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_MODULE "kube"
#include "client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../cleanup.h"
#include "../log.h"
#include "split.h"

#define NS_PER_MS 1000000ull

enum state { STATE_WAITING, STATE_LISTING, STATE_WATCHING };

struct kube_client {
	struct loop *loop;
	const struct kube_options *options;
	const struct kube_source *source;
	struct kube_http *http;
	struct kube_split split;
	enum state state;

	char version[KUBE_VERSION_MAX]; /* where the next watch begins; "": list first */
	char next[KUBE_CONTINUE_MAX];   /* the next page of the list; "": the first */
	bool list_open;                 /* pages were put since the source's list_begin() */
	bool gone;                      /* an ERROR event with 410 ended this watch */
	bool latest;                    /* a cached list will not do */
	uint64_t events;                /* of this watch */
	uint64_t begun_ns;              /* this watch */
	unsigned failures;              /* in a row */
	unsigned pages;                 /* of this list */
	uint64_t listed;                /* objects of this list */
	unsigned watch_s;               /* timeoutSeconds of this watch */
	uint64_t random;

	enum kube_fault complained; /* what was logged last, and not yet taken back */
	uint64_t complained_ns;
	uint64_t noted, noted_ns;   /* refused objects that the log knows of */
	struct kube_status refusal; /* of an ERROR event */
	struct kube_client_stats stats;
};

const char *const kube_event_word[KUBE_EVENT_TYPES] = {
	[KUBE_EVENT_ADDED] = "added",     [KUBE_EVENT_MODIFIED] = "modified",
	[KUBE_EVENT_DELETED] = "deleted", [KUBE_EVENT_BOOKMARK] = "bookmark",
	[KUBE_EVENT_ERROR] = "error",
};

static void on_next_request(void *arg);

static unsigned or_default(unsigned value, unsigned fallback)
{
	return value ? value : fallback;
}

/* xorshift64: spreads the nodes of a fleet, nothing more. */
static uint64_t draw(struct kube_client *client, uint64_t below)
{
	client->random ^= client->random << 13;
	client->random ^= client->random >> 7;
	client->random ^= client->random << 17;
	return below ? client->random % below : 0;
}

static void recover(struct kube_client *client)
{
	client->failures = 0;
	client->stats.connected = true;
	if (client->complained == KUBE_FAULT_NONE)
		return;
	client->complained = KUBE_FAULT_NONE;
	log_info("Kubernetes API %s: answers again", client->options->base);
}

/* One bad object must not hide the others: it is counted and left out. */
static int left_out(int ret)
{
	return ret == -ENOMEM ? ret : 0;
}

static int on_listed(void *arg, struct slice json)
{
	struct kube_client *client = arg;
	_cleanup_json_ struct cJSON *object = NULL;
	int ret = kube_json_parse(json, &object);

	if (ret) {
		client->stats.decode.refused++;
		return 0;
	}
	ret = client->source->put(client->source->arg, object, &client->stats.decode);
	client->listed += !ret;
	return left_out(ret);
}

static int take_event(struct kube_client *client, const struct kube_event *event)
{
	const struct kube_source *source = client->source;
	int ret = 0;

	client->stats.events[event->type]++;
	client->events++;
	if (event->type == KUBE_EVENT_ERROR) {
		client->gone = event->status.code == 410;
		client->refusal = event->status;
		return -ECANCELED;
	}
	if (event->type == KUBE_EVENT_DELETED)
		ret = source->gone(source->arg, event->object, &client->stats.decode);
	else if (event->type != KUBE_EVENT_BOOKMARK)
		ret = source->put(source->arg, event->object, &client->stats.decode);
	if (left_out(ret))
		return ret;
	recover(client);
	memcpy(client->version, event->version, sizeof(client->version));
	client->stats.last_sync_ns = loop_now_ns();
	return 0;
}

static int on_event(void *arg, struct slice json)
{
	struct kube_client *client = arg;
	struct kube_event event;
	int ret = kube_event_decode(json, client->source->kind, &event);

	if (!ret)
		ret = take_event(client, &event);
	kube_event_free(&event);
	return ret;
}

/* Objects that cannot be used, or are too large: left out, counted, and said now and then. */
static void note_refused(struct kube_client *client)
{
	uint64_t refused = client->stats.decode.refused + client->stats.oversize;
	uint64_t now = loop_now_ns();

	if (refused == client->noted ||
	    (client->noted && now - client->noted_ns < KUBE_COMPLAIN_AGAIN_MS * NS_PER_MS))
		return;
	log_warn("Kubernetes API %s: %s: %llu objects so far cannot be used (no uid, name or "
		 "namespace, or too large); they are left out",
		 client->options->base, client->source->what, (unsigned long long)refused);
	client->noted = refused;
	client->noted_ns = now;
}

static int on_body(void *arg, struct slice bytes)
{
	struct kube_client *client = arg;
	int ret = kube_split_feed(&client->split, bytes);

	client->source->settle(client->source->arg);
	note_refused(client);
	return ret;
}

static void on_begun(void *arg)
{
	struct kube_client *client = arg;

	client->stats.connected = true;
}

/* One line for each kind of failure, again only after it was gone or has lasted. */
static void complain(struct kube_client *client, const struct kube_http_answer *answer,
		     const char *hint)
{
	uint64_t now = loop_now_ns();
	char text[KUBE_HTTP_TEXT_MAX];

	client->stats.connected = false;
	client->stats.faults[answer->fault]++;
	if (client->complained == answer->fault &&
	    now - client->complained_ns < KUBE_COMPLAIN_AGAIN_MS * NS_PER_MS)
		return;
	client->complained = answer->fault;
	client->complained_ns = now;
	log_warn("Kubernetes API %s: %s: %s: %s; %s; trying again, what is known so far is kept",
		 client->options->base, client->source->what, kube_fault_word[answer->fault],
		 log_text(slice_of(answer->text), text, sizeof(text)), hint);
}

static const char *hint_for(enum kube_fault fault)
{
	switch (fault) {
	case KUBE_FAULT_SECRET:
		return "it is read again for each request";
	case KUBE_FAULT_CONNECT:
	case KUBE_FAULT_TIMEOUT:
		return "check the address, the network policy and that the server is up";
	case KUBE_FAULT_TLS:
		return "check that the CA belongs to this server";
	case KUBE_FAULT_UNAUTHORIZED:
		return "the token was refused: it is read again for each request, check that its "
		       "service account exists";
	case KUBE_FAULT_FORBIDDEN:
		return "missing rule: pods: get,list,watch at cluster scope for this service "
		       "account";
	case KUBE_FAULT_GARBAGE:
		return "check that this address is a Kubernetes API server";
	default:
		return "the server or the way to it has a problem";
	}
}

static void wait_ms(struct kube_client *client, uint64_t ms)
{
	client->state = STATE_WAITING;
	if (loop_after(client->loop, ms, on_next_request, client))
		log_error("no timer left: %s are no longer followed; this is a bug, please "
			  "report it",
			  client->source->what);
}

/* Doubled by each failure; from the upper half, so that a fleet does not come back as one. */
static void wait_backoff(struct kube_client *client, unsigned retry_after_s)
{
	uint64_t ms = or_default(client->options->backoff_min_ms, KUBE_BACKOFF_MIN_MS);
	uint64_t max = or_default(client->options->backoff_max_ms, KUBE_BACKOFF_MAX_MS);

	for (unsigned i = 0; i < client->failures && ms < max; i++)
		ms *= 2;
	if (ms > max)
		ms = max;
	client->failures++;
	ms = ms / 2 + draw(client, ms / 2 + 1);
	if (retry_after_s)
		ms += retry_after_s * 1000ull;
	wait_ms(client, ms);
}

static void forget_version(struct kube_client *client)
{
	client->version[0] = client->next[0] = 0;
	client->list_open = false;
}

static void fail(struct kube_client *client, const struct kube_http_answer *answer)
{
	complain(client, answer, hint_for(answer->fault));
	wait_backoff(client, answer->retry_after_s);
}

/* 410: nothing is wrong, the server has only forgotten how to go on from there. */
static void relist(struct kube_client *client)
{
	client->stats.faults[KUBE_FAULT_GONE]++;
	client->latest = true;
	log_info("Kubernetes API %s: version %s is too old, listing the %s anew",
		 client->options->base, client->version, client->source->what);
	forget_version(client);
	wait_backoff(client, 0);
}

static void garbage(struct kube_client *client, const char *what)
{
	struct kube_http_answer answer = {.fault = KUBE_FAULT_GARBAGE, .status = 200};

	snprintf(answer.text, sizeof(answer.text), "%s", what);
	forget_version(client);
	fail(client, &answer);
}

static void list_complete(struct kube_client *client)
{
	bool first = !client->stats.synced;

	client->source->list_end(client->source->arg);
	client->list_open = false;
	client->next[0] = 0;
	memcpy(client->version, client->split.version, sizeof(client->version));
	client->stats.lists++;
	client->stats.synced = true;
	client->stats.last_sync_ns = loop_now_ns();
	client->latest = true;
	recover(client);
	client->source->settle(client->source->arg);
	if (first)
		log_info("Kubernetes API %s: %llu %s", client->options->base,
			 (unsigned long long)client->listed, client->source->what);
}

static bool is_list_of(const char *list, const char *kind)
{
	size_t n = strlen(kind);

	return strncmp(list, kind, n) == 0 && strcmp(list + n, "List") == 0;
}

static void page_done(struct kube_client *client)
{
	const struct kube_split *split = &client->split;

	if (kube_split_end(split) || !is_list_of(split->kind, client->source->kind) ||
	    !*split->version) {
		garbage(client, "the answer is not the list that was asked for");
		return;
	}
	if (*split->next && ++client->pages == KUBE_LIST_PAGES_MAX) {
		garbage(client, "the list has no end");
		return;
	}
	if (*split->next)
		memcpy(client->next, split->next, sizeof(client->next));
	else
		list_complete(client);
	wait_ms(client, 0);
}

/* The server ends each watch after timeoutSeconds; the next one goes on from there. */
static void watch_done(struct kube_client *client)
{
	uint64_t lived_ms = (loop_now_ns() - client->begun_ns) / NS_PER_MS;

	if (kube_split_end(&client->split)) {
		garbage(client, "a watch ended inside an event");
		return;
	}
	/* Not even a bookmark: the version is perhaps one of the future (etcd was restored). */
	if (client->events == 0 && lived_ms + 100 >= client->watch_s * 1000ull) {
		client->stats.faults[KUBE_FAULT_TIMEOUT]++;
		forget_version(client);
		client->latest = true;
	}
	if (lived_ms < KUBE_WATCH_SHORT_MS) {
		wait_backoff(client, 0);
		return;
	}
	recover(client);
	wait_ms(client, draw(client, 100));
}

static void watch_failed(struct kube_client *client, const struct kube_http_answer *answer)
{
	struct kube_http_answer refusal = {.fault = KUBE_FAULT_SERVER, .status = answer->status};

	if (client->gone || answer->fault == KUBE_FAULT_GONE) {
		relist(client);
		return;
	}
	if (client->refusal.code) {
		snprintf(refusal.text, sizeof(refusal.text), "ERROR event: %.200s",
			 client->refusal.message);
		refusal.retry_after_s = client->refusal.retry_after_s;
		forget_version(client);
		fail(client, &refusal);
		return;
	}
	/*
	 * After silence the version may be one of the future; after garbage, or a status that
	 * says the request is wrong, nothing is certain.
	 */
	if (answer->fault == KUBE_FAULT_GARBAGE || answer->fault == KUBE_FAULT_STATUS ||
	    (answer->fault == KUBE_FAULT_TIMEOUT && client->events == 0)) {
		forget_version(client);
		client->latest = true;
	}
	fail(client, answer);
}

static void on_done(void *arg, const struct kube_http_answer *answer)
{
	struct kube_client *client = arg;
	bool watching = client->state == STATE_WATCHING;

	client->stats.oversize += client->split.oversize;
	note_refused(client);
	if (answer->fault == KUBE_FAULT_NONE) {
		if (watching)
			watch_done(client);
		else
			page_done(client);
	} else if (watching) {
		watch_failed(client, answer);
	} else if (answer->fault == KUBE_FAULT_GONE) {
		relist(client);
	} else {
		forget_version(client);
		fail(client, answer);
	}
	kube_split_free(&client->split);
}

static int add_query(char **path, const char *key, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0), *longer = NULL;
	int n = -1;

	if (escaped)
		n = asprintf(&longer, "%s%c%s=%s", *path, strchr(*path, '?') ? '&' : '?', key,
			     escaped);
	curl_free(escaped);
	if (n < 0)
		return -ENOMEM;
	free(*path);
	*path = longer;
	return 0;
}

static int list_path(struct kube_client *client, char **path)
{
	char limit[16];
	int ret;

	snprintf(limit, sizeof(limit), "%u",
		 or_default(client->options->list_limit, KUBE_LIST_LIMIT));
	ret = add_query(path, "limit", limit);
	if (!ret && *client->next)
		ret = add_query(path, "continue", client->next);
	else if (!ret && client->source->selector && !client->latest)
		ret = add_query(path, "resourceVersion", "0");
	return ret;
}

static unsigned watch_seconds(struct kube_client *client)
{
	unsigned min = or_default(client->options->watch_min_s, KUBE_WATCH_MIN_S);
	unsigned max = or_default(client->options->watch_max_s, KUBE_WATCH_MAX_S);

	return max > min ? min + draw(client, max - min + 1) : min;
}

static int watch_path(struct kube_client *client, char **path)
{
	char timeout[16];
	int ret;

	client->watch_s = watch_seconds(client);
	snprintf(timeout, sizeof(timeout), "%u", client->watch_s);
	ret = add_query(path, "watch", "1");
	if (!ret)
		ret = add_query(path, "allowWatchBookmarks", "true");
	if (!ret)
		ret = add_query(path, "resourceVersion", client->version);
	return ret ? ret : add_query(path, "timeoutSeconds", timeout);
}

/* The request for what is needed next; caller frees. NULL: out of memory. */
static char *make_path(struct kube_client *client)
{
	char *path = strdup(client->source->path);
	int ret = path ? 0 : -ENOMEM;

	if (!ret && client->source->selector)
		ret = add_query(&path, "fieldSelector", client->source->selector);
	if (!ret)
		ret = *client->version ? watch_path(client, &path) : list_path(client, &path);
	if (!ret)
		return path;
	free(path);
	return NULL;
}

static void begin(struct kube_client *client, bool watching)
{
	client->state = watching ? STATE_WATCHING : STATE_LISTING;
	client->gone = false;
	client->refusal = (struct kube_status){0};
	client->events = 0;
	client->begun_ns = loop_now_ns();
	kube_split_init(&client->split, watching ? KUBE_SPLIT_WATCH : KUBE_SPLIT_LIST,
			watching ? on_event : on_listed, client);
	if (watching) {
		client->stats.watches++;
	} else if (!client->list_open) {
		client->source->list_begin(client->source->arg);
		client->list_open = true;
		client->pages = 0;
		client->listed = 0;
	}
}

static void on_next_request(void *arg)
{
	struct kube_client *client = arg;
	bool watching = *client->version;
	uint64_t grace = or_default(client->options->watch_grace_ms, KUBE_WATCH_GRACE_MS);
	uint64_t list_idle = or_default(client->options->list_idle_ms, KUBE_LIST_IDLE_MS);
	_cleanup_free_ char *path = make_path(client);
	struct kube_http_answer answer = {.fault = KUBE_FAULT_MEMORY};
	int ret = -ENOMEM;

	begin(client, watching);
	if (path)
		ret = kube_http_get(client->http, path, client->source->accept,
				    watching ? client->watch_s * 1000ull + grace : list_idle,
				    watching ? 0 : KUBE_LIST_TIMEOUT_MS, &answer);
	if (ret)
		fail(client, &answer);
}

struct kube_client *kube_client_new(struct loop *loop, const struct kube_options *options,
				    const struct kube_source *source)
{
	struct kube_client *client = calloc(1, sizeof(*client));
	const struct kube_http_handler handler = {
		.begun = on_begun, .body = on_body, .done = on_done, .arg = client};

	if (!client)
		return NULL;
	client->loop = loop;
	client->options = options;
	client->source = source;
	client->http = kube_http_new(loop, options, &handler);
	if (!client->http) {
		free(client);
		return NULL;
	}
	if (getrandom(&client->random, sizeof(client->random), GRND_NONBLOCK) < 0)
		client->random = loop_now_ns();
	client->random |= 1; /* xorshift never leaves 0 */
	return client;
}

void kube_client_free(struct kube_client *client)
{
	if (!client)
		return;
	loop_cancel(client->loop, on_next_request, client);
	kube_http_free(client->http);
	kube_split_free(&client->split);
	free(client);
}

int kube_client_start(struct kube_client *client)
{
	return loop_after(client->loop, 0, on_next_request, client);
}

bool kube_client_synced(const struct kube_client *client)
{
	return client->stats.synced;
}

struct kube_client_stats kube_client_stats(const struct kube_client *client)
{
	struct kube_client_stats stats = client->stats;

	memcpy(stats.version, client->version, sizeof(stats.version));
	return stats;
}
