/* SPDX-License-Identifier: Apache-2.0 */
#include "piped.h"

#include <errno.h>
#include <stdlib.h>

#include "loop.h"

struct pipeline *pipeline;
struct intake_ops ops;
struct pipeline_options o;
static const struct resolve_rules rules = {.host = "node-1"};
static struct selector *selector;
uint64_t now;

/* ---- a stand-in for the intake: what BPF was told ---- */

struct bpf_told bpf;

#define BPF ((struct intake *)&bpf)

static uint64_t *place_of(uint64_t key)
{
	for (size_t i = 0; i < sizeof(bpf.ignored) / sizeof(*bpf.ignored); i++)
		if (bpf.ignored[i] == key)
			return &bpf.ignored[i];
	return NULL;
}

int __wrap_intake_verdict(struct intake *intake, uint64_t key, enum kh_verdict verdict);
int __wrap_intake_verdict(struct intake *intake, uint64_t key, enum kh_verdict verdict)
{
	uint64_t *place = place_of(key);

	assert_ptr_equal(intake, BPF);
	if (verdict == KH_TRACE) {
		if (place)
			*place = 0;
		return 0;
	}
	place = place ? place : place_of(0);
	if (place)
		*place = key;
	return place ? 0 : -ENOSPC;
}

void __wrap_intake_verdicts_clear(struct intake *intake);
void __wrap_intake_verdicts_clear(struct intake *intake)
{
	assert_ptr_equal(intake, BPF);
	memset(bpf.ignored, 0, sizeof(bpf.ignored));
}

void __wrap_intake_want(struct intake *intake, uint32_t want);
void __wrap_intake_want(struct intake *intake, uint32_t want)
{
	assert_ptr_equal(intake, BPF);
	bpf.want = want;
}

void __wrap_intake_scope(struct intake *intake, uint64_t cgroup);
void __wrap_intake_scope(struct intake *intake, uint64_t cgroup)
{
	assert_ptr_equal(intake, BPF);
	bpf.scope = cgroup;
}

bool ignores(uint32_t tgid, uint16_t port)
{
	return place_of(KH_VERDICT_PROCESS(tgid, 1, port)) != NULL; /* a_process() began at 1 */
}

void make_selector(const struct selector_entry *entry)
{
	struct selector_options s = {.include = entry, .include_count = entry != NULL};
	char why[PATTERN_WHY_MAX];

	if (selector)
		selector_free(selector);
	assert_int_equal(selector_new(&selector, &s, why), 0);
	o.selector = selector;
}

void start(bool cluster)
{
	if (cluster)
		o.store = kube_store_new(0);
	pipeline = pipeline_new(&o);
	assert_non_null(pipeline);
	ops = pipeline_ops(pipeline);
	ops.begin(ops.arg, BPF);
	now = loop_now_ns() + S;
	ops.idle(ops.arg, now);
}

int setup(void **state)
{
	memset(&bpf, 0, sizeof(bpf));
	o = (struct pipeline_options){
		.rules = &rules, .waiting_records = ROOM, .protocols = ~0ull, .wait_ns = 5 * S};
	make_selector(NULL);
	return telemetry_new(&o.telemetry, &telemetry_defaults);
}

int teardown(void **state)
{
	pipeline_free(pipeline);
	pipeline = NULL;
	rulebooks_free(o.books);
	if (o.store)
		kube_store_free(o.store);
	if (o.router)
		route_free(o.router);
	filter_free((struct filter *)o.filter);
	telemetry_free(o.telemetry);
	selector_free(selector);
	selector = NULL;
	return 0;
}

uint64_t stat_of(const _Atomic uint64_t *s)
{
	return atomic_load(s);
}

void adds_up(void)
{
	assert_int_equal(STAT(exchanges), STAT(delivered) + STAT(hidden) + STAT(ignored_route) +
						  STAT(filtered) + STAT(switched_off) +
						  STAT(exports_itself) + STAT(waiting));
}

void counts(uint64_t exchanges, uint64_t delivered, uint64_t waiting)
{
	adds_up();
	assert_int_equal(STAT(exchanges), exchanges);
	assert_int_equal(STAT(delivered), delivered);
	assert_int_equal(STAT(waiting), waiting);
	assert_int_equal(telemetry_stats(o.telemetry)->exchanges, delivered);
	assert_int_equal(telemetry_stats(o.telemetry)->invalid, 0);
}

/* As intake does it. */
void feed(const void *p, size_t size)
{
	struct record record;

	assert_int_equal(record_read(p, size, &record), 0);
	ops.record(ops.arg, &record);
	adds_up();
}

void exchange(uint64_t cgroup, uint32_t tgid, const char *target, const char *resp)
{
	char req[256];

	snprintf(req, sizeof(req), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
	exchange_of(cgroup, tgid, req, resp);
}

void exchange_of(uint64_t cgroup, uint32_t tgid, const char *req, const char *resp)
{
	static uint64_t cookie;
	size_t n = strlen(req);
	size_t m = strlen(resp), size = sizeof(struct kh_exchange) + n + m;
	struct kh_exchange *x = calloc(1, size);

	x->rec = (struct kh_rec){.type = KH_EXCHANGE, .size = (uint32_t)size};
	x->conn = (struct kh_conn){
		.cookie = ++cookie, .role = KH_ROLE_SERVER, .family = 2, .lport = PORT};
	x->cgroup = cgroup;
	x->tgid = tgid;
	x->number = 1;
	x->req =
		(struct kh_message){.first_ns = 1, .last_ns = 1, .len = n, .head_len = (uint16_t)n};
	x->resp =
		(struct kh_message){.first_ns = 2, .last_ns = 3, .len = m, .head_len = (uint16_t)m};
	memcpy(x + 1, req, n);
	memcpy((char *)(x + 1) + n, resp, m);
	feed(x, size);
	free(x);
}

void segment(struct piped_conn *c, bool sent, const char *text, size_t n)
{
	struct {
		struct kh_segment is;
		char text[400];
	} record = {.is = {.rec = {.type = KH_SEGMENT}}};

	assert_true(n <= sizeof(record.text));
	record.is.rec.size = (uint32_t)(sizeof(record.is) + n);
	record.is.conn = (struct kh_conn){.cookie = c->cookie,
					  .role = (uint8_t)c->role,
					  .family = 2,
					  .raddr = {10, 0, 0, c->peer},
					  .lport = c->role == KH_ROLE_SERVER ? c->port : 40000,
					  .rport = c->role == KH_ROLE_SERVER ? 40000 : c->port,
					  .isn_local = 1,
					  .isn_remote = 1};
	record.is.cgroup = c->cgroup;
	record.is.tgid = record.is.tid = c->tgid;
	record.is.ns = ++now;
	record.is.seq = c->seq[sent];
	record.is.other = c->seq[!sent];
	record.is.len = record.is.head_len = (uint16_t)n;
	record.is.sent = sent;
	record.is.transport = 6;
	record.is.reason = KH_WHY_MORE;
	memcpy(record.text, text, n);
	c->seq[sent] += (uint32_t)n;
	feed(&record, record.is.rec.size);
}

void tell(struct kh_cgroup c)
{
	struct kh_process p = a_process(TGID, c.cgroup, "nginx");

	feed(&c, sizeof(c));
	feed(&p, sizeof(p));
}

void idle_after(uint64_t ns)
{
	now += ns;
	ops.idle(ops.arg, now);
	adds_up();
}

void list(struct kube_pod *pod)
{
	kube_store_list_begin(o.store);
	if (pod)
		assert_int_equal(kube_store_put(o.store, pod), 0);
	kube_store_list_end(o.store, now);
	assert_int_equal(kube_store_publish(o.store, now), 0);
}

struct rulebook *book_of(const char *yaml)
{
	static const struct attribute_extras no_extras;
	static const struct rulebook_basis basis = {.host = "node-1", .extras = &no_extras};
	struct config *config = NULL;
	struct notes notes = {0};
	struct rulebook *book;

	assert_int_equal(config_parse(&config, slice_of(yaml), NULL, &notes), 0);
	assert_int_equal(rulebook_new(&book, config, &basis, NULL), 0);
	book->owned = config;
	return book;
}
