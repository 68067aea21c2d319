/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup_name.h"

#include <string.h>

#include "../slice.h"

#define HASH_LEN 32 /* hex digits of a config hash (MD5) */
#define UID_LEN 36  /* 8-4-4-4-12 */
#define ID_LEN 64   /* hex digits of a container id */

/*
 * The runtime's word before the id. Not among them: "crio-conmon", "libpod-conmon", the monitors
 * that watch over a container from outside of it.
 */
static const struct {
	const char *word;
	enum cgroup_runtime runtime;
} words[] = {
	{"cri-containerd", CGROUP_CONTAINERD},
	{"nerdctl", CGROUP_CONTAINERD},
	{"crio", CGROUP_CRIO},
	{"docker", CGROUP_DOCKER},
	{"libpod", CGROUP_PODMAN},
	{"libpod-payload", CGROUP_PODMAN}, /* podman --cgroups=split */
};

static struct slice level_name(const char name[KH_NAME])
{
	return (struct slice){name, strnlen(name, KH_NAME)};
}

static bool ends_with(struct slice s, const char *end)
{
	size_t n = strlen(end);

	return s.n >= n && memcmp(s.p + s.n - n, end, n) == 0;
}

static struct slice without_end(struct slice s, const char *end)
{
	if (ends_with(s, end))
		s.n -= strlen(end);
	return s;
}

static bool is_lower_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool all_hex(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!is_lower_hex(s.p[i]))
			return false;
	}
	return true;
}

static bool is_hex_id(struct slice s)
{
	return s.n == ID_LEN && all_hex(s);
}

/* containerd's rule for ids (containerd/identifiers): words of letters and digits, joined by . _ -
 */
static bool is_free_id(struct slice s)
{
	if (s.n == 0 || s.n > CGROUP_ID_MAX || !is_alnum(s.p[0]) || !is_alnum(s.p[s.n - 1]))
		return false;
	for (size_t i = 1; i < s.n; i++) {
		if (is_alnum(s.p[i]))
			continue;
		if (!strchr("._-", s.p[i]) || !is_alnum(s.p[i - 1]))
			return false;
	}
	return true;
}

static bool known_word(struct slice s, enum cgroup_runtime *runtime)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (slice_is(s, words[i].word)) {
			*runtime = words[i].runtime;
			return true;
		}
	}
	return false;
}

/* A level's container, if it is one: id.n is 0 otherwise. */
struct found {
	enum cgroup_runtime runtime;
	struct slice id;
};

/*
 * "<parent>.slice:<word>:<id>": systemd's form of a cgroup path, taken literally by a runtime that
 * was told to use cgroupfs. Nothing else looks so, hence an id of any form is believed.
 */
static struct found colon_form(struct slice name, bool cut)
{
	struct found f = {CGROUP_RUNTIME_UNKNOWN, {NULL, 0}};
	const char *first = memchr(name.p, ':', name.n);
	const char *end = name.p + name.n;
	const char *second = first ? memchr(first + 1, ':', (size_t)(end - first - 1)) : NULL;
	struct slice parent, word, id;

	if (!second || cut)
		return f;
	parent = (struct slice){name.p, (size_t)(first - name.p)};
	word = (struct slice){first + 1, (size_t)(second - first - 1)};
	id = (struct slice){second + 1, (size_t)(end - second - 1)};
	if (ends_with(parent, ".slice") && !ends_with(word, "conmon") &&
	    (known_word(word, &f.runtime) ? is_free_id(id) : is_hex_id(id)))
		f.id = id;
	return f;
}

/* "<word>-<64 hex>" with or without ".scope"; without, only runtimes' own words count. */
static struct found word_form(struct slice stem, bool scope)
{
	struct found f = {CGROUP_RUNTIME_UNKNOWN, {NULL, 0}};
	struct slice word, id;

	if (stem.n < ID_LEN + 2)
		return f;
	word = (struct slice){stem.p, stem.n - ID_LEN - 1};
	id = (struct slice){stem.p + stem.n - ID_LEN, ID_LEN};
	if (id.p[-1] != '-' || !is_hex_id(id) || ends_with(word, "conmon"))
		return f;
	if (known_word(word, &f.runtime) || scope)
		f.id = id;
	return f;
}

/* The name alone is the id: what its parent is called tells the runtime. */
static struct found bare_form(struct slice stem, struct slice parent, bool cut)
{
	struct found f = {CGROUP_RUNTIME_UNKNOWN, {NULL, 0}};
	bool containerd = slice_is(parent, "k8s.io"); /* the namespace of CRI, crictl, nerdctl */

	if (is_hex_id(stem) || (containerd && !cut && is_free_id(stem)))
		f.id = stem;
	if (containerd)
		f.runtime = CGROUP_CONTAINERD;
	else if (slice_is(parent, "docker"))
		f.runtime = CGROUP_DOCKER;
	return f;
}

static struct found look_at(struct slice name, struct slice parent)
{
	bool cut = name.n >= KH_NAME - 1; /* it may have been longer */
	struct slice stem = without_end(name, ".scope");
	struct found f;

	if (memchr(name.p, ':', name.n))
		return colon_form(name, cut);
	f = word_form(stem, stem.n != name.n);
	return f.id.n ? f : bare_form(stem, parent, cut);
}

/*
 * A uid after "pod": writes it with dashes, or a config hash as it is. systemd's slices have '_'
 * where the uid has '-' (there '-' separates levels).
 */
static bool take_uid(struct slice s, struct cgroup_identity *out)
{
	if (s.n == HASH_LEN && all_hex(s)) {
		memcpy(out->pod, s.p, HASH_LEN);
		out->pod[HASH_LEN] = 0;
		out->pod_is_hash = true;
		return true;
	}
	if (s.n != UID_LEN)
		return false;
	for (size_t i = 0; i < UID_LEN; i++) {
		bool joint = i == 8 || i == 13 || i == 18 || i == 23;

		if (joint ? s.p[i] != '-' && s.p[i] != '_' : !is_lower_hex(s.p[i]))
			return false;
	}
	for (size_t i = 0; i < UID_LEN; i++)
		out->pod[i] = s.p[i] == '_' ? '-' : s.p[i];
	out->pod[UID_LEN] = 0;
	return true;
}

/* From what stands before "pod": the parent's name (cgroupfs) or the slice's prefix (systemd). */
static enum cgroup_qos qos_of(struct slice before)
{
	if (ends_with(before, "burstable"))
		return CGROUP_BURSTABLE;
	if (ends_with(before, "besteffort"))
		return CGROUP_BESTEFFORT;
	if (ends_with(before, "kubepods"))
		return CGROUP_GUARANTEED; /* the kubelet has no level for it */
	return CGROUP_QOS_UNKNOWN;
}

/* "pod<uid>" or "<prefix>-pod<uid>.slice", also before the first colon. */
static bool look_for_pod(struct slice name, struct slice parent, struct cgroup_identity *out)
{
	const char *colon = memchr(name.p, ':', name.n);

	if (colon)
		name.n = (size_t)(colon - name.p);
	name = without_end(name, ".slice");
	for (size_t i = 0; i + 3 + HASH_LEN <= name.n; i++) {
		struct slice uid = {name.p + i + 3, name.n - i - 3};

		if (memcmp(name.p + i, "pod", 3) != 0 || (i > 0 && name.p[i - 1] != '-'))
			continue;
		if (!take_uid(uid, out))
			continue;
		out->qos = qos_of(i > 0 ? (struct slice){name.p, i - 1} : parent);
		return true;
	}
	return false;
}

static void put_id(char to[CGROUP_ID_MAX + 1], struct slice id)
{
	memcpy(to, id.p, id.n);
	to[id.n] = 0;
}

/*
 * From the innermost level outwards, until the level of a pod: what lies outside of it (the node
 * itself, where that is a container) has nothing to do with the pod's containers.
 */
bool cgroup_name_parse(const char names[][KH_NAME], size_t levels, struct cgroup_identity *out)
{
	memset(out, 0, sizeof(*out));
	if (levels > KH_CGROUP_LEVELS)
		levels = KH_CGROUP_LEVELS;
	for (size_t i = 0; i < levels; i++) {
		struct slice name = level_name(names[i]);
		struct slice parent = i + 1 < levels ? level_name(names[i + 1]) : slice_of("");
		struct found f = look_at(name, parent);

		if (f.id.n && !out->container[0]) {
			put_id(out->container, f.id);
			out->runtime = f.runtime;
		}
		if (f.id.n)
			put_id(out->pod_container, f.id);
		if (look_for_pod(name, parent, out)) {
			out->pod_level = (uint32_t)i;
			break;
		}
	}
	if (!out->pod[0])
		out->pod_container[0] = 0;
	return out->container[0] || out->pod[0];
}

const char *cgroup_runtime_name(enum cgroup_runtime runtime)
{
	switch (runtime) {
	case CGROUP_CONTAINERD:
		return "containerd";
	case CGROUP_CRIO:
		return "cri-o";
	case CGROUP_DOCKER:
		return "docker";
	case CGROUP_PODMAN:
		return "podman";
	case CGROUP_RUNTIME_UNKNOWN:
		break;
	}
	return "";
}

const char *cgroup_qos_name(enum cgroup_qos qos)
{
	switch (qos) {
	case CGROUP_GUARANTEED:
		return "Guaranteed";
	case CGROUP_BURSTABLE:
		return "Burstable";
	case CGROUP_BESTEFFORT:
		return "BestEffort";
	case CGROUP_QOS_UNKNOWN:
		break;
	}
	return "";
}
