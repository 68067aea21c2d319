/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The fexit backend's way to the bytes: when tcp_sendmsg or tcp_recvmsg returns, the message's
 * iterator has moved past what was copied; walking it back by the returned length, as the
 * kernel's iov_iter_revert does, finds the start.
 */
#ifndef KEYHOLE_BPF_ITER_H
#define KEYHOLE_BPF_ITER_H

static __always_inline const struct iovec *kh_iter_iov(const struct iov_iter *it)
{
	if (bpf_core_field_exists(it->__iov))
		return it->__iov;
	return ((const struct iov_iter___iov *)it)->iov;
}

static __always_inline bool kh_iovec_in_kernel(struct iovec *seg, u64 at)
{
	if (kh_kernel_reads && !bpf_probe_read_kernel(seg, sizeof(*seg), (void *)at))
		return true;
	KH_COUNT(faults);
	return false;
}

static __always_inline void kh_source_iter(struct kh_source *src, struct kh_scratch *room,
					   const struct iov_iter *it, u64 moved)
{
	u64 offset = it->iov_offset, left = moved;
	struct iovec seg = {};
	u64 iov;
	u32 i;

	src->kind = KH_SRC_NONE;
	if (bpf_core_enum_value_exists(enum iter_type, ITER_UBUF) &&
	    it->iter_type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
		src->kind = KH_SRC_ONE;
		src->base = kh_number(room, (u64)it->ubuf) + offset - moved;
		return;
	}
	if (it->iter_type != bpf_core_enum_value(enum iter_type, ITER_IOVEC)) {
		KH_COUNT(no_buffer);
		return;
	}
	iov = kh_number(room, (u64)kh_iter_iov(it));
	for (i = 0; i <= KH_IOV_MAX; i++) {
		if (offset >= left)
			break;
		left -= offset;
		iov -= sizeof(struct iovec);
		if (!kh_iovec_in_kernel(&seg, iov))
			return;
		offset = seg.iov_len;
	}
	if (i > KH_IOV_MAX) {
		KH_COUNT(iov_cut);
		return;
	}
	src->skip = offset - left;
	if (left == moved) { /* one segment holds it all: the one read last, unless it is in use yet */
		if (!i && !kh_iovec_in_kernel(&seg, iov))
			return;
		src->kind = KH_SRC_ONE;
		src->base = kh_number(room, (u64)seg.iov_base);
		return;
	}
	src->kind = KH_SRC_KERN;
	src->base = iov;
	src->segs = i + 1;
}

#endif
