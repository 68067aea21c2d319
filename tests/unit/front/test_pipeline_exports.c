/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends OTLP itself is not told twice, from the request on that shows it. */
#include <stdlib.h>

#include "piped.h"

#define TAKEN "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define REFUSED "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"

/* TGID asks somebody. */
static void post(uint32_t tgid, const char *target, const char *resp)
{
	static uint64_t cookie = 1ull << 32;
	char text[512];
	int n = snprintf(text, sizeof(text),
			 "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", target);
	size_t m = strlen(resp), size = sizeof(struct kh_exchange) + (size_t)n + m;
	struct kh_exchange *x = calloc(1, size);

	x->rec = (struct kh_rec){.type = KH_EXCHANGE, .size = (uint32_t)size};
	x->conn = (struct kh_conn){
		.cookie = ++cookie, .role = KH_ROLE_CLIENT, .family = 2, .rport = 4318};
	x->cgroup = CGROUP;
	x->tgid = tgid;
	x->number = 1;
	x->req = (struct kh_message){
		.first_ns = 1, .last_ns = 1, .len = (uint64_t)n, .head_len = (uint16_t)n};
	x->resp =
		(struct kh_message){.first_ns = 2, .last_ns = 3, .len = m, .head_len = (uint16_t)m};
	memcpy(x + 1, text, (size_t)n);
	memcpy((char *)(x + 1) + n, resp, m);
	feed(x, size);
	free(x);
}

static void begin(const char *yaml)
{
	struct kh_process other = a_process(TGID + 1, CGROUP, "other");

	o.books = rulebooks_new(book_of(yaml));
	start(false);
	tell(unit_cgroup(CGROUP, "shop.service"));
	feed(&other, sizeof(other));
}

static void metrics_are_not_doubled(void **state)
{
	(void)state;
	begin("{}\n");
	exchange(CGROUP, TGID, "/", OK);
	counts(1, 1, 0);
	post(TGID, "/v1/metrics", TAKEN); /* nor is that request counted */
	exchange(CGROUP, TGID, "/", OK);
	counts(3, 1, 0);
	assert_int_equal(STAT(exports_itself), 2);
	exchange(CGROUP, TGID + 1, "/", OK); /* another process does not */
	counts(4, 2, 0);
}

static void of_traces_the_metrics_are_told(void **state)
{
	(void)state;
	begin("{}\n");
	post(TGID, "/v1/traces", TAKEN);
	exchange(CGROUP, TGID, "/", OK);
	counts(2, 2, 0);
	assert_int_equal(STAT(exports_itself), 0);
}

static void what_is_not_taken_shows_nothing(void **state)
{
	(void)state;
	begin("{}\n");
	post(TGID, "/v1/metrics", REFUSED);
	exchange(CGROUP, TGID, "/", OK);
	counts(2, 2, 0);
}

static void it_can_be_switched_off_and_on_again(void **state)
{
	(void)state;
	begin("discovery: {exclude_otel_instrumented_services: false}\n");
	post(TGID, "/v1/metrics", TAKEN);
	exchange(CGROUP, TGID, "/", OK);
	counts(2, 2, 0);
	rulebooks_publish(o.books, book_of("{}\n"));
	idle_after(1);
	exchange(CGROUP, TGID, "/", OK); /* what was seen before is remembered */
	counts(3, 2, 0);
	assert_int_equal(STAT(exports_itself), 1);
}

/* The number was given to somebody else. */
static void another_process_with_the_number_starts_anew(void **state)
{
	struct kh_process next = a_process(TGID, CGROUP, "next");

	(void)state;
	begin("{}\n");
	post(TGID, "/v1/metrics", TAKEN);
	counts(1, 0, 0);
	next.start_ns = 2;
	feed(&next, sizeof(next));
	exchange(CGROUP, TGID, "/", OK);
	counts(2, 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(metrics_are_not_doubled),
		T(of_traces_the_metrics_are_told),
		T(what_is_not_taken_shows_nothing),
		T(it_can_be_switched_off_and_on_again),
		T(another_process_with_the_number_starts_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
