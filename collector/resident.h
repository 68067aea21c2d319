/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory malloc takes and keeps, and what the start leaves behind. The front thread's. */
#ifndef KEYHOLE_RESIDENT_H
#define KEYHOLE_RESIDENT_H

struct loop;

/* First of all in main(): of tables that are made from now on, no more is there than is used. */
void resident_at_start(void);

/*
 * When all is made, and before the loop runs: what is large, such as the body of a scrape, is given
 * back from now on when it is freed, and what only the start needed is given back now, and once
 * again when the first lists are read.
 */
void resident_started(struct loop *loop);

#endif
