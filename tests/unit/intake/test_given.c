/* SPDX-License-Identifier: Apache-2.0 */
/* What has a file type is no map: files of every kind are told apart, before one is mapped. */
#include "intake/given.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void refused(int fd)
{
	assert_true(fd >= 0);
	assert_false(given_may_be_map(fd));
	close(fd);
}

static void files_devices_sockets_and_pipes_are_refused(void **state)
{
	int pipes[2];

	refused(memfd_create("file", MFD_CLOEXEC));
	refused(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	refused(open("/", O_RDONLY | O_CLOEXEC));
	refused(open("/dev/zero", O_RDWR | O_CLOEXEC));
	refused(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	refused(pipes[0]);
	refused(pipes[1]);
	assert_false(given_may_be_map(-1));
}

/* Nothing else is known of them; that they cannot be mapped is found out by trying. */
static void what_has_no_file_is_let_through(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_true(given_may_be_map(fd));
	close(fd);
}

static void a_map_is_let_through(void **state)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_RINGBUF;
	attr.max_entries = 65536;
	fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	if (fd < 0)
		skip(); /* who may not make one */
	assert_true(given_may_be_map(fd));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_devices_sockets_and_pipes_are_refused),
		cmocka_unit_test(what_has_no_file_is_let_through),
		cmocka_unit_test(a_map_is_let_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
