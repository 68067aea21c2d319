/* SPDX-License-Identifier: Apache-2.0 */
#include "http1_memo.h"

#include <stdlib.h>

#include "exchange.h"
#include "memo.h"

struct asked {
	uint64_t alike; /* 0: empty */
	struct http1_memo_owner owner;
	struct http1_request is;
	uint16_t n;
	uint16_t answer; /* place of what answered it last */
	char head[HTTP1_MEMO_BYTES];
};

struct answered {
	struct http1_response is;
	uint32_t n; /* 0: empty */
	char head[HTTP1_MEMO_BYTES];
};

struct http1_memo {
	struct memo_trial requests, responses;
	uint64_t serial;
	struct asked asked[HTTP1_MEMO_HEADS];
	struct answered answered[HTTP1_MEMO_HEADS];
};

struct http1_memo *http1_memo_new(void)
{
	return calloc(1, sizeof(struct http1_memo));
}

void http1_memo_free(struct http1_memo *memo)
{
	free(memo);
}

size_t http1_memo_bytes(void)
{
	return sizeof(struct http1_memo);
}

/* ---- looking ---- */

static bool begins_with(const char *p, size_t n, const char *head, size_t head_n)
{
	return head_n <= n && memcmp(p, head, head_n) == 0;
}

/* ---- requests ---- */

_Static_assert(HTTP1_MEMO_HEADS <= ALIKE_PLACES / 2, "the other half is call_memo.c's");
_Static_assert(sizeof(struct http1_memo_owner) == 16, "it is compared as bytes");

static uint64_t hash_of(const struct http1_memo_owner *owner)
{
	return owner->cgroup ^ (uint64_t)owner->tgid << 32 ^ (uint64_t)owner->port << 16 ^
	       owner->role;
}

static const char *moved(const char *p, const char *from, const char *to)
{
	return p ? to + (p - from) : NULL;
}

/* The texts are the entry's own. */
static void keep_request(struct asked *to, const struct http1_request *from, const char *p)
{
	struct slice *texts[] = {&to->is.method_text, &to->is.target,     &to->is.host,
				 &to->is.traceparent, &to->is.tracestate, &to->is.amz_target};

	to->is = *from;
	to->n = (uint16_t)from->head_len;
	memcpy(to->head, p, to->n);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		texts[i]->p = moved(texts[i]->p, p, to->head);
}

static bool is_asked(const struct asked *it, const char *p, size_t n,
		     const struct http1_memo_owner *owner)
{
	return it->alike && memcmp(&it->owner, owner, sizeof(*owner)) == 0 &&
	       begins_with(p, n, it->head, it->n);
}

const struct http1_request *http1_memo_request(struct http1_memo *memo, const char *p, size_t n,
					       const struct http1_memo_owner *owner,
					       struct http1_request *room, uint64_t *alike)
{
	bool look = memo && n && memo_worth_it(&memo->requests);
	struct asked *it = NULL;
	size_t place;

	*alike = 0;
	if (look) {
		place = memo_place(p, n, hash_of(owner), HTTP1_MEMO_HEADS);
		it = &memo->asked[place];
		if (!is_asked(it, p, n, owner))
			it = &memo->asked[place ^ 1];
		if (is_asked(it, p, n, owner)) {
			memo->requests.found++;
			it->is.text = (struct slice){p + it->n, n - it->n};
			*alike = it->alike;
			return &it->is;
		}
	}
	if (http1_parse_request(p, n, room) != HTTP1_WHOLE)
		return NULL;
	/* a trace's context is another each time */
	if (look && room->head_len <= HTTP1_MEMO_BYTES && !room->traceparent.n) {
		it = &memo->asked[place ^ (++memo->serial & 1)];
		keep_request(it, room, p);
		it->owner = *owner;
		it->alike = memo->serial * ALIKE_PLACES + (uint64_t)(it - memo->asked);
		*alike = it->alike;
	}
	return room;
}

/* ---- responses ---- */

static bool is_answered(const struct answered *it, const char *p, size_t n)
{
	return it->n && begins_with(p, n, it->head, it->n);
}

/* Where this response stands, or would stand. */
static struct answered *place_of_answer(struct http1_memo *memo, const char *p, size_t n,
					uint64_t alike)
{
	struct asked *asked = alike ? &memo->asked[alike % ALIKE_PLACES] : NULL;
	size_t place;

	if (asked && is_answered(&memo->answered[asked->answer], p, n))
		return &memo->answered[asked->answer];
	place = memo_place(p, n, 0, HTTP1_MEMO_HEADS);
	if (asked)
		asked->answer = (uint16_t)place;
	return &memo->answered[place];
}

const struct http1_response *http1_memo_response(struct http1_memo *memo, const char *p, size_t n,
						 uint64_t alike, struct http1_response *room)
{
	bool look = memo && n && memo_worth_it(&memo->responses);
	struct answered *it = look ? place_of_answer(memo, p, n, alike) : NULL;

	if (look && is_answered(it, p, n)) {
		memo->responses.found++;
		return &it->is;
	}
	if (http1_parse_response(p, n, room) != HTTP1_WHOLE)
		return NULL;
	if (look && room->head_len <= HTTP1_MEMO_BYTES) {
		it->is = *room;
		it->n = room->head_len;
		memcpy(it->head, p, it->n);
	}
	return room;
}
