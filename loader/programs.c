/* SPDX-License-Identifier: Apache-2.0 */
#include "programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <unistd.h>

#include "bpf/events.h"
#include "bpf/load.h"
#include "keyhole.skel.h"
#include "task_iter.skel.h"

const struct programs_backend programs_backends[PROGRAMS_BACKENDS] = {
	{"tracepoint+fexit", true, true},
	{"tracepoint", true, false},
	{"fexit", false, true},
};

/*
 * Socket storage takes its value size from BTF, and so do the functions that are handed a value.
 * For another head size than the object was built with, its BTF is changed before it is loaded: the
 * head is the last member of struct kh_socket, and nothing else has its type.
 */
static int resize_head(struct keyhole *skel, uint64_t head)
{
	const struct btf *btf = bpf_object__btf(skel->obj);
	int id = btf__find_by_name_kind(btf, "kh_socket", BTF_KIND_STRUCT);
	struct btf_type *socket, *array;

	if (id < 0)
		return id;
	socket = (struct btf_type *)btf__type_by_id(btf, (__u32)id);
	array = (struct btf_type *)btf__type_by_id(btf,
						   btf_members(socket)[btf_vlen(socket) - 1].type);
	if (!btf_is_array(array))
		return -EINVAL;
	btf_array(array)->nelems += (__u32)(head - KH_HEAD_DEFAULT);
	socket->size += (__u32)(head - KH_HEAD_DEFAULT);
	return bpf_map__set_value_size(skel->maps.kh_sockets, socket->size);
}

static void choose_udp(struct keyhole *s, const struct kernel *k, bool tp, bool fx)
{
	const struct {
		struct bpf_program *prog;
		bool ipv6, twin;
		int args; /* 0: any */
	} all[] = {
		{s->progs.kh_fx_udp_send, false, false, 0},
		{s->progs.kh_fx_udp_recv6, false, false, 6},
		{s->progs.kh_fx_udp_recv5, false, false, 5},
		{s->progs.kh_fx_udp_recv4, false, false, 4},
		{s->progs.kh_fx_udp_send_twin, false, true, 0},
		{s->progs.kh_fx_udp_recv5_twin, false, true, 5},
		{s->progs.kh_fx_udp_recv4_twin, false, true, 4},
		{s->progs.kh_fx_udp6_send, true, false, 0},
		{s->progs.kh_fx_udp6_recv6, true, false, 6},
		{s->progs.kh_fx_udp6_recv5, true, false, 5},
		{s->progs.kh_fx_udp6_recv4, true, false, 4},
		{s->progs.kh_fx_udp6_send_twin, true, true, 0},
		{s->progs.kh_fx_udp6_recv5_twin, true, true, 5},
		{s->progs.kh_fx_udp6_recv4_twin, true, true, 4},
	};
	bool udp = fx && k->udp && (k->udp6 || !tp);
	size_t i;

	s->rodata->kh_udp_by_fexit = udp && tp;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		bpf_program__set_autoload(all[i].prog,
					  udp && (!all[i].ipv6 || k->udp6) &&
						  (!all[i].twin || k->preempts) &&
						  (!all[i].args || all[i].args == k->recv_args));
}

int programs_choose(struct keyhole *s, const struct kernel *k, bool tp, bool fx)
{
	bpf_program__set_autoload(s->progs.kh_tp_send, tp);
	bpf_program__set_autoload(s->progs.kh_tp_recv, tp);
	bpf_program__set_autoload(s->progs.kh_fx_send, fx);
	bpf_program__set_autoload(s->progs.kh_fx_sendpage, fx && k->sendpage && !tp);
	bpf_program__set_autoload(s->progs.kh_fx_recv6, fx && k->recv_args == 6);
	bpf_program__set_autoload(s->progs.kh_fx_recv5, fx && k->recv_args == 5);
	bpf_program__set_autoload(s->progs.kh_fx_recv4, fx && k->recv_args == 4);
	bpf_program__set_autoload(s->progs.kh_fx_early, fx && !tp && k->early);
	bpf_program__set_autoload(s->progs.kh_tp_send_twin, tp && k->preempts);
	bpf_program__set_autoload(s->progs.kh_tp_recv_twin, tp && k->preempts);
	bpf_program__set_autoload(s->progs.kh_fx_send_twin, fx && k->preempts);
	bpf_program__set_autoload(s->progs.kh_fx_recv5_twin,
				  fx && k->preempts && k->recv_args == 5);
	bpf_program__set_autoload(s->progs.kh_fx_recv4_twin,
				  fx && k->preempts && k->recv_args == 4);
	bpf_program__set_autoload(s->progs.kh_set_state_twin, k->preempts);
	bpf_program__set_autoload(s->progs.kh_destroy_twin, k->preempts);
	choose_udp(s, k, tp, fx);
	s->rodata->kh_twins = k->preempts;
	s->rodata->kh_walk_list = !k->no_snapshot[0] && !k->task_iter;
	s->rodata->kh_opaque_by_fexit = tp && fx;
	s->rodata->kh_kernel_reads = k->kernel_reads;
	if ((tp && fx) || k->preempts)
		return 0;
	return bpf_map__set_max_entries(s->maps.kh_rooms, fx ? KH_ROOMS_FX : KH_ROOMS_TP);
}

int programs_configure(struct keyhole *s, const struct options *o, unsigned int cpus)
{
	int r = 0;

	s->rodata->kh_request_head = (__u32)o->request_head;
	s->rodata->kh_response_head = (__u32)o->response_head;
	s->rodata->kh_sockets_max = (__u32)o->sockets;
	s->rodata->kh_streams_max = (__u32)o->streams;
	if (bpf_map__set_max_entries(s->maps.kh_data, (__u32)o->data_ring) ||
	    bpf_map__set_max_entries(s->maps.kh_life, (__u32)o->life_ring) ||
	    bpf_map__set_max_entries(s->maps.kh_counter_page, cpus))
		r = -EINVAL;
	if (!r && o->request_head != KH_HEAD_DEFAULT)
		r = resize_head(s, o->request_head);
	return r;
}

int programs_share(struct task_iter *iter, const struct keyhole *s)
{
	struct bpf_map *map = NULL, *shared;
	int r = 0;

	while ((map = bpf_object__next_map(iter->obj, map))) {
		shared = bpf_object__find_map_by_name(s->obj, bpf_map__name(map));
		if (!r && shared && !bpf_map__is_internal(map))
			r = bpf_map__reuse_fd(map, bpf_map__fd(shared));
	}
	iter->rodata->kh_kernel_reads = s->rodata->kh_kernel_reads;
	return r;
}
