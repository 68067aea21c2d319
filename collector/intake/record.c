/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/* Takes head and tail of a message from what is left of the payload. */
static int take(struct record_message *m, const struct kh_message *from, const uint8_t **p,
		size_t *left)
{
	const struct kh_message *info = &m->info;
	size_t need;

	m->info = *from; /* what is checked is what is used, whatever else writes there */
	need = (size_t)info->head_len + info->tail_len;
	if (info->head_len > KH_HEAD_MAX || info->tail_len > KH_TAIL || need > *left ||
	    info->head_len > info->len || info->tail_len > info->len || info->gap > info->len ||
	    info->last_ns < info->first_ns)
		return -EBADMSG;
	m->head = *p;
	m->tail = *p + info->head_len;
	*p += need;
	*left -= need;
	return 0;
}

static int read_exchange(const void *p, size_t size, struct record *out)
{
	const struct kh_exchange *ex = p;
	const uint8_t *at = (const uint8_t *)p + sizeof(*ex);
	size_t left = size - sizeof(*ex);

	if ((ex->conn.role != KH_ROLE_SERVER && ex->conn.role != KH_ROLE_CLIENT) ||
	    ex->reason > KH_WHY_RESET)
		return -EBADMSG;
	out->exchange = ex;
	if (take(&out->req, &ex->req, &at, &left) || take(&out->resp, &ex->resp, &at, &left))
		return -EBADMSG;
	return 0;
}

static int read_part(const void *p, size_t size, struct record *out)
{
	const struct kh_part *part = p;
	const uint8_t *at = (const uint8_t *)p + sizeof(*part);
	size_t left = size - sizeof(*part);

	if (part->reason > KH_WHY_RESET)
		return -EBADMSG;
	out->part = part;
	return take(part->rec.flags & KH_F_RESPONSE ? &out->resp : &out->req, &part->msg, &at,
		    &left);
}

/* A call moves less than 2 GiB, so that differences of its sequence numbers have a sign. */
static int read_segment(const void *p, size_t size, struct record *out)
{
	const struct kh_segment *seg = p;
	size_t need = (size_t)seg->head_len + seg->tail_len;

	if (seg->conn.role > KH_ROLE_CLIENT || seg->sent > 1 ||
	    (seg->transport != IPPROTO_TCP && seg->transport != IPPROTO_UDP))
		return -EBADMSG;
	if (seg->len ? seg->reason != KH_WHY_MORE
		     : seg->reason != KH_WHY_CLOSE && seg->reason != KH_WHY_RESET)
		return -EBADMSG;
	if (seg->head_len > KH_HEAD_MAX || seg->tail_len > KH_TAIL || need > seg->len ||
	    need > size - sizeof(*seg) || seg->len > INT32_MAX)
		return -EBADMSG;
	out->segment = seg;
	return 0;
}

static int text_ok(const char *text, size_t room)
{
	return memchr(text, 0, room) != NULL;
}

static int read_cgroup(const void *p, struct record *out)
{
	const struct kh_cgroup *c = p;
	uint32_t i;

	if (c->levels > KH_CGROUP_LEVELS)
		return -EBADMSG;
	for (i = 0; i < c->levels; i++)
		if (!text_ok(c->names[i], KH_NAME))
			return -EBADMSG;
	out->cgroup = c;
	return 0;
}

static int read_process(const void *p, struct record *out)
{
	const struct kh_process *proc = p;
	uint32_t i;

	if (proc->exe_levels > KH_EXE_LEVELS || !text_ok(proc->comm, sizeof(proc->comm)))
		return -EBADMSG;
	for (i = 0; i < proc->exe_levels; i++)
		if (!text_ok(proc->exe[i], KH_EXE_NAME))
			return -EBADMSG;
	out->process = proc;
	return 0;
}

static int read_args(const void *p, struct record *out)
{
	const struct kh_args *args = p;

	out->args = args;
	return args->len > KH_ARGS_MAX ? -EBADMSG : 0;
}

static int read_self(const void *p, struct record *out)
{
	const struct kh_self *self = p;

	out->self = self;
	return self->levels > KH_CGROUP_LEVELS ? -EBADMSG : 0;
}

int record_read(const void *p, size_t size, struct record *out)
{
	const struct kh_rec *rec = p;
	size_t least;

	memset(out, 0, sizeof(*out));
	if (size < sizeof(*rec) || rec->size > size || size - rec->size > 7)
		return -EBADMSG;
	out->type = rec->type;
	out->flags = rec->flags;
	size = rec->size;
	switch (rec->type) {
	case KH_EXCHANGE:
		least = sizeof(struct kh_exchange);
		return size < least ? -EBADMSG : read_exchange(p, size, out);
	case KH_PART:
	case KH_FINISH:
		least = sizeof(struct kh_part);
		return size < least ? -EBADMSG : read_part(p, size, out);
	case KH_SEGMENT:
		return size < sizeof(struct kh_segment) ? -EBADMSG : read_segment(p, size, out);
	case KH_CGROUP:
		return size < sizeof(struct kh_cgroup) ? -EBADMSG : read_cgroup(p, out);
	case KH_PROCESS:
		return size < sizeof(struct kh_process) ? -EBADMSG : read_process(p, out);
	case KH_EXIT:
		out->exit = p;
		return size < sizeof(struct kh_exit) ? -EBADMSG : 0;
	case KH_LISTEN:
		out->listen = p;
		return size < sizeof(struct kh_listen) ? -EBADMSG : 0;
	case KH_ARGS:
		return size < sizeof(struct kh_args) ? -EBADMSG : read_args(p, out);
	case KH_SELF:
		return size < sizeof(struct kh_self) ? -EBADMSG : read_self(p, out);
	default:
		return -EBADMSG;
	}
}
