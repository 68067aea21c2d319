/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deny CALL[:ARG]=ERROR COMMAND [ARG...]: runs the command; that system call (with that first
 * argument) fails in it, as on a kernel that lacks it or in a container that refuses it. Needs
 * CAP_SYS_ADMIN, or sets no_new_privs.
 */
#include <err.h>
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	int number;
} errors[] = {{"EPERM", EPERM},
	      {"ENOSYS", ENOSYS},
	      {"EINVAL", EINVAL},
	      {"E2BIG", E2BIG},
	      {"EOPNOTSUPP", EOPNOTSUPP}};

static int error_of(const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].number;
	errx(2, "%s: not an error this program knows", name);
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	char *error = argc > 2 ? strchr(argv[1], '=') : NULL, *arg;
	int nr, r;

	if (!filter || !error)
		errx(2, "usage: deny CALL[:ARG]=ERROR COMMAND [ARG...]");
	*error++ = 0;
	arg = strchr(argv[1], ':');
	if (arg)
		*arg++ = 0;
	nr = seccomp_syscall_resolve_name(argv[1]);
	if (nr < 0)
		errx(2, "there is no call %s", argv[1]);
	if (arg)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(error_of(error)), nr, 1,
				     SCMP_A0(SCMP_CMP_EQ, strtoul(arg, NULL, 0)));
	else
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(error_of(error)), nr, 0);
	if (!r)
		r = seccomp_load(filter);
	if (r)
		errx(2, "no filter: %s", strerror(-r));
	seccomp_release(filter);
	execvp(argv[2], argv + 2);
	err(127, "%s", argv[2]);
}
