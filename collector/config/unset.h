/* SPDX-License-Identifier: Apache-2.0 */
/* What counts of lists that nobody gave, so that the effective configuration shows it. */
#ifndef KEYHOLE_CONFIG_UNSET_H
#define KEYHOLE_CONFIG_UNSET_H

#include "bind.h"
#include "config.h"

/*
 * Completes b->values, once all was given: each list that was left out gets the value which, read
 * from a file, would change nothing. Those for which there is none (prometheus_export.features,
 * the form of `discovery` that does not count) stay without.
 */
void unset_complete(struct binding *b, const struct config *config);

#endif
