/* SPDX-License-Identifier: Apache-2.0 */
/* The table of connections, what is decided of them, and their end. */
#include "streams.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "stream.h"

#define TICK_STEP 512                  /* connections looked at by one streams_tick() */
#define OVER_NS (2ull * 1000000000ull) /* one that is over is known so long: BPF may lag */
#define REMIND_EVERY 16                /* segments shorter than was asked for */

struct streams *streams_new(const struct streams_options *options)
{
	struct streams *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->o = *options;
	if (!s->o.parsers) {
		s->o.parsers = parsers;
		s->o.parsers_n = parsers_n;
	}
	s->memory.bytes_max = options->bytes_max;
	s->stream = calloc(options->connections, sizeof(*s->stream));
	s->blocks = calloc(STREAMS_CALLS, sizeof(*s->blocks));
	/* these two are touched as they fill */
	s->memo = calloc(1, sizeof(*s->memo));
	s->statements = calloc(1, sizeof(*s->statements));
	if (!s->stream || !s->blocks || !s->memo || !s->statements ||
	    keyed_init(&s->table, options->connections)) {
		streams_free(s);
		return NULL;
	}
	call_pool_init(&s->pool, s->blocks, STREAMS_CALLS);
	return s;
}

/* ---- one connection ---- */

/* Gives back all that was made of what it read. Calls still open are lost. */
static void forget_read(struct stream *stream)
{
	struct stream_memory *memory = &stream->all->memory;

	keep_clear(memory, &stream->seen);
	for (unsigned int side = 0; side < SIDES; side++)
		half_reset(stream, side);
	if (!stream->parser)
		return;
	talk_forget_all(&stream->talk, &stream->count->lost);
	stream_state_put(memory, stream->parser, stream->talk.state);
	stream->talk.state = NULL;
	stream->parser = NULL;
}

/* Gives back all that it holds beside its slot. */
static void let_go(struct stream *stream)
{
	order_forget(stream);
	forget_read(stream);
}

static void decide(struct stream *stream, uint32_t capture)
{
	stream->reminded = 0;
	stream->all->o.decide(stream->all->o.arg, stream->cookie, capture,
			      (enum kh_role)stream->role);
}

void stream_over(struct stream *stream)
{
	let_go(stream);
	stream->over = true;
	decide(stream, 0);
}

void stream_encrypted(struct stream *stream, const struct kh_segment *segment, enum kh_role role)
{
	struct exchange x = {
		.conn = stream->conn,
		.cgroup = stream->cgroup,
		.tgid = stream->tgid,
		.tid = stream->tid,
		.start_ns = segment->ns,
		.end_ns = segment->ns,
		.kind = EXCHANGE_ENCRYPTED,
	};

	stream->all->counters.tls++;
	x.conn.role = stream->role ? stream->role : (uint8_t)role;
	stream->all->o.emit(stream->all->o.arg, &x);
	stream_over(stream);
}

/* Its parser understands it no more: it may be another protocol, but not again and again. */
static void give_up(struct stream *stream)
{
	stream->count->given_up++;
	forget_read(stream);
	stream->role = stream->conn.role;
	stream->start = false;
	stream->looks = stream->looks_no = 0;
	memset(stream->half, 0, sizeof(stream->half));
	if (++stream->gave_up < 2)
		return;
	stream->all->counters.other++;
	stream_over(stream);
}

/* After its parser had something in hand. */
static void see_to(struct stream *stream, const struct kh_segment *segment)
{
	if (stream->talk.over == TALK_ENCRYPTED) {
		stream_encrypted(stream, segment, (enum kh_role)stream->role);
	} else if (stream->talk.over == TALK_LEFT) {
		stream->all->counters.other++;
		stream_over(stream);
	} else if (stream->half[FROM_CLIENT].bad > STREAMS_BAD_MAX ||
		   stream->half[FROM_SERVER].bad > STREAMS_BAD_MAX) {
		give_up(stream);
	}
}

void stream_take(struct stream *stream, const struct parser *parser, enum kh_role role)
{
	struct keep seen = stream->seen;
	const struct kh_segment *at;
	struct stream_block *block;

	stream->talk.state = stream_state_get(&stream->all->memory, parser);
	if (!stream->talk.state) {
		stream->all->counters.no_memory++;
		stream_over(stream);
		return;
	}
	stream->parser = parser;
	stream->count = &stream->all->counters.of[parser->protocol];
	stream->count->connections++;
	stream->role = (uint8_t)role;
	stream->talk.start = stream->start;
	stream->talk.over = TALK_GOES_ON;
	decide(stream, parser->capture);
	stream->seen = (struct keep){0};
	for (at = keep_next(&seen, &block, NULL); at && stream->parser;
	     at = keep_next(&seen, &block, at)) {
		half_segment(stream, stream_side(stream->role, at->sent), at);
		see_to(stream, at);
	}
	keep_clear(&stream->all->memory, &seen);
}

/* BPF may not have been told how much is wanted: another socket took the slot meanwhile. */
static void remind(struct stream *stream, const struct kh_segment *segment)
{
	uint32_t want = stream->parser->capture;

	if (want > KH_HEAD_MAX)
		want = KH_HEAD_MAX;
	if (want > segment->len)
		want = segment->len;
	if (segment->head_len && segment->head_len < want && ++stream->reminded >= REMIND_EVERY)
		decide(stream, stream->parser->capture);
}

void stream_read(struct stream *stream, const struct kh_segment *segment)
{
	if (stream->parser) {
		remind(stream, segment);
		half_segment(stream, stream_side(stream->role, segment->sent), segment);
		if (stream->parser)
			see_to(stream, segment);
	} else {
		stream->trim = 0; /* what was before it is not in sight */
		stream_look(stream, segment);
	}
}

/* ---- the table ---- */

static void drop(struct streams *s, struct stream *stream)
{
	let_go(stream);
	stream->all = NULL;
	keyed_remove(&s->table, stream->cookie);
}

/* Whoever holds memory and says nothing longest; on the way there those that hold none go, too. */
bool stream_make_room(struct stream_memory *memory)
{
	struct streams *s = (struct streams *)((char *)memory - offsetof(struct streams, memory));
	uint32_t slot = keyed_oldest(&s->table);
	struct stream *stream = slot == KEYED_NONE ? NULL : &s->stream[slot];

	if (!stream || stream == s->at_hand)
		return false;
	s->counters.evicted += !stream->over;
	drop(s, stream);
	return true;
}

static struct stream *add(struct streams *s, const struct kh_segment *segment)
{
	uint32_t victim = keyed_victim(&s->table);
	struct stream *stream;

	if (victim != KEYED_NONE) {
		stream = &s->stream[victim];
		s->counters.evicted += !stream->over;
		let_go(stream);
	}
	stream = &s->stream[keyed_add(&s->table, segment->conn.cookie)];
	*stream = (struct stream){
		.all = s,
		.conn = segment->conn,
		.cookie = segment->conn.cookie,
		.role = segment->conn.role,
		.talk.transport = segment->transport == IPPROTO_UDP ? OVER_UDP : OVER_TCP,
		.start = segment->transport == IPPROTO_UDP,
	};
	return stream;
}

static bool is_end(const struct kh_segment *segment)
{
	return segment->reason == KH_WHY_CLOSE || segment->reason == KH_WHY_RESET;
}

static void end(struct stream *stream, const struct kh_segment *segment)
{
	bool reset = segment->reason == KH_WHY_RESET;

	order_end(stream);
	if (stream->parser && !stream->over)
		talk_end_all(&stream->talk, reset ? EXCHANGE_RESET : EXCHANGE_CLOSED, segment->ns);
}

/* One UDP socket may have many; the tracepoint of a receive does not know whose datagram it is. */
static bool knows_peer(const struct kh_conn *conn)
{
	static const uint8_t none[sizeof(conn->raddr)];

	return memcmp(conn->raddr, none, sizeof(none)) != 0;
}

void streams_segment(struct streams *s, const struct kh_segment *segment)
{
	uint32_t slot = keyed_find(&s->table, segment->conn.cookie);
	struct stream *stream = slot == KEYED_NONE ? NULL : &s->stream[slot];

	s->counters.segments++;
	s->now_ns = segment->ns;
	if ((uint64_t)segment->head_len + segment->tail_len > segment->len) {
		s->counters.invalid++;
		return;
	}
	if (!stream && is_end(segment))
		return;
	if (!stream)
		stream = add(s, segment);
	s->at_hand = stream;
	stream->touched_ns = segment->ns;
	if (is_end(segment)) {
		end(stream, segment);
		drop(s, stream);
		return;
	}
	if (stream->over) {
		/* BPF should have been told; another socket's decision may have come in between */
		if (++stream->reminded >= REMIND_EVERY)
			decide(stream, 0);
		return;
	}
	if (segment->tgid) {
		stream->cgroup = segment->cgroup;
		stream->tgid = segment->tgid;
		stream->tid = segment->tid;
	}
	if (!stream_is_udp(stream)) {
		order_segment(stream, segment);
		return;
	}
	if (knows_peer(&segment->conn))
		stream->conn = segment->conn;
	stream_read(stream, segment);
}

/* ---- time ---- */

static void tick(struct streams *s, struct stream *stream, uint64_t now_ns)
{
	if (!stream->all)
		return;
	if (stream->parser && stream->talk.calls.n)
		talk_expire(&stream->talk, now_ns);
	if (now_ns > stream->touched_ns + OVER_NS &&
	    (stream->over || (stream_is_udp(stream) && !stream->talk.calls.n)))
		drop(s, stream);
}

void streams_tick(struct streams *s, uint64_t now_ns)
{
	uint32_t n = s->table.capacity;

	s->now_ns = now_ns;
	for (uint32_t i = 0; i < n && s->holding; i++) {
		struct stream *stream = &s->stream[i];

		s->at_hand = stream;
		if (stream->all)
			order_expire(stream, s->ticked_ns);
	}
	s->ticked_ns = now_ns;
	for (uint32_t i = 0; i < TICK_STEP && i < n; i++) {
		tick(s, &s->stream[s->cursor], now_ns);
		s->cursor = (s->cursor + 1) % n;
	}
}

/* ---- the rest ---- */

void streams_free(struct streams *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; s->stream && i < s->table.capacity; i++)
		if (s->stream[i].all)
			let_go(&s->stream[i]);
	stream_memory_free(&s->memory);
	keyed_free(&s->table);
	free(s->stream);
	free(s->blocks);
	free(s->memo);
	free(s->statements);
	free(s);
}

const struct streams_counters *streams_counters(const struct streams *s)
{
	return &s->counters;
}

uint32_t streams_open(const struct streams *s)
{
	return s->table.used;
}

size_t streams_bytes(const struct streams *s)
{
	return keyed_bytes(&s->table) + s->table.capacity * sizeof(*s->stream) +
	       STREAMS_CALLS * sizeof(*s->blocks) + sizeof(*s->memo) + sizeof(*s->statements) +
	       s->memory.bytes;
}

void streams_hold(struct streams *s, bool hold)
{
	s->memory.bytes_max =
		hold && s->memory.bytes < s->o.bytes_max ? s->memory.bytes : s->o.bytes_max;
}
