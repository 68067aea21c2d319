/* SPDX-License-Identifier: Apache-2.0 */
/* Of the words there are, which one did somebody mean? */
#ifndef KEYHOLE_CONFIG_NEAREST_H
#define KEYHOLE_CONFIG_NEAREST_H

#include "../slice.h"

#define NEAREST_WORD_MAX 64 /* bytes; longer words are like nothing */

/*
 * Letters to insert, remove, change, or swap with their neighbour, so that a becomes b ('_', '-'
 * and case count as letters). (unsigned)-1 if either is too long.
 */
unsigned nearest_distance(struct slice a, struct slice b);

/* Offers `word`: it replaces *best if it is nearer and near enough to be meant. */
void nearest_offer(struct slice asked, struct slice word, struct slice *best, unsigned *distance);

#endif
