/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attempt CALL [ARG...]: makes one system call, by its name, and says how it ended. An argument is
 * a number if it looks like one and else a string; those that are missing are 0. Exits 0 whether
 * or not the kernel refused: what counts is that the call came back.
 */
#include <err.h>
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long argument(const char *text)
{
	char *end;
	long number = strtol(text, &end, 0);

	return *text && !*end ? number : (long)text;
}

int main(int argc, char **argv)
{
	long arg[6] = {0}, result;
	int nr;

	if (argc < 2 || argc > 8)
		errx(2, "usage: attempt CALL [ARG...]");
	nr = seccomp_syscall_resolve_name(argv[1]);
	if (nr < 0)
		errx(2, "there is no call %s", argv[1]);
	for (int i = 2; i < argc; i++)
		arg[i - 2] = argument(argv[i]);
	result = syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	printf("%s: %s\n", argv[1], result < 0 ? strerror(errno) : "done");
	return 0;
}
