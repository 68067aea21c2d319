/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzz target as a plain test: every file of the directories given, once, and each prefix. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 65536

static int replay(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "r");
	_cleanup_free_ uint8_t *all = malloc(INPUT_MAX);
	size_t n;

	if (!f || !all) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	n = fread(all, 1, INPUT_MAX, f);
	for (size_t i = 0; i <= n; i++) {
		/* Its own allocation, so that a sanitizer sees a read beyond its end. */
		_cleanup_free_ uint8_t *exact = malloc(i ? i : 1);

		memcpy(exact, all, i);
		LLVMFuzzerTestOneInput(exact, i);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int files = 0;

	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		struct dirent *entry;
		char path[PATH_MAX];

		while (dir && (entry = readdir(dir))) {
			if (entry->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
			if (replay(path) < 0)
				return 1;
			files++;
		}
		if (dir)
			closedir(dir);
	}
	printf("%d files\n", files);
	return files ? 0 : 1;
}
