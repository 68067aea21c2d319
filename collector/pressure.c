/* SPDX-License-Identifier: Apache-2.0 */
#include "pressure.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "counter.h"
#include "log.h"

#define LOG_MODULE "pressure"

/* proc(5): size, resident, shared (of files and shared memory), ..., in pages. */
static uint64_t own_bytes(int statm)
{
	unsigned long long size, resident, shared;
	char text[128];
	ssize_t n = pread(statm, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = 0;
	if (sscanf(text, "%llu %llu %llu", &size, &resident, &shared) != 3 || shared > resident)
		return 0;
	return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void begin(struct pressure *p)
{
	counter_add(&p->reached, 1);
	atomic_store(&p->tight, true);
	log_warn("keyhole.memory_limit: %llu of %llu bytes are in use; no new series and no more "
		 "memory for streams until it is less: see keyhole_limit_reached_total",
		 (unsigned long long)p->used, (unsigned long long)p->limit);
}

static void look(void *arg)
{
	struct pressure *p = arg;
	uint64_t high = p->limit - p->limit / 16, low = p->limit - p->limit / 8;

	counter_set(&p->used, own_bytes(p->statm));
	if (p->used >= high)
		malloc_trim(0); /* which keeps the other threads from their heaps meanwhile */
	if (p->used >= high && !p->tight)
		begin(p);
	else if (p->used < low && p->tight)
		atomic_store(&p->tight, false);
	loop_after(p->loop, PRESSURE_LOOK_MS, look, p);
}

int pressure_start(struct pressure *p, struct loop *loop, uint64_t limit)
{
	*p = (struct pressure){.limit = limit, .statm = -1, .loop = loop};
	if (!limit)
		return 0;
	p->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (p->statm < 0) {
		int r = -errno;

		log_error(
			"keyhole.memory_limit: /proc/self/statm: %s; without it the memory in use "
			"is not known",
			strerror(-r));
		return r;
	}
	return loop_after(loop, 0, look, p);
}

void pressure_stop(struct pressure *p)
{
	if (p->loop)
		loop_cancel(p->loop, look, p);
	if (p->limit && p->statm >= 0)
		close(p->statm);
}
