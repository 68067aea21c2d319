/* SPDX-License-Identifier: Apache-2.0 */
/* TDS, as far as its packets tell by themselves what they are ([MS-TDS] 2.2.3). */
#include "mssql.h"

bool tds_packet(enum side from, struct slice b, struct tds_packet *packet)
{
	const unsigned char *p = (const unsigned char *)b.p;
	static const uint32_t client = 1u << TDS_BATCH | 1u << TDS_OLD_RPC | 1u << TDS_RPC |
				       1u << TDS_ATTENTION | 1u << TDS_BULK | 1u << TDS_FEDERATED |
				       1u << TDS_TRANSACTION | 1u << TDS_LOGIN | 1u << TDS_SSPI |
				       1u << TDS_PRELOGIN;
	static const uint32_t server = 1u << TDS_ANSWER | 1u << TDS_PRELOGIN;

	*packet = (struct tds_packet){p[0], p[1] & 1, (uint16_t)(p[2] << 8 | p[3])};
	if (p[0] > 31 || !((from == FROM_CLIENT ? client : server) >> p[0] & 1))
		return false;
	return p[1] <= 0x1f && packet->size >= TDS_HEADER && packet->size <= TDS_PACKET_MAX;
}

uint32_t tds_all_headers(struct slice payload)
{
	struct reader r = reader_of(payload);
	uint32_t all = reader_le32(&r), one = reader_le32(&r);
	uint16_t type = reader_le16(&r);

	if (r.bad || all < 10 || all > 1024 || one < 6 || one > all - 4 || !type || type > 3)
		return 0;
	return all;
}

/* Options of a prelogin: a number, offset and length each, up to 0xff. */
static bool prelogin(struct slice payload)
{
	struct reader r = reader_of(payload);
	uint8_t option = reader_u8(&r);
	uint16_t first = (uint16_t)reader_be(&r, 2);

	reader_skip(&r, 2);
	if (r.bad || option != 0 || first % 5 != 1 || first > 5 * 16 + 1 || first > payload.n)
		return false;
	return (unsigned char)payload.p[first - 1] == 0xff;
}

/* A request whose headers say what they are. */
static bool is_sure(const struct tds_packet *packet, struct slice payload)
{
	return (packet->type == TDS_BATCH || packet->type == TDS_RPC ||
		packet->type == TDS_TRANSACTION) &&
	       tds_all_headers(payload);
}

static bool is_login(struct slice b, const struct tds_packet *packet)
{
	struct reader r = reader_of(b);

	reader_skip(&r, TDS_HEADER);
	return packet->type == TDS_LOGIN && reader_le32(&r) + TDS_HEADER == packet->size &&
	       reader_le32(&r) >> 28 == 7 && !r.bad;
}

enum guess tds_detect(const struct sight *sight)
{
	struct slice client = sight->from[FROM_CLIENT], server = sight->from[FROM_SERVER];
	struct tds_packet asked, answered;
	struct slice payload;
	bool sure;

	if (sight->start && !client.n)
		return server.n ? GUESS_NO : GUESS_MORE;
	if (client.n < TDS_HEADER)
		return sight->start && client.n && client.p[0] < TDS_PRELOGIN + 1 ? GUESS_MORE
										  : GUESS_NO;
	if (!tds_packet(FROM_CLIENT, client, &asked))
		return GUESS_NO;
	payload = (struct slice){client.p + TDS_HEADER, client.n - TDS_HEADER};
	if (sight->start && asked.type == TDS_PRELOGIN && client.n >= asked.size)
		return prelogin(payload) ? GUESS_YES : GUESS_NO;
	sure = is_sure(&asked, payload) || is_login(client, &asked);
	if (!sure)
		return sight->start && client.n < asked.size ? GUESS_MORE : GUESS_NO;
	if (server.n < TDS_HEADER)
		return GUESS_MORE;
	return tds_packet(FROM_SERVER, server, &answered) && answered.type == TDS_ANSWER ? GUESS_YES
											 : GUESS_NO;
}

/* ---- text ---- */

static size_t put_utf8(uint32_t c, char *to)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

size_t tds_text(struct slice utf16, char *text, size_t room)
{
	const unsigned char *p = (const unsigned char *)utf16.p;
	size_t n = 0;

	for (size_t i = 0; i + 1 < utf16.n && n + 4 <= room; i += 2) {
		uint32_t c = p[i] | (uint32_t)p[i + 1] << 8;

		if (c >= 0xd800 && c < 0xdc00 && i + 3 < utf16.n && (p[i + 3] & 0xfc) == 0xdc) {
			c = 0x10000 + ((c & 0x3ff) << 10) +
			    ((p[i + 2] | (uint32_t)p[i + 3] << 8) & 0x3ff);
			i += 2;
		} else if (c >= 0xd800 && c < 0xe000) {
			c = 0xfffd; /* half a pair */
		}
		n += put_utf8(c, text + n);
	}
	return n;
}
