/* SPDX-License-Identifier: Apache-2.0 */
/* What stays of a process in memory once it has started. */
#ifndef KEYHOLE_POLICY_RESIDENT_H
#define KEYHOLE_POLICY_RESIDENT_H

/*
 * Gives back what only the start needed: what malloc holds free, and the pages of the program and
 * its libraries that are as their files are (code and constants; nothing that was relocated or
 * written). What is used again is read from the page cache. Once, when the start is over; allowed
 * in both sandboxes. Breakpoints that somebody else put into the code are lost by it.
 */
void policy_give_back(void);

#endif
