/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The intake thread: takes records from the loader's rings (or from a tape) and hands them on, one
 * by one. No allocation and no system call per record; rings are given back by the batch. When the
 * loader is gone it reads what is left, says so, and asks for it again until it is back.
 */
#ifndef KEYHOLE_INTAKE_INTAKE_H
#define KEYHOLE_INTAKE_INTAKE_H

#include <stdatomic.h>

#include "link.h"
#include "tape.h"

#define INTAKE_BATCH 1024    /* records between two releases of a ring */
#define INTAKE_RING_PARTS 64 /* a ring is given back by such parts of it at least */
#define INTAKE_BUSY_MS 10    /* wait between drains while records come */
#define INTAKE_IDLE_MS 50    /* and while none come: the longest delay of a single record */
#define INTAKE_RETRY_MS 100  /* between two attempts to reach the loader */
#define INTAKE_ASKED_MAX 100 /* requests for KH_SELF without an answer, before a warning */
#define INTAKE_HOLD_MS 10000 /* records are left in the ring at most so long (see `hold`) */

struct intake;

/* What the pipeline does with what comes; all calls from the intake thread. */
struct intake_ops {
	/* Before any other: whom to tell what BPF shall do, which the calls below may want to. */
	void (*begin)(void *arg, struct intake *intake);
	void (*record)(void *arg, const struct record *record);
	/* A batch was handled, or there was nothing to do; time for timers. */
	void (*idle)(void *arg, uint64_t now_ns);
	/* True: leave the data ring alone for now, the names are not there yet. */
	bool (*hold)(void *arg);
	/* No record will come any more: the tape was read to its end, or (`stop`) intake_stop(). */
	void (*end)(void *arg, bool stop);
	void *arg;
};

struct intake_options {
	const char *socket;  /* of the loader; NULL with a tape to replay */
	const char *replay;  /* tape to read instead; NULL: the loader */
	struct tape *record; /* where to write what comes; NULL: nowhere. Not owned */
	struct link_wishes wishes;
	const uint64_t *hold_ns; /* instead of INTAKE_HOLD_MS; NULL: that */
	/* At the stop, take what is in the rings; else the next collector finds it there. */
	bool drain;
	struct intake_ops ops;
};

/* Written by the intake thread, read by any. */
struct intake_stats {
	_Atomic uint64_t connected; /* 1 while the loader's descriptors are held */
	_Atomic uint64_t connects;
	_Atomic uint64_t loader_sandbox; /* struct handover_offer's, of the last loader */
	_Atomic uint64_t data_records, life_records;
	_Atomic uint64_t handled; /* of the data ring, by all collectors of this loader */
	_Atomic uint64_t invalid; /* records that did not hold together */
	_Atomic uint64_t data_waiting, life_waiting; /* bytes, at the last look */
	_Atomic uint64_t data_high;                  /* most bytes that waited since the start */
	_Atomic uint64_t data_size, life_size;
	_Atomic uint64_t tape_bytes, tape_errors;
	_Atomic uint64_t bpf[KH_C_COUNT]; /* BPF's counters, at the last look */
	_Atomic uint64_t done;            /* 1: the tape was read to its end */
};

/* Starts the thread. Options are copied, what they point to is not. Returns 0 or -errno. */
int intake_start(struct intake **intake, const struct intake_options *options);

/* Ends and joins the thread. */
void intake_stop(struct intake *intake);

const struct intake_stats *intake_stats(const struct intake *intake);

/* (intake thread) */
int intake_verdict(struct intake *intake, uint64_t key, enum kh_verdict verdict);
void intake_verdicts_clear(struct intake *intake);
void intake_want(struct intake *intake, uint32_t want);
/* See link_stream(). */
void intake_stream(struct intake *intake, uint64_t cookie, uint32_t capture, enum kh_role role);
void intake_scope(struct intake *intake, uint64_t cgroup);

#endif
