/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a tape: read to the end, or to where it is damaged, and never beyond. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "intake/record.h"
#include "intake/tape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile char sink;

static void read_all(struct tape *tape, size_t file_size)
{
	struct record out;
	const void *p;
	size_t size;
	bool life;
	int r;

	while ((r = tape_read(tape, &life, &p, &size)) == 1) {
		for (size_t i = 0; i < size; i++)
			sink = ((const char *)p)[i];
		if (size > TAPE_RECORD_MAX || (uintptr_t)p % 8 || tape->bytes > file_size)
			abort();
		record_read(p, size, &out);
	}
	if (r > 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct tape tape;
	char path[32];

	if (fd < 0)
		fd = memfd_create("tape", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (tape_open(&tape, path) == 0) {
		read_all(&tape, size);
		tape_close(&tape);
	}
	return 0;
}
