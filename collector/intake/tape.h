/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records on file: `--record FILE` writes what came through the rings, as it came; `--replay FILE`
 * reads it back instead of the rings. A tape holds captured bytes of requests and responses: treat
 * it like a packet capture.
 *
 * Layout: struct tape_header, then records, each behind a struct tape_item and padded to 8 bytes.
 * Host byte order; a tape of another ABI or byte order is refused.
 */
#ifndef KEYHOLE_INTAKE_TAPE_H
#define KEYHOLE_INTAKE_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TAPE_MAGIC "KHTAPE\n"
#define TAPE_RECORD_MAX (64u << 10) /* bytes of one record on a tape */

struct tape_header {
	char magic[8];
	uint32_t abi;   /* KH_ABI_VERSION */
	uint32_t order; /* 0x01020304 */
};

struct tape_item {
	uint32_t size; /* of the record, without padding */
	uint32_t ring; /* 0: data, 1: life */
};

struct tape {
	FILE *file;
	uint64_t bytes;   /* written or read */
	uint64_t *buffer; /* reading: one record, aligned */
};

/*
 * Opens a tape to write: the file is made (mode 0600) or, if it is a tape or empty, emptied; any
 * other file, and a symbolic link, is refused with -EEXIST. Call it before the sandbox is entered.
 * 0 or -errno.
 */
int tape_create(struct tape *tape, const char *path);

/* 0; -EMSGSIZE: longer than TAPE_RECORD_MAX - 8; -EIO: not written, and nor will any other be. */
int tape_write(struct tape *tape, bool life, const void *record, size_t size);

/* -EBADMSG: not a tape; -EPROTONOSUPPORT: of another ABI; else 0 or -errno. */
int tape_open(struct tape *tape, const char *path);

/* 1: a record, valid until the next call; 0: the end; -EBADMSG: the tape ends in a record. */
int tape_read(struct tape *tape, bool *life, const void **record, size_t *size);

/* Writes out what is buffered. Returns 0 or -errno. */
int tape_flush(struct tape *tape);
void tape_close(struct tape *tape);

#endif
