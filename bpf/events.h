/* SPDX-License-Identifier: (Apache-2.0 OR BSD-2-Clause OR GPL-2.0-only) */
/*
 * What crosses from the kernel to the collector: the records in the two rings, the control
 * page (written by the collector, read by BPF) and the counters page (the other way round).
 *
 * Included by bpf/ (compiled by clang -target bpf), by the loader (sizes only) and by the
 * collector. All integers are in host byte order unless a comment says otherwise, all times are
 * nanoseconds of CLOCK_MONOTONIC, all lengths are bytes. Every layout is padded by hand: the
 * static assertions at the end hold on each architecture. A change here is a change of
 * KH_ABI_VERSION (ipc/handover.h checks it on both sides).
 */
#ifndef KEYHOLE_BPF_EVENTS_H
#define KEYHOLE_BPF_EVENTS_H

#ifndef __bpf__
#include <stdint.h>
typedef uint8_t __kh_u8;
typedef uint16_t __kh_u16;
typedef uint32_t __kh_u32;
typedef uint64_t __kh_u64;
#else
typedef unsigned char __kh_u8;
typedef unsigned short __kh_u16;
typedef unsigned int __kh_u32;
typedef unsigned long long __kh_u64;
#endif

#define KH_ABI_VERSION 4

/* ---- limits (each is documented in docs/limits.md and counted where it is reached) ---- */

#define KH_HEAD_DEFAULT 512  /* captured bytes of the start of a message; loader option */
#define KH_HEAD_MIN 128      /* a multiple of 64, like every legal value */
#define KH_HEAD_MAX 4096     /* of one message, whatever the loader is told */
#define KH_TAIL 64           /* captured bytes of the end of a message longer than its head */
#define KH_PARTS_MAX 16      /* part records per response before only sums are kept */
#define KH_IOV_MAX 32        /* segments followed of one scatter list */
#define KH_TRIES_MAX 8       /* calls looked at on an unrecognised socket until it turns */
#define KH_TURNS_MAX 8       /* its changes of direction until it is left alone for good */
#define KH_SEGMENT_CALL 16384 /* bytes captured of one call of a stream, in segments of a head each */
#define KH_PROBE_CALLS 512   /* calls told of a stream for which the collector has no decision yet */
#define KH_PROBE_BYTES 2048  /* bytes captured of each of them */
#define KH_PROBE_LONG 7168   /* of the first ones: what clients send at once when they are connected */
#define KH_PROBE_LONG_CALLS 32 /* how many of them */
#define KH_STREAMS 4096      /* slots of the stream table, a power of two */
#define KH_EARLY_MAX 65536   /* bytes of a segment that a receive older than Keyhole returns */
#define KH_ROUTINE_GIB 32    /* of Go's heap, in which goroutines are known by their address */
#define KH_CGROUP_LEVELS 8   /* names sent per cgroup: itself and seven ancestors */
#define KH_NAME 160          /* bytes kept of one cgroup name, with its NUL: the longest, of a pod
				and a container in one, has 144 */
#define KH_EXE_LEVELS 8      /* directories sent of an executable's path */
#define KH_EXE_NAME 32       /* bytes kept of one such component, with its NUL */
#define KH_ARGS_MAX 256      /* bytes sent of a command line, if a collector wants any */
#define KH_SNAPSHOT_STEP 16  /* processes told about per step of the snapshot walk */
#define KH_NONCE_DIGITS 14   /* hex digits of the control page's nonce in a request */
#define KH_CPUS_MAX 1024     /* slots of the counters page */
#define KH_VERDICTS 4096     /* slots of the verdict table, a power of two */
#define KH_VERDICT_PROBES 8  /* slots looked at for one key */

/* ---- records ---- */

enum kh_type {
	/* data ring */
	KH_EXCHANGE = 1, /* struct kh_exchange: a request and the first bytes of its response */
	KH_PART = 2,     /* struct kh_part: more bytes of a message whose exchange went before */
	KH_FINISH = 3,   /* struct kh_part: sums of what was not sent as parts; no head */
	KH_SEGMENT = 4,  /* struct kh_segment: bytes of a stream, that is of any other protocol */
	/* life ring */
	KH_CGROUP = 16,  /* struct kh_cgroup: names of a cgroup and its ancestors */
	KH_PROCESS = 17, /* struct kh_process: a process as it is at its first I/O, exec or snapshot */
	KH_EXIT = 18,    /* struct kh_exit: the last thread of a process ended */
	KH_LISTEN = 19,  /* struct kh_listen: a process listens on a port */
	KH_ARGS = 20,    /* struct kh_args: command line of the process told about before it */
	KH_SELF = 21,    /* struct kh_self: the collector itself, whose KH_CGROUP went before */
};

/* Every record begins so. */
struct kh_rec {
	__kh_u16 type; /* enum kh_type */
	__kh_u16 flags;
	__kh_u32 size; /* of the whole record, this header included */
};

enum kh_role {
	KH_ROLE_UNKNOWN = 0,
	KH_ROLE_SERVER = 1, /* requests are received */
	KH_ROLE_CLIENT = 2, /* requests are sent */
};

/* Why a record was sent, in kh_exchange.reason and kh_part.reason. */
enum kh_reason {
	KH_WHY_RESPONSE = 0, /* the first bytes of the response came */
	KH_WHY_MORE = 1,     /* the message goes on */
	KH_WHY_TURN = 2,     /* the next request began */
	KH_WHY_LENGTH = 3,   /* the declared length, or the last chunk, was reached */
	KH_WHY_CLOSE = 4,    /* the connection ended in order */
	KH_WHY_RESET = 5,    /* the connection ended with an error (kh_*.error) */
};

/* Flags of kh_rec in KH_EXCHANGE, KH_PART and KH_FINISH. */
enum kh_flag {
	KH_F_REQ_GAP = 1 << 0,    /* some bytes of the request were seen only as a length */
	KH_F_RESP_GAP = 1 << 1,   /* likewise of the response */
	KH_F_ADOPTED = 1 << 2,    /* the connection is older than Keyhole: role from who spoke first */
	KH_F_RESPONSE = 1 << 3,   /* (parts) the bytes belong to the response, else to the request */
	KH_F_PIDNS = 1 << 4,      /* (processes) lives in a pid namespace of its own */
	KH_F_SNAPSHOT = 1 << 5,   /* (identities) found by the snapshot, not by an event */
	KH_F_CGROUP_V1 = 1 << 6,  /* (cgroups) names come from a cgroup v1 hierarchy */
	KH_F_NAME_CUT = 1 << 7,   /* (cgroups) a name or the chain was longer than the record holds */
	KH_F_FIRST = 1 << 8,      /* (segments) this collector was told nothing of the stream before */
};

/* One direction of an exchange. head_len + tail_len bytes of it follow the record. */
struct kh_message {
	__kh_u64 first_ns; /* when its first byte was handed over by or to the process; 0: none */
	__kh_u64 last_ns;  /* when the last byte counted here was */
	__kh_u64 len;      /* bytes, seen or (gap) only counted */
	__kh_u64 gap;      /* of them, bytes whose content could not be read at all */
	__kh_u32 calls;    /* system calls that carried them */
	__kh_u16 head_len; /* captured bytes of the start, <= KH_HEAD_MAX; contiguous */
	__kh_u16 tail_len; /* captured bytes of the end, <= KH_TAIL; 0 when the head holds all */
};

/*
 * A connection, as the process sees it. Addresses are in network byte order; IPv4 and
 * v4-mapped IPv6 stand in the first four bytes with family AF_INET.
 */
struct kh_conn {
	__kh_u64 cookie; /* kernel's socket cookie: unique until reboot */
	__kh_u8 laddr[16];
	__kh_u8 raddr[16];
	__kh_u16 lport; /* host byte order */
	__kh_u16 rport; /* host byte order */
	__kh_u8 family; /* AF_INET or AF_INET6 */
	__kh_u8 role;   /* enum kh_role */
	__kh_u8 pad[2];
	__kh_u32 isn_local;  /* initial sequence numbers, 0 where not known; of a stream that */
	__kh_u32 isn_remote; /*   left HTTP, those of the answer and of what came after it.
			      *   Both ends of a connection see the same pair */
};

/* Payload: request head, request tail, response head, response tail. */
struct kh_exchange {
	struct kh_rec rec;
	struct kh_conn conn;
	__kh_u64 cgroup;  /* key into KH_CGROUP records; 0 unknown */
	__kh_u32 tgid;    /* of the process that did the last I/O, in the initial pid namespace */
	__kh_u32 tid;     /* 0: a thread of io_uring's, which works for all of the process */
	__kh_u32 number;  /* of this exchange on its connection, from 1 */
	__kh_u32 req_seq; /* TCP sequence number of the request's first byte */
	__kh_u8 reason;   /* enum kh_reason: RESPONSE, or CLOSE/RESET for one that got no answer */
	__kh_u8 pad;
	__kh_u16 error;   /* errno of the socket for RESET */
	__kh_u32 req_tid; /* as `tid`: who sent or received the beginning of the request; where its
			     first byte came alone, who received what follows (Go does so) */
	__kh_u64 routine; /* see KH_ROUTINE: of that thread, at that time */
	struct kh_message req;
	struct kh_message resp;
};

/* Payload: head, tail. KH_FINISH has only a tail. */
struct kh_part {
	struct kh_rec rec;
	__kh_u64 cookie;
	__kh_u32 number; /* of the exchange it continues */
	__kh_u8 reason;
	__kh_u8 pad;
	__kh_u16 error;
	struct kh_message msg; /* only what came since the record before */
};

/*
 * Consecutive bytes of one direction of a stream: a connection that speaks no HTTP/1, or (UDP) one
 * datagram. A call of more than KH_HEAD_MAX bytes is told in several segments; the last of them has
 * the call's tail. What is missing between two segments of a direction shows by `seq`. The end of a
 * connection is a segment of no bytes. Payload: head, tail.
 */
struct kh_segment {
	struct kh_rec rec;
	struct kh_conn conn; /* role: KH_ROLE_UNKNOWN where the connection is older than Keyhole */
	__kh_u64 cgroup;
	__kh_u64 ns;      /* when the call that moved the bytes ended */
	__kh_u64 routine; /* see KH_ROUTINE: of the thread that made it */
	__kh_u32 tgid;  /* of the process that made it, in the initial pid namespace; 0 at the end */
	__kh_u32 tid;   /* 0: as in kh_exchange */
	__kh_u32 seq;   /* TCP sequence number of the first byte; UDP: 0 */
	__kh_u32 other; /* TCP: that of the other direction's next byte, at `ns`. What lies before it
			   passed before this, even if it is told later (two threads).
			   A FIN is no byte of it */
	__kh_u32 len;     /* bytes, captured or not */
	__kh_u16 head_len; /* captured bytes of the start, <= KH_HEAD_MAX */
	__kh_u16 tail_len; /* of the end, <= KH_TAIL; head_len + tail_len <= len */
	__kh_u8 sent;      /* 1: by the process, 0: to it */
	__kh_u8 transport; /* IPPROTO_TCP or IPPROTO_UDP */
	__kh_u8 reason;    /* enum kh_reason: MORE, or with no bytes CLOSE or RESET */
	__kh_u8 pad;
	__kh_u16 error; /* errno of the socket for RESET */
	__kh_u16 pad2;
};

/* Names from the cgroup up to, not including, the root; names[0] is the cgroup's own. */
struct kh_cgroup {
	struct kh_rec rec;
	__kh_u64 cgroup;
	__kh_u32 levels; /* names used, <= KH_CGROUP_LEVELS */
	__kh_u32 pad;
	char names[KH_CGROUP_LEVELS][KH_NAME]; /* NUL-terminated; chosen by whoever made the cgroup */
};

struct kh_process {
	struct kh_rec rec;
	__kh_u64 cgroup;
	__kh_u64 start_ns; /* CLOCK_BOOTTIME */
	__kh_u32 tgid;     /* in the initial pid namespace */
	__kh_u32 ns_tgid;  /* in its own */
	__kh_u32 ppid;     /* parent's tgid, initial namespace */
	__kh_u32 uid;      /* in the initial user namespace */
	__kh_u32 pid_ns, mnt_ns, net_ns; /* inode numbers */
	__kh_u32 exe_levels;             /* components used; 0 for a kernel thread */
	char comm[16];
	char exe[KH_EXE_LEVELS][KH_EXE_NAME]; /* exe[0] is the file's name, then its directories */
};

struct kh_exit {
	struct kh_rec rec;
	__kh_u32 tgid;
	__kh_u32 pad;
};

struct kh_listen {
	struct kh_rec rec;
	__kh_u64 cgroup;
	__kh_u32 tgid;
	__kh_u16 port;
	__kh_u16 pad;
};

/* Only for a collector that set KH_WANT_ARGS, and of processes whose own thread is running. */
struct kh_args {
	struct kh_rec rec;
	__kh_u32 tgid;
	__kh_u32 len;           /* bytes used, <= KH_ARGS_MAX */
	char text[KH_ARGS_MAX]; /* each argument with its NUL, unless it was cut */
};

/* The answer to request 's'. */
struct kh_self {
	struct kh_rec rec;
	__kh_u64 cgroup;
	__kh_u32 tgid;
	__kh_u32 levels;                 /* ids used */
	__kh_u64 ids[KH_CGROUP_LEVELS]; /* of the cgroup and its ancestors, as names[] of KH_CGROUP */
};

/* ---- counters page: one slot per possible CPU, read-only to the collector ---- */

/*
 * X(name, help). The exported name is keyhole_bpf_<name>_total; helps are the documentation of
 * every way in which a byte can be missed.
 */
#define KH_COUNTERS(X)                                                                            \
	X(exchanges, "Exchange records offered to the data ring.")                                 \
	X(parts, "Part records offered to the data ring.")                                         \
	X(finishes, "Finish records offered to the data ring.")                                    \
	X(segments, "Segment records (of streams) offered to the data ring.")                      \
	X(life, "Records offered to the life ring.")                                               \
	X(exchange_drops, "Exchange records lost because the data ring was full.")                 \
	X(part_drops, "Part and finish records lost because the data ring was full, or that "      \
		      "belong to an exchange that was.")                                           \
	X(segment_drops, "Segment records lost because the data ring was full.")                   \
	X(life_drops, "Life records lost because the life ring was full.")                         \
	X(tx_bytes, "Bytes sent on sockets followed.")                                             \
	X(rx_bytes, "Bytes received on sockets followed.")                                         \
	X(io_errors, "Sends and receives that failed or moved nothing (EPIPE, end; not EAGAIN), "  \
		     "but for sockets of which nothing is wanted any more.")                       \
	X(peeks, "Receives with MSG_PEEK or MSG_ERRQUEUE, which move no byte; likewise.")          \
	X(trunc_reads, "Receives with MSG_TRUNC: length known, bytes not; likewise.")              \
	X(no_buffer, "Calls whose bytes lie in kernel pages (sendfile, splice): length known.")    \
	X(no_buffer_uring, "io_uring requests seen only as lengths.")                              \
	X(compat_calls, "Calls by 32-bit tasks, seen only as lengths.")                            \
	X(unknown_calls, "Calls of a kind not known, seen only as lengths.")                       \
	X(faults, "User memory that could not be read (page not resident).")                       \
	X(iov_cut, "Calls with more segments than are followed.")                                  \
	X(gap_bytes, "Bytes known only by a jump of the TCP sequence number.")                     \
	X(seq_back, "Calls whose sequence number lay behind the expected one (concurrent I/O).")   \
	X(kernel_sockets, "Calls on sockets that the kernel itself uses, ignored.")                \
	X(other_protocol, "Streams of which the collector wants to see nothing more.")             \
	X(undecided_calls, "Calls of streams whose protocol is not known yet, not told because "   \
			   "the data ring was half full.")                                         \
	X(undecided, "Streams not told any further because no decision came; one may yet.")        \
	X(orphan_responses, "Responses whose request was not seen.")                               \
	X(upgraded, "Connections that left HTTP (101, CONNECT).")                                  \
	X(head_cut, "Requests whose head was longer than is captured.")                            \
	X(storage_failed, "Sockets for which no storage could be had.")                            \
	X(ignored, "Messages of cgroups that the collector decided to ignore.")                    \
	X(self_calls, "Calls by Keyhole itself, never traced.")                                    \
	X(connects, "Connections opened by processes of this node.")                               \
	X(accepts, "Connections accepted by processes of this node.")                              \
	X(connect_failures, "Connections that failed to open.")                                    \
	X(resets, "Connections that ended with an error in the middle of an exchange.")            \
	X(wakeups, "Wake-ups sent to the collector.")                                              \
	X(snapshot_tasks, "Processes looked at by snapshots.")                                     \
	X(names_cut, "Cgroup names or chains longer than the record holds.")                       \
	X(args_cut, "Command lines longer than the record holds.")

enum kh_counter {
#define KH_X(name, help) KH_C_##name,
	KH_COUNTERS(KH_X)
#undef KH_X
	KH_C_COUNT,
};

#define KH_COUNTER_SLOTS 64 /* >= KH_C_COUNT; keeps a CPU's slot at eight cache lines */

struct kh_counters {
	__kh_u64 c[KH_COUNTER_SLOTS];
};

/* ---- control page: written by the collector, believed by BPF only within bounds ---- */

enum kh_verdict {
	KH_TRACE = 0, /* also what an unknown key gets */
	KH_IGNORE = 1,
};

/*
 * What a verdict is about: a cgroup, by its own number; or, of one process, what it serves on a
 * local port, or (port 0) asks others for. The start tells processes apart that have one number
 * after the other. Numbers of cgroups have bit 62 clear.
 */
#define KH_VERDICT_PROCESS(tgid, start_ns, port)                                                  \
	(1ULL << 62 | (((__kh_u64)(start_ns) * 0x9e3779b97f4a7c15ULL) ^                           \
		       ((__kh_u64)(tgid) << 16 | (port))) >> 2)
#define KH_VERDICT_GONE (~0ULL) /* a key that was taken back: free, but not the end of a search */

struct kh_verdict_slot {
	__kh_u64 key; /* 0: empty. Written last, after verdict */
	__kh_u32 verdict;
	__kh_u32 pad;
};

/*
 * What the collector decided about a stream, by its socket's cookie. A slot is the one place for
 * all cookies of its hash: a newer one takes it over, and the socket keeps what it was told last.
 */
struct kh_stream_slot {
	__kh_u64 cookie; /* 0: empty. Written last; cleared before the rest changes */
	__kh_u32 capture; /* bytes wanted of each call, <= KH_SEGMENT_CALL; 0: nothing more, for good */
	__kh_u8 role;     /* enum kh_role, as the protocol shows it */
	__kh_u8 pad[3];
};

#define KH_STREAM_HASH(cookie) \
	((__kh_u32)(((__kh_u64)(cookie) * 0x9e3779b97f4a7c15ULL) >> 40) & (KH_STREAMS - 1))

struct kh_control {
	__kh_u32 enabled;    /* 0: programs return at once. Loader and new collectors set 1 */
	__kh_u32 generation; /* a new collector takes another number: identities are sent again */
	__kh_u32 wake_bytes; /* waiting bytes in the data ring that are worth a wake-up */
	__kh_u32 verdict_epoch; /* add 1 after the verdict table changed: sockets look again */
	/*
	 * The collector asks for something by renaming its own thread (prctl PR_SET_NAME) to the
	 * low KH_NONCE_DIGITS hex digits of this number and one letter: 's', "this process is
	 * Keyhole, do not trace it, and tell where it runs" (KH_SELF), or 'w', one step of the walk through the processes that run
	 * (the walk is done when counter snapshot_tasks grows by less than KH_SNAPSHOT_STEP). No
	 * privilege is needed for that, and who cannot read this page cannot ask. 0: nobody asks.
	 */
	__kh_u64 nonce;
	__kh_u64 delivered; /* kept here so that it outlives a collector: data records handled */
	/* Only what runs in this cgroup or below is traced: one of KH_SELF's ids. 0: everything. */
	__kh_u64 scope;
	__kh_u32 want; /* KH_WANT_ARGS, KH_WANT_ROUTINE */
	__kh_u32 pad;
	__kh_u64 reserved[2];
	struct kh_verdict_slot verdicts[KH_VERDICTS];
	struct kh_stream_slot streams[KH_STREAMS];
};

#define KH_SCOPE_NOTHING (~0ULL) /* no cgroup has this number */
#define KH_WANT_ARGS 1
#define KH_WANT_ROUTINE 2

/*
 * Go: the address of the goroutine that a thread runs, its g. It stands in thread-local storage
 * (x86-64: the word below the base of FS) or in a register (arm64: x28), as Go's internal ABI
 * says (cmd/compile/abi-internal.md), and lies in the heap, whose first arena begins at a fixed
 * address (runtime/malloc.go, mallocinit). What is elsewhere is no g: the thread is of another
 * language, or lies beyond KH_ROUTINE_GIB of heap. 0: that, or it was not asked for.
 */
#if defined(__aarch64__) || defined(__TARGET_ARCH_arm64)
#define KH_ROUTINE_FROM 0x4000000000ULL
#else
#define KH_ROUTINE_FROM 0xc000000000ULL
#endif
#define KH_ROUTINE(g)                                                                             \
	((g) - KH_ROUTINE_FROM < (__kh_u64)KH_ROUTINE_GIB << 30 && (g) % 8 == 0)

/* What wake_bytes begins with: 256 KiB of 4 MiB, measured to lose nothing at full load. */
#define KH_WAKE_BYTES(ring) ((ring) / 16)

/* Where the verdict for a key is looked for first; then the KH_VERDICT_PROBES - 1 slots after it. */
#define KH_VERDICT_HASH(key) \
	((__kh_u32)(((__kh_u64)(key) * 0x9e3779b97f4a7c15ULL) >> 40) & (KH_VERDICTS - 1))

#define KH_ASSERT(name, cond) typedef char kh_assert_##name[(cond) ? 1 : -1]
KH_ASSERT(rec, sizeof(struct kh_rec) == 8);
KH_ASSERT(message, sizeof(struct kh_message) == 40);
KH_ASSERT(conn, sizeof(struct kh_conn) == 56);
KH_ASSERT(exchange, sizeof(struct kh_exchange) == 8 + 56 + 24 + 8 + 8 + 80);
KH_ASSERT(part, sizeof(struct kh_part) == 8 + 16 + 40);
KH_ASSERT(segment, sizeof(struct kh_segment) == 8 + 56 + 56);
KH_ASSERT(stream_slot, sizeof(struct kh_stream_slot) == 16);
KH_ASSERT(streams, (KH_STREAMS & (KH_STREAMS - 1)) == 0);
KH_ASSERT(counters, KH_C_COUNT <= KH_COUNTER_SLOTS);
KH_ASSERT(verdicts, (KH_VERDICTS & (KH_VERDICTS - 1)) == 0);

#endif
