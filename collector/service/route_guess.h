/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a path's segment name a thing of many (an id, a token, somebody's name) or a place in the
 * API? Only letters, '-', '_', '.' and space are of a place, and a digit in the second position
 * ("v1"); and each word of it must be speakable. A guess: patterns are how to be sure.
 */
#ifndef KEYHOLE_SERVICE_ROUTE_GUESS_H
#define KEYHOLE_SERVICE_ROUTE_GUESS_H

#include "../slice.h"

#define ROUTE_GUESS_SEGMENT_MAX 64 /* bytes; what is longer is no place */

bool route_guess_is_id(struct slice segment);

#endif
