/* SPDX-License-Identifier: Apache-2.0 */
/* Within mssql.c and its parts only: packets of TDS, and what the connection's state is. */
#ifndef KEYHOLE_PROTOCOL_MSSQL_H
#define KEYHOLE_PROTOCOL_MSSQL_H

#include "parsers.h"
#include "reader.h"
#include "sql_cache.h"

#define TDS_HEADER 8
#define TDS_PACKET_MAX 32767
#define TDS_TAIL 1024 /* bytes kept of the end of an answer: an error's text is long */

enum tds_type {
	TDS_BATCH = 1,
	TDS_OLD_RPC = 2,
	TDS_RPC = 3,
	TDS_ANSWER = 4,
	TDS_ATTENTION = 6,
	TDS_BULK = 7,
	TDS_FEDERATED = 8,
	TDS_TRANSACTION = 14,
	TDS_LOGIN = 16,
	TDS_SSPI = 17,
	TDS_PRELOGIN = 18,
};

struct tds_packet {
	uint8_t type;
	bool last; /* of its message */
	uint16_t size;
};

/* One direction: a packet longer than a frame can show comes as several frames. */
struct tds_half {
	uint16_t left; /* bytes of the packet at hand that are still to come */
	bool last;     /* it is the last of its message */
	bool amid;     /* a message has begun and not ended */
	uint8_t type;
};

struct mssql {
	struct tds_half half[SIDES];
	bool login_encrypted; /* only that: TLS records pass among the packets */
	bool old;             /* before TDS 7.2: DONE is shorter */
	bool gap;             /* of the answer at hand, bytes were lost */
	bool prepares;        /* the call at hand makes a handle: note[1] has its operation */
	uint32_t number;      /* first error of the answer at hand, 0: none */
	uint16_t tail_n;
	uint8_t database_n;
	char database[128];
	char tail[TDS_TAIL];
	struct sql_cache statements; /* by handle */
};

/* False: no packet begins so. b.n >= TDS_HEADER. */
bool tds_packet(enum side from, struct slice b, struct tds_packet *packet);

/* Bytes of the headers that stand before a request since TDS 7.2; 0: there are none. */
uint32_t tds_all_headers(struct slice payload);

/* UTF-16 to UTF-8; what does not fit is left out. Bytes written. */
size_t tds_text(struct slice utf16, char *text, size_t room);

enum guess tds_detect(const struct sight *sight);

/* What a request's first bytes are about. False: they do not tell. *prepares: it makes a handle. */
bool tds_batch(struct talk *talk, struct slice payload, bool cut, struct sql *sql);
bool tds_rpc(struct talk *talk, struct slice payload, bool cut, struct sql *sql, bool *prepares);

/* Bytes of an answer: those at its beginning, then any; and its end. */
void tds_answer_begins(struct mssql *ms, struct slice tokens);
void tds_answer_goes_on(struct mssql *ms, struct slice tokens);
void tds_answer_ends(struct talk *talk, struct call *call);
bool tds_tail(struct talk *talk, enum side from, struct slice b);

#endif
