/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as records, through all that handles them: checks, connections, identities. Each record
 * stands behind two bytes of length and one that says how: bit 0 keeps its size field as it is,
 * otherwise it becomes the true one, so that what lies deeper is reached. Whatever comes: nothing
 * is read beyond a record, each request is accounted for, and connections that closed keep nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "identity/known.h"
#include "intake/record.h"
#include "protocol/conns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONNECTIONS 4
#define COOKIES_MAX 256

static volatile char sink;
static uint64_t cookies[COOKIES_MAX];
static size_t cookie_count;

static void read_all(const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sink = ((const char *)p)[i];
}

static void emit(void *arg, const struct exchange *x)
{
	read_all(x->target.p, x->target.n);
	read_all(x->host.p, x->host.n);
	read_all(x->traceparent.p, x->traceparent.n);
	read_all(x->tracestate.p, x->tracestate.n);
	if (x->conn.role != KH_ROLE_SERVER && x->conn.role != KH_ROLE_CLIENT)
		abort(); /* telemetry has no series for it */
	if (x->status == 0 && x->error == EXCHANGE_OK)
		abort();
}

static void read_message(const struct record_message *m)
{
	read_all(m->head, m->info.head_len);
	read_all(m->tail, m->info.tail_len);
}

static void handle(struct conns *conns, struct known *known, const struct record *rec)
{
	read_message(&rec->req);
	read_message(&rec->resp);
	switch (rec->type) {
	case KH_EXCHANGE:
		cookies[cookie_count++] = rec->exchange->conn.cookie;
		conns_exchange(conns, rec->exchange);
		break;
	case KH_PART:
	case KH_FINISH:
		conns_part(conns, rec->part);
		break;
	case KH_SEGMENT:
		read_all(rec->segment + 1,
			 (size_t)rec->segment->head_len + rec->segment->tail_len);
		if ((rec->segment->len == 0) == (rec->segment->reason == KH_WHY_MORE))
			abort();
		break;
	case KH_CGROUP:
		known_tell_cgroup(known, rec->cgroup);
		read_all(known_cgroup(known, rec->cgroup->cgroup)->own_name, KH_NAME);
		break;
	case KH_PROCESS:
		known_tell_process(known, rec->process);
		if (strlen(known_process(known, rec->process->tgid)->exe) >= KNOWN_EXE_MAX)
			abort();
		break;
	case KH_EXIT:
		known_tell_exit(known, rec->exit);
		break;
	case KH_LISTEN:
		known_tell_listen(known, rec->listen);
		break;
	}
}

/* An allocation of its own, so that a sanitizer sees a read beyond its end. */
static void feed(struct conns *conns, struct known *known, const uint8_t *p, size_t n,
		 bool as_it_is)
{
	uint8_t *exact = malloc(n ? n : 1);
	uint32_t true_size = (uint32_t)n;
	struct record rec;

	memcpy(exact, p, n);
	if (!as_it_is && n >= sizeof(struct kh_rec))
		memcpy(exact + offsetof(struct kh_rec, size), &true_size, sizeof(true_size));
	if (record_read(exact, n, &rec) == 0)
		handle(conns, known, &rec);
	free(exact);
}

/* Every connection that may be open is closed; then nothing may be left. */
static void close_all(struct conns *conns)
{
	struct kh_part end = {.rec = {KH_FINISH, KH_F_RESPONSE, sizeof(end)},
			      .reason = KH_WHY_CLOSE};
	const struct http1_counters *h = conns_http1(conns);
	struct kh_exchange x = {.rec = {KH_EXCHANGE, 0, sizeof(x)}, .reason = KH_WHY_CLOSE};

	for (size_t i = 0; i < cookie_count; i++) {
		x.conn.cookie = end.cookie = cookies[i];
		x.conn.role = KH_ROLE_SERVER;
		conns_exchange(conns, &x);
		conns_part(conns, &end);
	}
	if (conns_open(conns) || conns_heads(conns) ||
	    h->requests != h->exchanges + h->lost + h->unheld + h->pipeline_overflow)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* made once, for speed: in the end nothing is open, and identities do not meet exchanges */
	static struct conns *conns;
	static struct known known;
	size_t n;

	if (!conns && (!(conns = conns_new(CONNECTIONS, emit, NULL)) || known_init(&known)))
		abort();
	cookie_count = 0;
	while (size > 3 && cookie_count < COOKIES_MAX) {
		n = (size_t)data[0] << 8 | data[1];
		n = n < size - 3 ? n : size - 3;
		feed(conns, &known, data + 3, n, data[2] & 1);
		data += 3 + n;
		size -= 3 + n;
	}
	close_all(conns);
	return 0;
}
