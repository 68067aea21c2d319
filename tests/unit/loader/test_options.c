/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bpf/events.h"
#include "ipc/handover.h"

static struct options o;
static char said[512]; /* on standard error by the last parse() */

#define ARGS_MAX 8

/* Parses the arguments up to NULL; what it says is kept. */
static int parse(const char *first, ...)
{
	char *argv[ARGS_MAX] = {"keyhole-loader"};
	int argc = 1, r, keep = dup(2);
	FILE *f = tmpfile();
	va_list args;
	size_t n;

	va_start(args, first);
	for (; first && argc < ARGS_MAX; first = va_arg(args, const char *))
		argv[argc++] = (char *)first;
	va_end(args);
	dup2(fileno(f), 2);
	r = options_parse(&o, argc, argv);
	dup2(keep, 2);
	close(keep);
	rewind(f);
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = 0;
	fclose(f);
	return r;
}

static void refused(const char *option, const char *why)
{
	assert_int_equal(parse(option, NULL), -EINVAL);
	assert_non_null(strstr(said, why));
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1); /* one line */
}

static void without_arguments_the_documented_defaults_hold(void **state)
{
	assert_int_equal(parse(NULL), 0);
	assert_string_equal(o.socket, HANDOVER_SOCKET);
	assert_int_equal(o.peer_uid, 65532);
	assert_int_equal(o.backend, BACKEND_AUTO);
	assert_int_equal(o.data_ring, 4 << 20);
	assert_int_equal(o.life_ring, 256 << 10);
	assert_int_equal(o.request_head, KH_HEAD_DEFAULT);
	assert_int_equal(o.response_head, KH_HEAD_DEFAULT);
	assert_int_equal(o.sockets, 65536);
	assert_int_equal(o.streams, 65536);
	assert_false(o.check || o.version || o.help || o.no_sandbox);
}

static void a_value_follows_an_equals_sign_or_is_the_next_argument(void **state)
{
	assert_int_equal(parse("--socket=/a", "--peer-uid", "7", "--check", NULL), 0);
	assert_string_equal(o.socket, "/a");
	assert_int_equal(o.peer_uid, 7);
	assert_true(o.check);
}

static void sizes_take_units_and_the_last_one_given_holds(void **state)
{
	assert_int_equal(parse("--data-ring=64K", "--data-ring=1G", "--life-ring=65536", NULL), 0);
	assert_int_equal(o.data_ring, 1 << 30);
	assert_int_equal(o.life_ring, 65536);
}

static void every_backend_can_be_named(void **state)
{
	assert_int_equal(parse("--backend=tracepoint", NULL), 0);
	assert_int_equal(o.backend, BACKEND_TRACEPOINT);
	assert_int_equal(parse("--backend", "fexit", NULL), 0);
	assert_int_equal(o.backend, BACKEND_FEXIT);
	assert_int_equal(parse("--backend=auto", NULL), 0);
	assert_int_equal(o.backend, BACKEND_AUTO);
	refused("--backend=kprobe", "must be auto, tracepoint or fexit");
}

static void numbers_out_of_range_are_refused(void **state)
{
	refused("--data-ring=32K", "from 65536 to 1073741824");
	refused("--data-ring=2G", "from 65536 to 1073741824");
	refused("--request-head=64", "from 128 to 4096");
	refused("--response-head=8192", "from 128 to 4096");
	refused("--sockets=15", "from 16 to 16777216");
	refused("--streams=16777217", "from 16 to 16777216");
	/* -1 is "no uid": nobody's */
	refused("--peer-uid=4294967295", "from 0 to 4294967294");
	refused("--peer-uid=18446744073709551616", "from 0");
	refused("--data-ring=18014398509481984K", "from 65536"); /* 2^64 */
	refused("--data-ring=18014398509482048K", "from 65536"); /* and 64K more */
}

static void what_is_no_number_is_refused(void **state)
{
	static const char *const bad[] = {
		"--peer-uid=",      "--peer-uid=-1", "--peer-uid=+1",   "--peer-uid= 1",
		"--peer-uid=1 ",    "--peer-uid=1K", "--peer-uid=0x10", "--data-ring=1T",
		"--data-ring=64KK", "--data-ring=K", "--data-ring=64k", "--data-ring=64.0K"};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i], "must be a number");
}

static void sizes_that_the_kernel_cannot_use_are_refused(void **state)
{
	refused("--data-ring=3M", "must be a power of two");
	refused("--life-ring=100000", "must be a power of two");
	refused("--request-head=500", "must be a multiple of 64");
	assert_int_equal(parse("--request-head=192", NULL), 0);
}

static void mistakes_are_named(void **state)
{
	refused("--sockett=/x", "--sockett=/x: no such option");
	refused("--sock", "--sock: no such option");
	refused("--", "no such option");
	refused("socket", "options begin with --");
	refused("", "options begin with --");
	refused("--socket", "needs a value");
	refused("--socket=", "must not be empty");
	refused("--check=1", "takes no value");
}

static void the_help_names_every_option(void **state)
{
	static const char *const names[] = {
		"socket",        "peer-uid", "backend",    "data-ring", "life-ring", "request-head",
		"response-head", "sockets",  "no-sandbox", "check",     "version",   "help", "allow-missing",
		"streams"};
	char text[4096], name[32];
	FILE *f = tmpfile();
	int keep = dup(1);
	size_t i, n;

	fflush(stdout);
	dup2(fileno(f), 1);
	options_help();
	fflush(stdout);
	dup2(keep, 1);
	close(keep);
	rewind(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = 0;
	fclose(f);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(name, sizeof(name), "  --%s ", names[i]);
		assert_non_null(strstr(text, name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_arguments_the_documented_defaults_hold),
		cmocka_unit_test(a_value_follows_an_equals_sign_or_is_the_next_argument),
		cmocka_unit_test(sizes_take_units_and_the_last_one_given_holds),
		cmocka_unit_test(every_backend_can_be_named),
		cmocka_unit_test(numbers_out_of_range_are_refused),
		cmocka_unit_test(what_is_no_number_is_refused),
		cmocka_unit_test(sizes_that_the_kernel_cannot_use_are_refused),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(the_help_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
