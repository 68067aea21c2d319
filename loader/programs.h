/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which programs a backend loads, and with which constants and sizes: what is set between opening
 * an object and loading it. Used by backend.c, and by tests/verifier/measure.c, which so measures
 * what the loader loads.
 */
#ifndef KEYHOLE_LOADER_PROGRAMS_H
#define KEYHOLE_LOADER_PROGRAMS_H

#include <stdbool.h>

#include "backend.h"
#include "options.h"

struct keyhole;   /* keyhole.skel.h */
struct task_iter; /* task_iter.skel.h */

#define PROGRAMS_BACKENDS 3

/* A backend and the kinds of programs it has. The best comes first. */
struct programs_backend {
	const char *name;
	bool tp, fx;
};

extern const struct programs_backend programs_backends[PROGRAMS_BACKENDS];

/* These return 0 or a negative errno. */

int programs_choose(struct keyhole *s, const struct kernel *k, bool tp, bool fx);

/* Makes a map if the head has another size than the object's. */
int programs_configure(struct keyhole *s, const struct options *o, unsigned int cpus);

/* Has the second object, opened, work on the maps of the first, loaded. */
int programs_share(struct task_iter *iter, const struct keyhole *s);

#endif
