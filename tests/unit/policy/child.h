/* SPDX-License-Identifier: Apache-2.0 */
/* A sandbox is for good: each test that enters one does so in a child of its own. */
#ifndef KEYHOLE_TEST_CHILD_H
#define KEYHOLE_TEST_CHILD_H

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SECONDS 20

/* In a child: says which expectation failed and makes the function return 1. */
#define expect(cond)                                                                               \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #cond);        \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

/* Runs fn(arg) in a child. Returns its exit status, or minus the signal that killed it. */
static inline int in_child(int (*fn)(void *arg), void *arg)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		/* cmocka's handlers would go on with the parent's tests in the child. */
		for (int sig = 1; sig < 32; sig++)
			signal(sig, SIG_DFL);
		alarm(CHILD_SECONDS);
		_exit(fn(arg));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 255;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

#endif
