/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyhole.memory_limit, shared out: what each part may take at most so that all of them together
 * stay below it. A limit of a part's own that is lower stays.
 *
 * Of the limit, an eighth is left to what the kernel charges beside the process's own memory (page
 * tables, sockets' buffers, pages of files), and MEMORY_FIXED to what does not grow with the load:
 * the tables of fixed size when they are full, the libraries' data, a list of pods being read. The
 * rest is divided by the weights in memory.c.
 */
#ifndef KEYHOLE_CONFIG_MEMORY_H
#define KEYHOLE_CONFIG_MEMORY_H

#include "bind.h"
#include "config.h"

#define MEMORY_LIMIT_MIN (48u << 20) /* what keyhole.memory_limit is at least, if it is set */
#define MEMORY_FIXED (24u << 20)
#define MEMORY_PEER 1024 /* bytes of a pod of another node, or of a Service */

void memory_settle(struct binding *b, struct config *config);

#endif
