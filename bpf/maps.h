/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Every map and every load-time constant. The loader sets sizes and constants before loading. */
#ifndef KEYHOLE_BPF_MAPS_H
#define KEYHOLE_BPF_MAPS_H

#include "load.h"

/* ---- load-time constants (loader options; known to the verifier) ---- */

const volatile __u32 kh_request_head = KH_HEAD_DEFAULT;  /* multiple of 64, <= KH_HEAD_MAX */
const volatile __u32 kh_response_head = KH_HEAD_DEFAULT; /* likewise */
const volatile __u32 kh_sockets_max = 65536;             /* HTTP connections followed at once */
const volatile __u32 kh_streams_max = 65536;             /* other TCP connections likewise */
const volatile bool kh_opaque_by_fexit; /* fexit stands beside the tracepoints: see kh_caller() */
const volatile bool kh_udp_by_fexit;    /* the tracepoints leave datagrams to fexit: see stream.h */
const volatile bool kh_twins;           /* the twins are attached: see load.h */
const volatile bool kh_walk_list; /* the snapshot walks the task list (task_iter.bpf.c does not) */
const volatile bool kh_kernel_reads = true; /* false: lockdown refuses bpf_probe_read_kernel */

/* ---- what crosses to the collector ---- */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} kh_data SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 << 10);
} kh_life SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kh_control);
} kh_control_page SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* the loader: one per possible CPU */
	__type(key, u32);
	__type(value, struct kh_counters);
} kh_counter_page SEC(".maps");

/* ---- what stays in the kernel ---- */

/* A socket of any protocol: kept small, since every TCP socket of the node that speaks has one. */
struct kh_glance {
	u8 class;     /* enum kh_class */
	u8 quiet;     /* no stream, or not any more: nothing of it is wanted */
	u8 tries;     /* calls looked at in vain since the direction turned */
	u8 role;      /* enum kh_role by who opened; unknown: older than Keyhole */
	u8 direction; /* 1 + that of the last call that was looked at, or passed over */
	u8 turns;     /* how often it turned */
	u8 pad[2];
};

enum kh_class {
	KH_CLASS_UNKNOWN,
	KH_CLASS_HTTP,
	KH_CLASS_OTHER, /* no HTTP, for good */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct kh_glance);
} kh_glances SEC(".maps");

enum kh_phase {
	KH_IDLE,     /* between exchanges */
	KH_REQUEST,  /* the request has begun */
	KH_RESPONSE, /* the response has begun; its exchange record was sent */
	KH_TUNNEL,   /* the connection left HTTP: becomes a stream with the end of this call */
};

/* Heads are copied in blocks of 64 bytes, of which the last may reach this far over the end. */
#define KH_HEAD_SLACK 64

/* Whose thread did the last call on a socket, and what was decided of it. */
struct kh_owner {
	u64 cgroup;
	u64 set; /* address of the thread's css_set: while it is the same, so is the cgroup, but for a
		    process that moved twice between two calls, to where a freed one had been */
	u64 decided; /* KH_DECISION(), and the verdict: one word, for others read it meanwhile */
	u32 tgid, tid;
	u32 generation; /* of the control page, when identities were last sent */
	u32 pad;
};

/* Of whom, and by which state of the control page, a verdict is; it is bit 0 (enum kh_verdict). */
#define KH_DECISION(tgid, epoch) ((u64)(epoch) << 32 | (u64)(tgid) << 1)
#define KH_VERDICT(decided) ((decided) & 1)

/* Where twins are attached: a thread's last call on a socket. */
struct kh_taken {
	u32 taker; /* the thread, and which of the two programs took it on; 0: no call to know again */
	u32 end;   /* sequence number behind it, as that program saw it */
};
#define KH_TAKEN 2 /* threads whose calls at the same time are told apart */

/* A socket that speaks HTTP. With the default head it fits a 1 KiB slab of the kernel. */
struct kh_socket {
	struct kh_conn conn;
	struct kh_owner owner;
	u32 number;
	u32 req_seq;
	u32 req_tid; /* whose thread had the beginning of the request */
	u32 next_tx, next_rx; /* sequence numbers where the next send and receive should begin */
	struct kh_taken taken[2][KH_TAKEN]; /* of receives and sends */
	u8 phase;             /* enum kh_phase */
	u8 early;             /* the last receive was seen before its end: see kh_fx_early() */
	u8 lost;              /* the exchange's record found the ring full: no parts either */
	u8 by_length;         /* parts ended: the end is told by `expect` or the last chunk */
	u16 flags;            /* enum kh_flag of the exchange */
	u16 error;            /* errno with which the connection ended */
	u16 head_used;        /* bytes in head[] */
	u16 tail_used;        /* bytes at the end of tail[] */
	u16 sent_head;        /* bytes of the response's head sent so far */
	u16 parts;            /* part records sent that carried no head */
	u64 routine;           /* of the request: see KH_ROUTINE */
	u64 resp_len;          /* of the response so far */
	u64 expect;            /* where the response ends; 0 unknown */
	struct kh_message req; /* of the request so far */
	struct kh_message sum; /* of what no record has carried yet */
	u8 tail[KH_TAIL];      /* right-aligned */
	u8 head[KH_HEAD_DEFAULT + KH_HEAD_SLACK]; /* more, if the loader was told so */
};

/* The loader replaces it by one of larger values for larger heads (BTF fixes the size). */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct kh_socket);
} kh_sockets SEC(".maps");

/*
 * A socket that speaks something else (stream.h). Which protocol, the collector finds out: its
 * decision comes by the control page.
 */
struct kh_stream {
	struct kh_conn conn;
	struct kh_owner owner;
	u64 said;             /* the slot of the control page, as it was taken over: see kh_said() */
	u32 capture;          /* bytes wanted of each call; 0: undecided */
	u32 told;             /* calls told while it was undecided, to this generation */
	u32 next_tx, next_rx; /* TCP: sequence numbers where the next send and receive should begin */
	struct kh_taken taken[2][KH_TAKEN]; /* of receives and sends */
	u32 calls[2][2];      /* UDP: looked at by a hook's first program and by its twin, of receives
				 and of sends */
	u32 inner;            /* UDP: the thread whose send was told by the function within */
	u32 outer;            /* UDP: programs of the function around it that have yet to see that */
	u16 error;            /* errno with which the connection ended */
	u8 early;             /* the last receive was seen before its end: see kh_fx_early() */
	u8 ended;             /* its end was told */
	u8 pad[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct kh_stream);
} kh_streams SEC(".maps");

/* ---- rooms (load.h) ---- */

#define KH_OFFSET_MAX (sizeof(struct kh_exchange) + 2 * (KH_HEAD_MAX + KH_TAIL))
#define KH_OFFSET_MASK 8191 /* of where the response's head begins: a head still fits behind it */
struct kh_scratch {
	u8 raw[KH_OFFSET_MAX + KH_HEAD_MAX + 64]; /* a record and its payload */
	u8 tail[3 * KH_TAIL];                     /* the old tail, the new bytes */
	volatile u64 got;    /* kh_fetch: bytes copied */
	volatile u64 skip;   /* kh_fetch: bytes to leave out of the segments that come */
	volatile u64 digits; /* kh_find_end: where the number after Content-Length begins, 0: nowhere */
	volatile u64 body;   /* kh_find_end: where the body begins, 0: not seen */
	volatile u64 at;      /* kh_tell_bytes: where in the call's bytes the segment begins */
	volatile u64 number;  /* see kh_number */
	u64 now;             /* when this run of the program began */
	u64 last_wake;       /* when one last woke the collector */
	u32 taker;           /* see kh_taker(); 0: no hook's twin will see the call */
	u64 undecided;       /* the record is of a stream of which the collector has yet to decide */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, KH_ROOMS);
	__type(key, u32);
	__type(value, struct kh_scratch);
} kh_rooms SEC(".maps");

/* Which call a hook's first program has taken on; where twins are attached (load.h). */
struct kh_turn {
	volatile u64 sk; /* of the call; also the way to make a number of a pointer */
	u64 taken;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, KH_ROOM_TWINS);
	__type(key, u32);
	__type(value, struct kh_turn);
} kh_turns SEC(".maps");

/* Whose identity this generation of the collector has been told. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u32);
} kh_told_cgroups SEC(".maps");

struct kh_told {
	u64 start_ns;
	u32 generation;
	u32 args; /* its command line was sent, too */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u32);
	__type(value, struct kh_told);
} kh_told_processes SEC(".maps");

/* Which message of a sendmmsg or recvmmsg comes next in this thread. */
struct kh_mmsg {
	u64 vector;
	u32 count;
	u32 next;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct kh_mmsg);
} kh_mmsgs SEC(".maps");

/* ---- globals ---- */

__u32 kh_sockets_open; /* HTTP connections followed now */
__u32 kh_streams_open; /* other TCP connections followed now */
__u32 kh_earlies;      /* receives that kh_fx_early() saw and fexit did not yet; some it never will */
__u32 kh_self;         /* tgid of the collector: never traced */

/* ---- counting ---- */

static __always_inline struct kh_counters *kh_counters(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&kh_counter_page, &cpu);
}

static __always_inline void kh_add(u32 counter, u64 n)
{
	struct kh_counters *counters = kh_counters();

	if (counters && counter < KH_COUNTER_SLOTS)
		__sync_fetch_and_add(&counters->c[counter], n);
}

#define KH_COUNT(name) kh_add(KH_C_##name, 1)
#define KH_ADD(name, n) kh_add(KH_C_##name, n)

static __always_inline struct kh_control *kh_control(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&kh_control_page, &zero);
}

/* ---- the verifier ---- */

/*
 * A number that went through a map's memory is any number to the verifier. That joins paths which
 * differ only in what it knows of `x` (else each copy loop multiplies them), and makes a number of
 * a typed pointer, with which sums are refused. `room` never leaves the kernel.
 */
static __always_inline u64 kh_number(struct kh_scratch *room, u64 x)
{
	room->number = x;
	return room->number;
}

/* ---- texts ---- */

#define KH_V1_BIT (1ULL << 63) /* ids of a v1 hierarchy and of v2 come from different spaces */

/* Returns the bytes the whole text needs, its NUL included. */
static __always_inline long kh_text(char *to, u32 size, const void *from)
{
	u64 arg = (u64)from;

	return bpf_snprintf(to, size, "%s", &arg, sizeof(arg));
}

#endif
