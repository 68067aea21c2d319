/* SPDX-License-Identifier: Apache-2.0 */
#include "pod.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Equal short text is stored once; looking further than this would not pay. */
#define SHARED_TEXT_MAX 64
#define SHARED_WITHIN 4096

struct packer {
	char *text;
	size_t used;
	ptrdiff_t moved;
};

typedef void (*text_fn)(struct packer *packer, const char **text);

/* Every text of a pod whose arrays may be written, in a fixed order. */
static void each_text(struct kube_pod *pod, struct kube_container *containers,
		      struct kube_pair *labels, struct kube_pair *annotations, text_fn fn,
		      struct packer *packer)
{
	fn(packer, &pod->uid);
	fn(packer, &pod->name);
	fn(packer, &pod->namespace);
	fn(packer, &pod->node);
	fn(packer, &pod->config_hash);
	for (int i = 0; i < KUBE_LEVELS; i++)
		fn(packer, &pod->workload[i]);
	fn(packer, &pod->owner_kind);
	fn(packer, &pod->owner_name);
	for (int i = 0; i < pod->container_count; i++) {
		fn(packer, &containers[i].name);
		fn(packer, &containers[i].id);
		fn(packer, &containers[i].ended_id);
		fn(packer, &containers[i].image);
		fn(packer, &containers[i].otel_service_name);
		fn(packer, &containers[i].otel_resource_attributes);
	}
	for (int i = 0; i < pod->label_count; i++) {
		fn(packer, &labels[i].key);
		fn(packer, &labels[i].value);
	}
	for (int i = 0; i < pod->annotation_count; i++) {
		fn(packer, &annotations[i].key);
		fn(packer, &annotations[i].value);
	}
}

static void measure(struct packer *packer, const char **text)
{
	if (!*text)
		*text = "";
	packer->used += strlen(*text) + 1;
}

static void pack(struct packer *packer, const char **text)
{
	size_t n = strlen(*text) + 1;
	size_t within = packer->used < SHARED_WITHIN ? packer->used : SHARED_WITHIN;
	char *at = n <= SHARED_TEXT_MAX ? memmem(packer->text, within, *text, n) : NULL;

	if (!at) {
		at = memcpy(packer->text + packer->used, *text, n);
		packer->used += n;
	}
	*text = at;
}

static void move(struct packer *packer, const char **text)
{
	*text += packer->moved;
}

struct kube_pod *kube_pod_new(const struct kube_pod *draft)
{
	size_t containers_size = draft->container_count * sizeof(*draft->containers);
	size_t labels_size = draft->label_count * sizeof(*draft->labels);
	size_t annotations_size = draft->annotation_count * sizeof(*draft->annotations);
	size_t fixed = sizeof(*draft) + containers_size + labels_size + annotations_size;
	struct kube_container containers[KUBE_CONTAINERS_MAX];
	struct kube_pair labels[KUBE_LABELS_MAX], annotations[KUBE_ANNOTATIONS_MAX];
	struct packer packer = {0};
	struct kube_pod head = *draft, *pod, *shrunk;

	if (containers_size)
		memcpy(containers, draft->containers, containers_size);
	if (labels_size)
		memcpy(labels, draft->labels, labels_size);
	if (annotations_size)
		memcpy(annotations, draft->annotations, annotations_size);
	each_text(&head, containers, labels, annotations, measure, &packer);
	pod = malloc(fixed + packer.used);
	if (!pod)
		return NULL;
	packer = (struct packer){.text = (char *)pod + fixed};
	each_text(&head, containers, labels, annotations, pack, &packer);

	shrunk = realloc(pod, fixed + packer.used);
	if (shrunk) {
		packer.moved = (char *)shrunk + fixed - packer.text;
		pod = shrunk;
		each_text(&head, containers, labels, annotations, move, &packer);
	}
	head.refs = 1;
	head.bytes = fixed + packer.used;
	head.containers = (struct kube_container *)(pod + 1);
	head.labels = (struct kube_pair *)((char *)head.containers + containers_size);
	head.annotations = (struct kube_pair *)((char *)head.labels + labels_size);
	memcpy(pod, &head, sizeof(head));
	memcpy((void *)head.containers, containers, containers_size);
	memcpy((void *)head.labels, labels, labels_size);
	memcpy((void *)head.annotations, annotations, annotations_size);
	return pod;
}

struct kube_pod *kube_pod_ref(struct kube_pod *pod)
{
	__atomic_add_fetch(&pod->refs, 1, __ATOMIC_RELAXED);
	return pod;
}

void kube_pod_unref(struct kube_pod *pod)
{
	if (pod && __atomic_sub_fetch(&pod->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(pod);
}

static const char *find_pair(const struct kube_pair *pairs, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(pairs[i].key, key) == 0)
			return pairs[i].value;
	return NULL;
}

const char *kube_pod_label(const struct kube_pod *pod, const char *key)
{
	return find_pair(pod->labels, pod->label_count, key);
}

const char *kube_pod_annotation(const struct kube_pod *pod, const char *key)
{
	return find_pair(pod->annotations, pod->annotation_count, key);
}

const char *kube_pod_start_text(const struct kube_pod *pod, char buf[KUBE_START_TEXT_MAX])
{
	time_t when = pod->started;
	struct tm tm;

	buf[0] = 0;
	if (pod->started && gmtime_r(&when, &tm))
		strftime(buf, KUBE_START_TEXT_MAX, "%Y-%m-%d %H:%M:%S +0000 UTC", &tm);
	return buf;
}
