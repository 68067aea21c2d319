/* SPDX-License-Identifier: Apache-2.0 */
/* `keyhole-loader --check`: what would happen, without attaching anything. */
#ifndef KEYHOLE_LOADER_CHECK_H
#define KEYHOLE_LOADER_CHECK_H

#include "options.h"

/* Prints a report to standard output. Returns the exit status: 0 it would run, 1 it would not. */
int check(const struct options *o);

#endif
