// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Programs that do nothing, where Keyhole's stand: what the hooks cost by themselves. */
#define SEC(name) __attribute__((section(name), used))

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define EMPTY(name, hook)                                                                          \
	SEC(hook)                                                                                  \
	int name(void *ctx)                                                                        \
	{                                                                                          \
		return 0;                                                                          \
	}

EMPTY(tp_send, "tp_btf/sock_send_length")
EMPTY(tp_recv, "tp_btf/sock_recv_length")
EMPTY(fx_send, "fexit/tcp_sendmsg")
EMPTY(fx_recv, "fexit/tcp_recvmsg")
EMPTY(fx_early, "tp_btf/tcp_rcv_space_adjust") /* beside fexit */
