/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A number that one thread writes and others read: no locked instruction is needed for that. What
 * several threads write, or what orders other memory, is none.
 */
#ifndef KEYHOLE_COUNTER_H
#define KEYHOLE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

static inline void counter_set(_Atomic uint64_t *counter, uint64_t value)
{
	atomic_store_explicit(counter, value, memory_order_relaxed);
}

static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
	counter_set(counter, atomic_load_explicit(counter, memory_order_relaxed) + n);
}

#endif
