/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_MODULE "kube"
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cleanup.h"
#include "../log.h"
#include "complaint.h"
#include "pace.h"
#include "request.h"
#include "split.h"

#define NS_PER_MS 1000000ull

enum state {
	STATE_WAITING,
	STATE_LISTING,
	STATE_STREAMING, /* a watch, still in the objects that it begins with */
	STATE_WATCHING
};

struct kube_client {
	struct loop *loop;
	const struct kube_options *options;
	const struct kube_source *source;
	struct kube_http *http;
	struct kube_split split;
	enum state state;

	char version[KUBE_VERSION_MAX]; /* where the next watch begins; "": list first */
	char next[KUBE_CONTINUE_MAX];   /* the next page of the list; "": the first */
	bool gone;                      /* an ERROR event with 410 ended this watch */
	bool unmarked;                  /* a stream without a mark after its first objects */
	bool latest;                    /* a cached list will not do */
	bool answered;                  /* the answer to this request began */
	bool unpaged;                   /* the pages' version ran out: all at once, this time */
	uint64_t plain_until_ns;        /* streams are not offered: lists until then */
	uint64_t events;                /* of this watch */
	uint64_t begun_ns;              /* this watch */
	unsigned brief;                 /* watches in a row that did not last */
	unsigned pages;                 /* of this list */
	uint64_t listed;                /* objects of this list */
	unsigned watch_s;               /* timeoutSeconds of this watch */
	struct kube_pace pace;

	struct kube_status refusal; /* of an ERROR event */
	struct kube_complaint complaint;
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

static bool has_lasted(const struct kube_client *client)
{
	return loop_now_ns() - client->begun_ns >= KUBE_WATCH_SHORT_MS * NS_PER_MS;
}

/*
 * What went before is over, save watches that do not last: where each list is answered and each
 * watch ends at once, the lists must become rare.
 */
static void recover(struct kube_client *client)
{
	client->pace.failures = client->brief;
	client->stats.connected = true;
	kube_complaint_over(&client->complaint);
}

static uint64_t watch_idle_ms(const struct kube_client *client)
{
	return client->watch_s * 1000ull +
	       or_default(client->options->watch_grace_ms, KUBE_WATCH_GRACE_MS);
}

/* Everything that exists was put; from `version` on it is watched. */
static void list_complete(struct kube_client *client, const char *version)
{
	bool first = !client->stats.synced;

	client->source->list_end(client->source->arg);
	client->unpaged = false;
	client->next[0] = 0;
	snprintf(client->version, sizeof(client->version), "%s", version);
	client->stats.lists++;
	client->stats.synced = client->stats.current = client->latest = true;
	client->stats.last_sync_ns = loop_now_ns();
	recover(client);
	client->source->settle(client->source->arg);
	if (first)
		log_info("Kubernetes API %s: %llu %s", client->options->base,
			 (unsigned long long)client->listed, client->source->what);
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

static int take_object(struct kube_client *client, const struct kube_event *event)
{
	const struct kube_source *source = client->source;
	int ret = 0;

	if (event->type == KUBE_EVENT_DELETED)
		ret = source->gone(source->arg, event->object, &client->stats.decode);
	else if (event->type != KUBE_EVENT_BOOKMARK)
		ret = source->put(source->arg, event->object, &client->stats.decode);
	client->listed += !ret;
	return left_out(ret);
}

/* Before the mark no version is one from which a watch could go on. */
static int take_streamed(struct kube_client *client, const struct kube_event *event)
{
	if (event->type != KUBE_EVENT_BOOKMARK)
		return take_object(client, event);
	if (!event->initial_end)
		return -EPROTO;
	list_complete(client, event->version);
	client->state = STATE_WATCHING;
	client->stats.watches++;
	client->events++; /* so its version is none of the future */
	kube_http_idle(client->http, watch_idle_ms(client));
	return 0;
}

static int take_event(struct kube_client *client, const struct kube_event *event)
{
	int ret;

	if (event->type == KUBE_EVENT_ERROR) {
		client->stats.events[event->type]++;
		client->gone = event->status.code == 410;
		client->refusal = event->status;
		return -ECANCELED;
	}
	if (client->state == STATE_STREAMING) {
		ret = take_streamed(client, event);
		client->unmarked = ret == -EPROTO;
		return ret;
	}
	client->stats.events[event->type]++;
	client->events++;
	ret = take_object(client, event);
	if (ret)
		return ret;
	if (has_lasted(client))
		client->brief = 0;
	recover(client);
	client->stats.current = true;
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

static void note_refused(struct kube_client *client)
{
	kube_complain_refused(&client->complaint,
			      client->stats.decode.refused + client->stats.oversize);
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

	client->stats.connected = client->answered = true;
}

static enum kube_verb verb_of(const struct kube_client *client)
{
	if (client->state == STATE_WATCHING)
		return KUBE_VERB_WATCH;
	if (client->state == STATE_STREAMING)
		return KUBE_VERB_STREAM;
	return client->options->poll_ms ? KUBE_VERB_POLL : KUBE_VERB_LIST;
}

static void wait_ms(struct kube_client *client, uint64_t ms)
{
	client->state = STATE_WAITING;
	if (loop_after(client->loop, ms, on_next_request, client))
		log_error("no timer left: %s are no longer followed; this is a bug, please "
			  "report it",
			  client->source->what);
}

static void wait_backoff(struct kube_client *client, unsigned retry_after_s)
{
	client->stats.current = false;
	wait_ms(client, kube_pace_failed(&client->pace, client->options, retry_after_s));
}

static void forget_version(struct kube_client *client)
{
	client->version[0] = client->next[0] = 0;
	client->stats.current = false;
}

static void fail(struct kube_client *client, const struct kube_http_answer *answer)
{
	client->stats.connected = false;
	client->stats.faults[answer->fault]++;
	kube_complain(&client->complaint, verb_of(client), answer);
	wait_backoff(client, answer->retry_after_s);
}

/* 410: nothing is wrong, the server has only forgotten how to go on from there. */
static void relist(struct kube_client *client)
{
	client->stats.faults[KUBE_FAULT_GONE]++;
	client->latest = true;
	if (client->state == STATE_WATCHING) /* it answers: what went before is over */
		client->pace.failures = client->brief ? client->brief - 1 : 0;
	log_info("Kubernetes API %s: version %s is too old, listing the %s anew",
		 client->options->base, *client->version ? client->version : "of the pages",
		 client->source->what);
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

static bool is_list_of(const char *list, const char *kind)
{
	size_t n = strlen(kind);

	return strncmp(list, kind, n) == 0 && strcmp(list + n, "List") == 0;
}

static void page_done(struct kube_client *client)
{
	const struct kube_split *split = &client->split;
	unsigned poll_ms = client->options->poll_ms;

	if (kube_split_end(split) || !is_list_of(split->kind, client->source->kind) ||
	    (!*split->version && !poll_ms)) {
		garbage(client, "the answer is not the list that was asked for");
		return;
	}
	if (*split->next && ++client->pages == KUBE_LIST_PAGES_MAX) {
		garbage(client, "the list has no end");
		return;
	}
	if (*split->next) {
		memcpy(client->next, split->next, sizeof(client->next));
		wait_ms(client, 0);
		return;
	}
	list_complete(client, poll_ms ? "" : split->version);
	wait_ms(client, poll_ms);
}

/*
 * The server does not offer streams, or does not say so and sends what is none. Nothing is wrong
 * with it: the objects are listed at once.
 */
static void list_plainly(struct kube_client *client, const char *why)
{
	client->plain_until_ns = loop_now_ns() + KUBE_STREAM_AGAIN_MS * NS_PER_MS;
	log_info("Kubernetes API %s: no streaming lists (%s): the %s are listed and then watched",
		 client->options->base, why, client->source->what);
	forget_version(client);
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
	if (client->state == STATE_STREAMING) {
		list_plainly(client, "it ended before all objects were there");
		return;
	}
	/* Not even a bookmark: the version is perhaps one of the future (etcd was restored). */
	if (client->events == 0 && lived_ms + 100 >= client->watch_s * 1000ull) {
		client->stats.faults[KUBE_FAULT_TIMEOUT]++;
		forget_version(client);
		client->latest = true;
	}
	if (client->brief) {
		wait_backoff(client, 0);
		return;
	}
	recover(client);
	wait_ms(client, kube_pace_draw(&client->pace, 100));
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

static void stream_failed(struct kube_client *client, const struct kube_http_answer *answer)
{
	char text[KUBE_HTTP_TEXT_MAX];

	if (client->unmarked)
		list_plainly(client, "no mark after the first objects");
	else if (answer->fault == KUBE_FAULT_STATUS || answer->fault == KUBE_FAULT_GONE)
		list_plainly(client, log_text(slice_of(answer->text), text, sizeof(text)));
	else if (answer->fault == KUBE_FAULT_TIMEOUT && answer->status == 200)
		list_plainly(client, "the first objects have no end");
	else
		watch_failed(client, answer);
}

static void list_failed(struct kube_client *client, const struct kube_http_answer *answer)
{
	bool between_pages = *client->next;

	if (answer->fault == KUBE_FAULT_GONE) {
		/*
		 * The server offers to go on with what is there now. But then a change between the
		 * two versions of something on an earlier page would be seen by nobody.
		 */
		client->unpaged = between_pages;
		relist(client);
		return;
	}
	client->unpaged = false;
	forget_version(client);
	fail(client, answer);
}

/* A server that is away or busy is none of these: it has delays of its own. */
static void count_brief(struct kube_client *client, enum kube_fault fault)
{
	if (has_lasted(client))
		client->brief = 0;
	else if (client->answered || fault == KUBE_FAULT_GONE || fault == KUBE_FAULT_STATUS ||
		 fault == KUBE_FAULT_GARBAGE)
		client->brief++;
}

static void on_done(void *arg, const struct kube_http_answer *answer)
{
	struct kube_client *client = arg;
	bool sound = answer->fault == KUBE_FAULT_NONE;

	client->stats.oversize += client->split.oversize;
	note_refused(client);
	if (client->state == STATE_WATCHING)
		count_brief(client, answer->fault);
	if (client->state == STATE_LISTING)
		sound ? page_done(client) : list_failed(client, answer);
	else if (sound)
		watch_done(client);
	else if (client->state == STATE_STREAMING)
		stream_failed(client, answer);
	else
		watch_failed(client, answer);
	kube_split_free(&client->split);
}

static enum state choose(const struct kube_client *client)
{
	if (*client->version)
		return STATE_WATCHING;
	if (*client->next || client->options->poll_ms || client->options->no_stream ||
	    loop_now_ns() < client->plain_until_ns)
		return STATE_LISTING;
	return STATE_STREAMING;
}

/* The request for what is needed next; caller frees. NULL: out of memory. */
static char *make_path(struct kube_client *client)
{
	struct kube_request request = {.verb = verb_of(client),
				       .version = client->version,
				       .next = client->next,
				       .timeout_s = client->watch_s};

	if (!client->unpaged)
		request.limit = or_default(client->options->list_limit, KUBE_LIST_LIMIT);
	if (client->state == STATE_LISTING && client->source->selector && !client->latest)
		request.version = "0";
	return kube_request_path(client->source, &request);
}

static void begin(struct kube_client *client)
{
	bool listing = client->state == STATE_LISTING;

	client->gone = client->unmarked = client->answered = false;
	client->refusal = (struct kube_status){0};
	client->events = 0;
	client->begun_ns = loop_now_ns();
	client->watch_s = kube_pace_watch(&client->pace, client->options);
	kube_split_init(&client->split, listing ? KUBE_SPLIT_LIST : KUBE_SPLIT_WATCH,
			listing ? on_listed : on_event, client);
	if (client->state == STATE_WATCHING) {
		client->stats.watches++;
	} else if (!*client->next) {
		client->source->list_begin(client->source->arg);
		client->pages = 0;
		client->listed = 0;
	}
}

static void on_next_request(void *arg)
{
	struct kube_client *client = arg;
	struct kube_http_answer answer = {.fault = KUBE_FAULT_MEMORY};
	struct kube_http_request request = {.accept = client->source->accept};
	_cleanup_free_ char *path = NULL;

	client->state = choose(client);
	begin(client);
	request.path = path = make_path(client);
	request.idle_ms = client->state == STATE_WATCHING
				  ? watch_idle_ms(client)
				  : or_default(client->options->list_idle_ms, KUBE_LIST_IDLE_MS);
	if (client->state == STATE_LISTING) {
		request.total_ms = KUBE_LIST_TIMEOUT_MS;
		request.body_max = or_default(client->options->body_max, KUBE_BODY_MAX);
	} else { /* also one whose bytes keep coming, of an event that does not end */
		request.total_ms = watch_idle_ms(client);
	}
	if (!path || kube_http_get(client->http, &request, &answer))
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
	client->complaint = (struct kube_complaint){.options = options, .source = source};
	client->http = kube_http_new(loop, options, &handler);
	if (!client->http) {
		free(client);
		return NULL;
	}
	kube_pace_init(&client->pace);
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
	stats.current &= client->answered;
	return stats;
}
