/* SPDX-License-Identifier: Apache-2.0 */
/* The loader's only way to speak to people: one line on standard error. */
#ifndef KEYHOLE_LOADER_SAY_H
#define KEYHOLE_LOADER_SAY_H

#include <stdio.h>

#define say(format, ...) fprintf(stderr, "keyhole-loader: " format "\n", ##__VA_ARGS__)

#endif
