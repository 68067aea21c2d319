/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pods under vectors/: as `kubectl get pod -o json` shows them. Read once, freed by nobody.
 */
#ifndef KEYHOLE_TEST_KUBE_VECTORS_H
#define KEYHOLE_TEST_KUBE_VECTORS_H

#include <stdio.h>
#include <stdlib.h>

#include "collector/kube/decode.h"

static inline struct slice vector_read(const char *name)
{
	static char text[16][32768];
	static int used;
	char path[512], *into = text[used++ % 16];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s.json", KUBE_VECTORS, name);
	file = fopen(path, "r");
	if (!file) {
		perror(path);
		abort();
	}
	n = fread(into, 1, sizeof(text[0]), file);
	fclose(file);
	return (struct slice){into, n};
}

#endif
