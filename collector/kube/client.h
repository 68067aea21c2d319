/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps a source (source.h) equal to the API: lists its objects, then watches them, and lists again
 * when the API says that it cannot go on from there. Runs on the front thread's loop, with a
 * connection and statistics of its own; whatever happens on the other side, it goes on trying and
 * what is known stays known.
 *
 * Rules, from the API's behaviour (Kubernetes 1.20 to 1.36):
 * - where the server offers it (1.32, and 1.34 on), the list is streamed as the beginning of the
 *   watch and ends with a bookmark that says so. 400 or 422, a bookmark that does not say so, or no
 *   end in time: the server has no streams, and is asked for lists and watches for a day;
 * - the first list with a field selector asks for resourceVersion=0, which costs the server only
 *   its cache (`limit` is ignored then); later lists, and those of a whole cluster, ask for the
 *   latest state in pages;
 * - 410 comes as an HTTP status or as an ERROR event in a 200 watch: both mean a new list. On a
 *   page it also offers to go on inconsistently: that is not used, the next list is one page;
 * - a watch from a version of the future hangs without a byte until it ends, while a sound one
 *   has a bookmark each minute and before its end: after a watch without an event comes a list;
 * - each request ends by itself after timeoutSeconds, drawn anew so that nodes drift apart.
 */
#ifndef KEYHOLE_KUBE_CLIENT_H
#define KEYHOLE_KUBE_CLIENT_H

#include "event.h"
#include "http.h"
#include "source.h"

#define KUBE_LIST_LIMIT 250        /* objects per page */
#define KUBE_LIST_PAGES_MAX 4096   /* pages of one list */
#define KUBE_LIST_TIMEOUT_MS 60000 /* for one page */
#define KUBE_LIST_IDLE_MS 15000    /* without a byte within a page, or a stream's first objects */
#define KUBE_BODY_MAX (512u << 20) /* bytes of one page, decompressed: what gzip may become */
#define KUBE_STREAM_AGAIN_MS 86400000 /* a server that did not offer streams is asked again */
#define KUBE_WATCH_GRACE_MS 30000     /* silence allowed after a watch should have ended */
#define KUBE_WATCH_SHORT_MS 5000      /* a watch that ends sooner counts as a failure */

struct kube_client;

struct kube_client_stats {
	uint64_t lists;   /* complete, streamed ones included */
	uint64_t watches; /* begun; a stream is one once its first objects are complete */
	uint64_t events[KUBE_EVENT_TYPES]; /* of watches */
	uint64_t faults[KUBE_FAULT_COUNT];
	uint64_t oversize;     /* objects beyond KUBE_OBJECT_MAX, skipped */
	uint64_t last_sync_ns; /* CLOCK_MONOTONIC of the last list or watch event; 0: never */
	char version[KUBE_VERSION_MAX]; /* resourceVersion reached */
	bool connected;                 /* the last request was answered as it should be */
	bool synced;                    /* one whole list was taken in */
	/*
	 * What was taken in is what there is: since the last failure a list was complete, or an
	 * event of the watch came, and the watch that goes on from there was answered.
	 */
	bool current;
	struct kube_decode_stats decode;
};

extern const char *const kube_event_word[KUBE_EVENT_TYPES]; /* "added", ... for metrics */

/*
 * Initialises libcurl: make the client before the sandbox is entered. `options` and `source`
 * stay the caller's and must outlive it. The process must ignore SIGPIPE (OpenSSL writes to a
 * connection that the server may have closed). NULL: out of memory.
 */
struct kube_client *kube_client_new(struct loop *loop, const struct kube_options *options,
				    const struct kube_source *source);
void kube_client_free(struct kube_client *client);

/* Begins with the first list as soon as the loop runs. Returns 0 or -errno. */
int kube_client_start(struct kube_client *client);

bool kube_client_synced(const struct kube_client *client);
struct kube_client_stats kube_client_stats(const struct kube_client *client);

#endif
