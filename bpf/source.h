/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Where the bytes of one send or receive lie in user memory, and how to fetch them. The two
 * backends find the place (syscall.h, iter.h); this file copies.
 */
#ifndef KEYHOLE_BPF_SOURCE_H
#define KEYHOLE_BPF_SOURCE_H

enum kh_source_kind {
	KH_SRC_NONE, /* no user memory: the length is all there is */
	KH_SRC_ONE,  /* one buffer */
	KH_SRC_USER, /* an array of struct iovec in user memory */
	KH_SRC_KERN, /* an array of struct iovec in kernel memory */
};

struct kh_source {
	u64 len;  /* bytes the call moved */
	u64 base; /* of the buffer or the array */
	u64 skip; /* bytes to leave out at its start */
	u32 segs;
	u32 kind;
	u64 name; /* UDP: where the other end's address is; 0: it is the socket's own, or unknown */
};

/*
 * The verifier must see the bound on the very register that is used; a C comparison may end up
 * on another (6.1 then says "unbounded memory access"), so the clamp is written out.
 */
#define KH_CLAMP(x, max) \
	asm volatile("if %[v] <= %[m] goto +1\n\t%[v] = %[m]" : [v] "+r"(x) : [m] "r"((u64)(max)))

/* The same without a branch, for numbers that are known to be below a power of two. */
#define KH_MASK(x, mask) asm volatile("%[v] &= %[m]" : [v] "+r"(x) : [m] "i"(mask))

/*
 * Of a function whose result nobody uses: the compiler would leave anything in its register, and
 * the verifier refuses a pointer to the stack there.
 */
#define KH_KEPT __noinline __attribute__((used))

static __always_inline long kh_iovec(const struct kh_source *src, u32 i, struct iovec *seg)
{
	const void *at = (const void *)(src->base + i * sizeof(*seg));

	if (src->kind == KH_SRC_USER)
		return bpf_probe_read_user(seg, sizeof(*seg), at);
	if (kh_kernel_reads)
		return bpf_probe_read_kernel(seg, sizeof(*seg), at);
	return -1;
}

enum kh_step {
	KH_STEP_ON,
	KH_STEP_END,
};

/*
 * Copies what is wanted of the segment `i`, of which room->skip bytes are left out, to room->raw +
 * off; room->got is what came before. A global function: all turns of the loop are one.
 */
__noinline int kh_fetch_step(struct kh_scratch *room, const struct kh_source *src, u64 off,
			     u64 want, u32 i)
{
	struct iovec seg = {};
	u64 n, at, skip;

	if (!room || !src)
		return KH_STEP_END;
	if (kh_iovec(src, i, &seg)) {
		KH_COUNT(faults);
		return KH_STEP_END;
	}
	skip = room->skip;
	if (seg.iov_len <= skip) {
		room->skip = skip - seg.iov_len;
		return KH_STEP_ON;
	}
	n = seg.iov_len - skip;
	if (n > want - room->got)
		n = want - room->got;
	at = off + room->got;
	KH_CLAMP(at, KH_OFFSET_MAX);
	KH_CLAMP(n, KH_HEAD_MAX);
	if (bpf_probe_read_user(room->raw + at, n, (char *)seg.iov_base + skip)) {
		KH_COUNT(faults);
		return KH_STEP_END;
	}
	room->got += n;
	room->skip = 0;
	return KH_STEP_ON;
}

/*
 * Copies up to `want` bytes, `skip` after the start, to room->raw + off. Returns how many. Not
 * static: the verifier looks at a global function once, not again for each path that calls it.
 */
__noinline u64 kh_fetch(struct kh_scratch *room, const struct kh_source *src, u64 off, u64 skip,
			u64 want)
{
	u32 i;

	if (!room || !src)
		return 0;
	skip += src->skip;
	if (src->kind == KH_SRC_ONE) {
		KH_CLAMP(off, KH_OFFSET_MAX);
		KH_CLAMP(want, KH_HEAD_MAX);
		if (!bpf_probe_read_user(room->raw + off, want, (void *)(src->base + skip)))
			return want;
		KH_COUNT(faults);
		return 0;
	}
	if (src->kind == KH_SRC_NONE)
		return 0;
	room->got = 0;
	room->skip = skip;
	for (i = 0; i < KH_IOV_MAX; i++) {
		if (i >= src->segs || room->got >= want)
			break;
		if (kh_fetch_step(room, src, off, want, i) == KH_STEP_END)
			break;
	}
	if (room->got < want && i == KH_IOV_MAX)
		KH_COUNT(iov_cut);
	return room->got;
}

/* Eight words; `volatile` keeps the compiler from making a loop or a call of it. */
static __always_inline void kh_copy64(void *to, const void *from)
{
	volatile u64 *t = to;
	const u64 *f = from;

	t[0] = f[0];
	t[1] = f[1];
	t[2] = f[2];
	t[3] = f[3];
	t[4] = f[4];
	t[5] = f[5];
	t[6] = f[6];
	t[7] = f[7];
}

#endif
