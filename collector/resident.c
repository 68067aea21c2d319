/* SPDX-License-Identifier: Apache-2.0 */
#include "resident.h"

#include <malloc.h>
#include <stddef.h>

#include "loop.h"
#include "policy/resident.h"

#define LARGE (128 << 10) /* glibc's own, at first; it would learn to keep up to 64 MiB */
#define SETTLED_MS 10000

/* calloc clears, and so touches, what the heap has room for; not what is mapped for it alone. */
#define LARGE_AT_START 8192
#define ROOM_AT_START 4096

void resident_at_start(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE_AT_START);
	mallopt(M_TOP_PAD, ROOM_AT_START);
	mallopt(M_TRIM_THRESHOLD, LARGE);
}

static void settled(void *arg)
{
	(void)arg;
	policy_give_back();
}

void resident_started(struct loop *loop)
{
	mallopt(M_MMAP_THRESHOLD, LARGE);
	mallopt(M_TOP_PAD, LARGE);
	policy_give_back();
	loop_after(loop, SETTLED_MS, settled, NULL); /* without a timer: once less */
}
