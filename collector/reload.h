/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the configuration again: on SIGHUP, and when the file is another one, which is looked
 * for every RELOAD_POLL_MS by one stat(2). That follows links, so it also sees what the kubelet
 * does for a ConfigMap: a new directory, and a link moved to it. No notification is used; that
 * would need system calls that the sandbox refuses.
 *
 * All or nothing: a file with an error changes nothing and is said and counted. Belongs to the
 * front thread, but for reload_signal().
 */
#ifndef KEYHOLE_RELOAD_H
#define KEYHOLE_RELOAD_H

#include "loop.h"
#include "rulebook.h"

#include <stdatomic.h>

#define RELOAD_POLL_MS 2000  /* between two looks at the file */
#define RELOAD_SETTLE_MS 200 /* it must have stayed the same so long: somebody may be writing */

struct reload_options {
	struct loop *loop;
	const char *path; /* NULL: no file, SIGHUP says so */
	char *const *environment;
	struct rulebooks *books;
	/* What else the new configuration asks for; before it counts. 0, or -errno after one line.
	 */
	int (*prepare)(void *arg, const struct config *config);
	void *arg;
};

struct reload_stats {
	_Atomic uint64_t ok, failed;
	_Atomic uint64_t loaded_s; /* when what is in effect was read; since 1970 */
};

struct reload;

/* Before the sandbox. Returns 0 or -errno, said. */
int reload_start(struct reload **reload, const struct reload_options *options);
void reload_stop(struct reload *reload); /* NULL is fine */
const struct reload_stats *reload_stats(const struct reload *reload);

/* Asks for it; safe in a signal handler. */
void reload_signal(struct reload *reload);

#endif
