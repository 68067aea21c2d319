/* SPDX-License-Identifier: Apache-2.0 */
/* Within postgresql.c and postgresql_detect.c only. */
#ifndef KEYHOLE_PROTOCOL_POSTGRESQL_H
#define KEYHOLE_PROTOCOL_POSTGRESQL_H

#include "parsers.h"
#include "reader.h"

#define PG_MESSAGE_MAX 0x3fffffffu /* bytes that a server takes or sends in one message */
#define PG_STARTUP_MAX 10000       /* MAX_STARTUP_PACKET_LENGTH of the server */

enum pg_startup {
	PG_NO_STARTUP,
	PG_STARTUP, /* version 3.x, and parameters */
	PG_SSL_REQUEST,
	PG_GSS_REQUEST,
	PG_CANCEL,
};

/* Which packet without a type begins b (>= 8 bytes); its length. */
enum pg_startup pg_startup(struct slice b, uint32_t *size);

/* Is it a message's type, and may its length (that counts itself) be so? */
bool pg_message(enum side from, unsigned char type, uint32_t length);

/* Does b end with ReadyForQuery? */
bool pg_ready(struct slice b);

long pg_resync(struct talk *talk, enum side from, struct slice b);

enum guess pg_detect(const struct sight *sight);

#endif
