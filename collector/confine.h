/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's own sandbox: which files and ports its parts still need, as they were made of the
 * configuration, and nothing else from then on (policy/sandbox.h).
 */
#ifndef KEYHOLE_CONFINE_H
#define KEYHOLE_CONFINE_H

struct collector;

/*
 * When all parts are made but the intake, and before a byte is read that somebody else wrote.
 * Returns 0 or -errno, said in one line.
 */
int confine_collector(struct collector *c);

#endif
