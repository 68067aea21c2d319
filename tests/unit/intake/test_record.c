/* SPDX-License-Identifier: Apache-2.0 */
/* Records that contradict themselves are refused before anybody believes one of their lengths. */
#include "intake/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Larger than any record: the largest is an exchange with two full heads and tails. */
static union {
	struct kh_rec rec;
	struct kh_exchange exchange;
	struct kh_part part;
	struct kh_segment segment;
	struct kh_cgroup cgroup;
	struct kh_process process;
	struct kh_exit exit;
	struct kh_listen listen;
	struct kh_args args;
	struct kh_self self;
	uint8_t bytes[16384];
} r;

static struct record out;

/* From memory of exactly that size, so that a sanitizer sees what is read beyond. */
static int read_sized(size_t size)
{
	void *exact = malloc(size ? size : 1);
	int result;

	memcpy(exact, &r, size);
	result = record_read(exact, size, &out);
	free(exact);
	return result;
}

static int read_it(void)
{
	return read_sized(r.rec.size);
}

static void begin(uint16_t type, size_t size)
{
	memset(&r, 0, sizeof(r));
	r.rec.type = type;
	r.rec.size = (uint32_t)size;
}

/* 100 and 20 bytes of request, 50 and 64 of response. */
static void an_exchange(void)
{
	begin(KH_EXCHANGE, sizeof(r.exchange) + 100 + 20 + 50 + 64);
	r.exchange.conn.role = KH_ROLE_SERVER;
	r.exchange.req = (struct kh_message){
		.first_ns = 5, .last_ns = 6, .len = 500, .gap = 7, .head_len = 100, .tail_len = 20};
	r.exchange.resp = (struct kh_message){
		.first_ns = 7, .last_ns = 7, .len = 5000, .head_len = 50, .tail_len = 64};
}

static void a_part(uint16_t type)
{
	begin(type, sizeof(r.part) + 10 + 5);
	r.part.reason = KH_WHY_MORE;
	r.part.msg = (struct kh_message){.len = 15, .head_len = 10, .tail_len = 5};
}

/* 100 bytes from the start and 64 from the end of 5000. */
static void a_segment(void)
{
	begin(KH_SEGMENT, sizeof(r.segment) + 100 + 64);
	r.segment.len = 5000;
	r.segment.head_len = 100;
	r.segment.tail_len = 64;
	r.segment.transport = IPPROTO_TCP;
	r.segment.reason = KH_WHY_MORE;
}

static void an_end(void)
{
	begin(KH_SEGMENT, sizeof(r.segment));
	r.segment.transport = IPPROTO_TCP;
	r.segment.reason = KH_WHY_CLOSE;
}

static void a_cgroup(void)
{
	begin(KH_CGROUP, sizeof(r.cgroup));
	r.cgroup.levels = 2;
	strcpy(r.cgroup.names[0], "nginx.service");
	strcpy(r.cgroup.names[1], "system.slice");
}

static void a_process(void)
{
	begin(KH_PROCESS, sizeof(r.process));
	r.process.exe_levels = 2;
	strcpy(r.process.comm, "nginx");
}

static void an_exchange_says_where_its_bytes_are(void **state)
{
	const uint8_t *payload = r.bytes + sizeof(r.exchange);

	an_exchange();
	assert_int_equal(record_read(&r, r.rec.size, &out), 0);
	assert_int_equal(out.type, KH_EXCHANGE);
	assert_ptr_equal(out.exchange, &r.exchange);
	assert_ptr_equal(out.req.head, payload);
	assert_ptr_equal(out.req.tail, payload + 100);
	assert_ptr_equal(out.resp.head, payload + 120);
	assert_ptr_equal(out.resp.tail, payload + 170);
	assert_int_equal(out.resp.info.len, 5000);
	assert_int_equal(read_it(), 0);
}

static void lengths_that_exceed_the_record_are_refused(void **state)
{
	an_exchange();
	r.rec.size -= 1;
	assert_int_equal(read_it(), -EBADMSG);
	an_exchange();
	r.exchange.resp.tail_len = 65;
	assert_int_equal(read_it(), -EBADMSG);
	an_exchange();
	r.exchange.req.head_len += 1;
	assert_int_equal(read_it(), -EBADMSG);
	an_exchange();
	r.exchange.req.head_len = r.exchange.resp.head_len = 0xffff;
	assert_int_equal(read_it(), -EBADMSG);
	a_part(KH_PART);
	r.part.msg.tail_len = 6;
	assert_int_equal(read_it(), -EBADMSG);
}

static void lengths_beyond_the_limits_are_refused_even_if_they_fit(void **state)
{
	begin(KH_EXCHANGE, sizeof(r.exchange) + KH_HEAD_MAX + 1);
	r.exchange.conn.role = KH_ROLE_CLIENT;
	r.exchange.req.len = 1 << 20;
	r.exchange.req.head_len = KH_HEAD_MAX;
	assert_int_equal(read_it(), 0);
	r.exchange.req.head_len = KH_HEAD_MAX + 1;
	assert_int_equal(read_it(), -EBADMSG);
	r.exchange.req.head_len = 0;
	r.exchange.req.tail_len = KH_TAIL;
	assert_int_equal(read_it(), 0);
	r.exchange.req.tail_len = KH_TAIL + 1;
	assert_int_equal(read_it(), -EBADMSG);
}

static void more_bytes_captured_than_passed_are_refused(void **state)
{
	an_exchange();
	r.exchange.req.len = 99;
	assert_int_equal(read_it(), -EBADMSG);
	an_exchange();
	r.exchange.resp.len = 63;
	assert_int_equal(read_it(), -EBADMSG);
	an_exchange();
	r.exchange.req.gap = 501;
	assert_int_equal(read_it(), -EBADMSG);
	/* but the tail may reach back into the head */
	an_exchange();
	r.exchange.req.len = 100;
	assert_int_equal(read_it(), 0);
}

static void time_does_not_run_backwards(void **state)
{
	an_exchange();
	r.exchange.req.last_ns = 4;
	assert_int_equal(read_it(), -EBADMSG);
}

static void an_exchange_has_a_role_and_a_reason(void **state)
{
	an_exchange();
	r.exchange.conn.role = KH_ROLE_UNKNOWN;
	assert_int_equal(read_it(), -EBADMSG);
	r.exchange.conn.role = KH_ROLE_CLIENT + 1;
	assert_int_equal(read_it(), -EBADMSG);
	an_exchange();
	r.exchange.reason = KH_WHY_RESET + 1;
	assert_int_equal(read_it(), -EBADMSG);
	a_part(KH_PART);
	r.part.reason = KH_WHY_RESET + 1;
	assert_int_equal(read_it(), -EBADMSG);
}

static void a_part_belongs_to_the_direction_that_its_flag_names(void **state)
{
	a_part(KH_PART);
	assert_int_equal(read_it(), 0);
	assert_int_equal(out.req.info.len, 15);
	assert_null(out.resp.head);
	a_part(KH_FINISH);
	r.rec.flags = KH_F_RESPONSE;
	assert_int_equal(read_it(), 0);
	assert_int_equal(out.resp.info.len, 15);
	assert_null(out.req.head);
}

static void names_without_an_end_are_refused(void **state)
{
	uint32_t i;

	for (i = 0; i < 2; i++) {
		a_cgroup();
		assert_int_equal(read_it(), 0);
		memset(r.cgroup.names[i], 'x', KH_NAME);
		assert_int_equal(read_it(), -EBADMSG);
		a_process();
		assert_int_equal(read_it(), 0);
		memset(r.process.exe[i], 'x', KH_EXE_NAME);
		assert_int_equal(read_it(), -EBADMSG);
	}
	/* one that is not used may hold anything */
	a_cgroup();
	memset(r.cgroup.names[2], 'x', KH_NAME);
	assert_int_equal(read_it(), 0);
	a_process();
	memset(r.process.comm, 'x', sizeof(r.process.comm));
	assert_int_equal(read_it(), -EBADMSG);
}

static void counts_beyond_the_record_are_refused(void **state)
{
	a_cgroup();
	r.cgroup.levels = KH_CGROUP_LEVELS;
	assert_int_equal(read_it(), 0);
	r.cgroup.levels = KH_CGROUP_LEVELS + 1;
	assert_int_equal(read_it(), -EBADMSG);
	r.cgroup.levels = UINT32_MAX;
	assert_int_equal(read_it(), -EBADMSG);
	a_process();
	r.process.exe_levels = KH_EXE_LEVELS + 1;
	assert_int_equal(read_it(), -EBADMSG);
}

static void a_segments_bytes_are_within_it(void **state)
{
	a_segment();
	assert_int_equal(record_read(&r, r.rec.size, &out), 0);
	assert_ptr_equal(out.segment, &r.segment);
	assert_int_equal(read_it(), 0);
	r.rec.size--;
	assert_int_equal(read_it(), -EBADMSG);
	a_segment();
	r.segment.len = 164; /* head and tail are all there is */
	assert_int_equal(read_it(), 0);
	r.segment.len = 163;
	assert_int_equal(read_it(), -EBADMSG);
	a_segment();
	r.rec.size = 8192;
	r.segment.head_len = KH_HEAD_MAX;
	assert_int_equal(read_it(), 0);
	r.segment.head_len++;
	assert_int_equal(read_it(), -EBADMSG);
	a_segment();
	r.rec.size = 8192;
	r.segment.tail_len = KH_TAIL + 1;
	assert_int_equal(read_it(), -EBADMSG);
	a_segment();
	r.segment.len = INT32_MAX;
	assert_int_equal(read_it(), 0);
	r.segment.len++;
	assert_int_equal(read_it(), -EBADMSG);
}

static void a_segment_says_what_it_is(void **state)
{
	a_segment();
	r.segment.conn.role = KH_ROLE_CLIENT;
	r.segment.sent = 1;
	r.segment.transport = IPPROTO_UDP;
	assert_int_equal(read_it(), 0);
	r.segment.conn.role++;
	assert_int_equal(read_it(), -EBADMSG);
	a_segment();
	r.segment.sent = 2;
	assert_int_equal(read_it(), -EBADMSG);
	a_segment();
	r.segment.transport = IPPROTO_ICMP;
	assert_int_equal(read_it(), -EBADMSG);
}

static void only_the_end_of_a_stream_has_no_bytes(void **state)
{
	an_end();
	assert_int_equal(read_it(), 0);
	r.segment.reason = KH_WHY_RESET;
	assert_int_equal(read_it(), 0);
	r.segment.reason = KH_WHY_MORE;
	assert_int_equal(read_it(), -EBADMSG);
	a_segment();
	r.segment.reason = KH_WHY_CLOSE;
	assert_int_equal(read_it(), -EBADMSG);
}

static void every_type_has_a_least_size(void **state)
{
	static const struct {
		uint16_t type;
		size_t size;
	} types[] = {
		{KH_EXCHANGE, sizeof(struct kh_exchange)}, {KH_PART, sizeof(struct kh_part)},
		{KH_FINISH, sizeof(struct kh_part)},       {KH_CGROUP, sizeof(struct kh_cgroup)},
		{KH_PROCESS, sizeof(struct kh_process)},   {KH_EXIT, sizeof(struct kh_exit)},
		{KH_LISTEN, sizeof(struct kh_listen)},     {KH_ARGS, sizeof(struct kh_args)},
		{KH_SELF, sizeof(struct kh_self)},         {KH_SEGMENT, sizeof(struct kh_segment)}};
	size_t i, size;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		begin(types[i].type, types[i].size);
		if (types[i].type == KH_EXCHANGE)
			r.exchange.conn.role = KH_ROLE_SERVER;
		if (types[i].type == KH_SEGMENT)
			an_end();
		assert_int_equal(read_it(), 0);
		for (size = 0; size < types[i].size; size++) {
			r.rec.size = (uint32_t)size;
			assert_int_equal(read_sized(size), -EBADMSG);
		}
	}
}

static void command_lines_and_levels_fit_their_records(void **state)
{
	begin(KH_ARGS, sizeof(r.args));
	r.args.len = KH_ARGS_MAX;
	assert_int_equal(read_it(), 0);
	r.args.len++;
	assert_int_equal(read_it(), -EBADMSG);
	begin(KH_SELF, sizeof(r.self));
	r.self.levels = KH_CGROUP_LEVELS;
	assert_int_equal(read_it(), 0);
	r.self.levels++;
	assert_int_equal(read_it(), -EBADMSG);
}

static void the_record_is_as_long_as_it_says_but_for_the_ring_s_padding(void **state)
{
	size_t pad;

	an_exchange();
	for (pad = 0; pad < 8; pad++)
		assert_int_equal(read_sized(r.rec.size + pad), 0);
	assert_int_equal(read_sized(r.rec.size + 8), -EBADMSG);
	assert_int_equal(read_sized(r.rec.size - 1), -EBADMSG);
	r.rec.size = UINT32_MAX;
	assert_int_equal(read_sized(512), -EBADMSG);
}

/* What is read of a record lies in it, whatever one of its fields says. */
static void within(const uint8_t *from, size_t n, size_t size)
{
	const uint8_t *start = (const uint8_t *)&r;

	assert_true(!n || (from >= start && n <= size && from + n <= start + size));
}

static void accepted_is_within(size_t size)
{
	within(out.req.head, out.req.info.head_len, size);
	within(out.req.tail, out.req.info.tail_len, size);
	within(out.resp.head, out.resp.info.head_len, size);
	within(out.resp.tail, out.resp.info.tail_len, size);
	if (out.type == KH_CGROUP)
		assert_true(out.cgroup->levels <= KH_CGROUP_LEVELS);
	if (out.type == KH_SEGMENT)
		assert_true((const uint8_t *)(out.segment + 1) + out.segment->head_len +
				    out.segment->tail_len <=
			    r.bytes + size);
	if (out.type == KH_PROCESS)
		assert_true(out.process->exe_levels <= KH_EXE_LEVELS);
}

/* Each byte before the payload takes every value: lengths and counts are among them. */
static void any_byte_of_a_record_may_be_wrong(void **state)
{
	static const uint16_t types[] = {KH_EXCHANGE, KH_PART,    KH_FINISH,
					 KH_CGROUP,   KH_PROCESS, KH_SEGMENT};
	static const size_t fixed[] = {sizeof(r.exchange), sizeof(r.part), sizeof(r.part),
				       offsetof(struct kh_cgroup, names),
				       offsetof(struct kh_process, exe), sizeof(r.segment)};
	size_t i, at, size, accepted = 0, refused = 0;
	int value;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		for (at = 0; at < fixed[i]; at++) {
			for (value = 0; value < 256; value++) {
				if (types[i] == KH_EXCHANGE)
					an_exchange();
				else if (types[i] == KH_CGROUP)
					a_cgroup();
				else if (types[i] == KH_PROCESS)
					a_process();
				else if (types[i] == KH_SEGMENT)
					a_segment();
				else
					a_part(types[i]);
				size = r.rec.size;
				r.bytes[at] = (uint8_t)value;
				if (record_read(&r, size, &out)) {
					refused++;
					continue;
				}
				accepted_is_within(size);
				accepted++;
			}
		}
	}
	assert_true(accepted > 0 && refused > 0);
}

static void unknown_types_are_refused(void **state)
{
	uint32_t type;

	for (type = 0; type < 65536; type++) {
		bool known = (type >= KH_EXCHANGE && type <= KH_SEGMENT) ||
			     (type >= KH_CGROUP && type <= KH_SELF);

		begin((uint16_t)type, sizeof(struct kh_cgroup));
		if (type == KH_EXCHANGE)
			r.exchange.conn.role = KH_ROLE_SERVER;
		if (type == KH_SEGMENT)
			an_end();
		assert_int_equal(record_read(&r, r.rec.size, &out), known ? 0 : -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exchange_says_where_its_bytes_are),
		cmocka_unit_test(lengths_that_exceed_the_record_are_refused),
		cmocka_unit_test(lengths_beyond_the_limits_are_refused_even_if_they_fit),
		cmocka_unit_test(more_bytes_captured_than_passed_are_refused),
		cmocka_unit_test(time_does_not_run_backwards),
		cmocka_unit_test(an_exchange_has_a_role_and_a_reason),
		cmocka_unit_test(a_part_belongs_to_the_direction_that_its_flag_names),
		cmocka_unit_test(a_segments_bytes_are_within_it),
		cmocka_unit_test(a_segment_says_what_it_is),
		cmocka_unit_test(only_the_end_of_a_stream_has_no_bytes),
		cmocka_unit_test(names_without_an_end_are_refused),
		cmocka_unit_test(counts_beyond_the_record_are_refused),
		cmocka_unit_test(every_type_has_a_least_size),
		cmocka_unit_test(command_lines_and_levels_fit_their_records),
		cmocka_unit_test(the_record_is_as_long_as_it_says_but_for_the_ring_s_padding),
		cmocka_unit_test(any_byte_of_a_record_may_be_wrong),
		cmocka_unit_test(unknown_types_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
