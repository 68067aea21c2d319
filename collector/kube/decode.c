/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "owner.h"

#define UID_MAX 64           /* a UUID has 36 bytes; static pods may choose theirs */
#define CONTAINER_ID_MAX 128 /* 64 hex digits in every runtime the kubelet drives */
#define IMAGE_MAX 512
#define RESOURCE_ATTRIBUTES_MAX 4096 /* OTEL_RESOURCE_ATTRIBUTES is a list */

static const char *const default_labels[] = {"app.kubernetes.io/*", NULL};
static const char *const default_annotations[] = {"resource.opentelemetry.io/*", NULL};
const struct kube_keep kube_keep_default = {default_labels, default_annotations};

/* What a pod is put together from; pointers lead into the parsed tree. */
struct draft {
	const struct kube_keep *keep;
	struct kube_decode_stats *stats;
	struct kube_pod pod;
	struct kube_container containers[KUBE_CONTAINERS_MAX];
	struct kube_pair labels[KUBE_LABELS_MAX];
	struct kube_pair annotations[KUBE_ANNOTATIONS_MAX];
	char parent[KUBE_NAME_MAX + 1];
	uint8_t host_ip[KUBE_IPS_MAX][16]; /* the node's */
	size_t host_ip_count;
	bool running; /* a container is */
};

static const cJSON *get(const cJSON *object, const char *key)
{
	return kube_json_get(object, key);
}

/* Text of at most `max` bytes; "" if absent, of another type, or too long (counted). */
static const char *get_text(struct draft *draft, const cJSON *object, const char *key, size_t max)
{
	const char *text = cJSON_GetStringValue(get(object, key));

	if (!text)
		return "";
	if (strlen(text) <= max)
		return text;
	draft->stats->values_dropped++;
	return "";
}

static bool is_kept(const char *const *wanted, const char *key)
{
	for (; *wanted; wanted++) {
		size_t n = strlen(*wanted);

		if (n && (*wanted)[n - 1] == '*' ? strncmp(key, *wanted, n - 1) == 0
						 : strcmp(key, *wanted) == 0)
			return true;
	}
	return false;
}

static uint8_t take_pairs(struct draft *draft, const cJSON *object, const char *const *wanted,
			  struct kube_pair *pairs, size_t max, uint64_t *dropped)
{
	const cJSON *item;
	size_t n = 0;

	if (!cJSON_IsObject(object))
		return 0;
	cJSON_ArrayForEach(item, object)
	{
		const char *value = cJSON_GetStringValue(item);

		if (!value || !item->string || !is_kept(wanted, item->string))
			continue;
		if (strlen(value) > KUBE_VALUE_MAX || strlen(item->string) > KUBE_VALUE_MAX)
			draft->stats->values_dropped++;
		else if (n == max)
			++*dropped;
		else
			pairs[n++] = (struct kube_pair){item->string, value};
	}
	return n;
}

/* "containerd://<id>" → "<id>". The API server does not check the field, so any text may come. */
static const char *get_container_id(struct draft *draft, const cJSON *object)
{
	const char *text = get_text(draft, object, "containerID", CONTAINER_ID_MAX + 32);
	const char *scheme = strstr(text, "://");
	const char *id = scheme ? scheme + 3 : text;

	if (strlen(id) <= CONTAINER_ID_MAX)
		return id;
	draft->stats->values_dropped++;
	return "";
}

/* Of two entries for one name the later one counts, as for the kubelet. */
static void take_env(struct draft *draft, const cJSON *env, struct kube_container *container)
{
	const cJSON *item;

	if (!cJSON_IsArray(env))
		return;
	cJSON_ArrayForEach(item, env)
	{
		const char *name = cJSON_GetStringValue(get(item, "name")), **into;
		size_t max = KUBE_VALUE_MAX;

		if (!name)
			continue;
		if (strcmp(name, "OTEL_SERVICE_NAME") == 0) {
			into = &container->otel_service_name;
		} else if (strcmp(name, "OTEL_RESOURCE_ATTRIBUTES") == 0) {
			into = &container->otel_resource_attributes;
			max = RESOURCE_ATTRIBUTES_MAX;
		} else {
			continue;
		}
		*into = get_text(draft, item, "value", max);
		/* It refers to a variable that we do not know; of a list, that counts for each. */
		if (into == &container->otel_service_name && strstr(*into, "$("))
			*into = "";
	}
}

static void take_containers(struct draft *draft, const cJSON *list, enum kube_container_kind kind)
{
	const cJSON *item;

	if (!cJSON_IsArray(list))
		return;
	cJSON_ArrayForEach(item, list)
	{
		struct kube_container *container = &draft->containers[draft->pod.container_count];
		const char *policy = cJSON_GetStringValue(get(item, "restartPolicy"));

		if (draft->pod.container_count == KUBE_CONTAINERS_MAX) {
			draft->stats->containers_dropped++;
			continue;
		}
		*container = (struct kube_container){
			.name = get_text(draft, item, "name", KUBE_NAME_MAX),
			.image = get_text(draft, item, "image", IMAGE_MAX),
			.kind = kind,
		};
		if (!*container->name)
			continue;
		if (kind == KUBE_CONTAINER_INIT && policy && strcmp(policy, "Always") == 0)
			container->kind = KUBE_CONTAINER_SIDECAR;
		take_env(draft, get(item, "env"), container);
		draft->pod.container_count++;
	}
}

static int64_t parse_time(const char *text)
{
	struct tm tm = {0};

	return strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) ? timegm(&tm) : 0;
}

/* Before its first container started, no byte to or from a pod's address was the pod's. */
static void take_start(struct draft *draft, const cJSON *state)
{
	int64_t at = parse_time(get_text(draft, state, "startedAt", 64));

	if (at > 0 && (!draft->pod.ip_since || at < draft->pod.ip_since))
		draft->pod.ip_since = at;
}

static void take_status(struct draft *draft, const cJSON *item)
{
	const char *name = get_text(draft, item, "name", KUBE_NAME_MAX);
	const cJSON *restarts = get(item, "restartCount");
	const cJSON *ended = get(get(item, "lastState"), "terminated");

	/* Names are unique in a pod, over all kinds of containers. */
	for (int i = 0; i < draft->pod.container_count; i++) {
		struct kube_container *container = &draft->containers[i];

		if (strcmp(container->name, name) != 0)
			continue;
		container->id = get_container_id(draft, item);
		container->ended_id = get_container_id(draft, ended);
		if (cJSON_IsNumber(restarts) && restarts->valuedouble > 0)
			container->restarts = restarts->valueint;
		return;
	}
}

static void take_statuses(struct draft *draft, const cJSON *list)
{
	const cJSON *item;

	if (!cJSON_IsArray(list))
		return;
	cJSON_ArrayForEach(item, list)
	{
		const cJSON *state = get(item, "state"), *last = get(item, "lastState");

		take_status(draft, item);
		take_start(draft, get(state, "running"));
		take_start(draft, get(state, "terminated"));
		take_start(draft, get(last, "terminated"));
		draft->running |= get(state, "running") != NULL;
	}
}

/* ---- addresses ---- */

static bool parse_ip(const char *text, uint8_t ip[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	memcpy(ip, mapped, sizeof(mapped));
	return text && (inet_pton(AF_INET, text, ip + sizeof(mapped)) == 1 ||
			inet_pton(AF_INET6, text, ip) == 1);
}

/* Addresses that mean something else on each host: whoever claims one claims everybody's. */
static bool is_anybodys(const uint8_t ip[16])
{
	struct in6_addr a;
	const uint8_t *v4 = ip + 12;

	memcpy(&a, ip, sizeof(a));
	if (IN6_IS_ADDR_V4MAPPED(&a))
		return v4[0] == 0 || v4[0] == 127 || v4[0] >= 224 || (v4[0] == 169 && v4[1] == 254);
	return IN6_IS_ADDR_UNSPECIFIED(&a) || IN6_IS_ADDR_LOOPBACK(&a) ||
	       IN6_IS_ADDR_MULTICAST(&a) || IN6_IS_ADDR_LINKLOCAL(&a);
}

static bool is_among(uint8_t (*ips)[16], size_t n, const uint8_t ip[16])
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(ips[i], ip, 16) == 0)
			return true;
	return false;
}

static void take_host_ip(struct draft *draft, const char *text)
{
	if (draft->host_ip_count < KUBE_IPS_MAX &&
	    parse_ip(text, draft->host_ip[draft->host_ip_count]))
		draft->host_ip_count++;
}

static void take_ip(struct draft *draft, const char *text)
{
	struct kube_pod *pod = &draft->pod;
	uint8_t ip[16];

	if (!parse_ip(text, ip) || is_anybodys(ip) ||
	    is_among(draft->host_ip, draft->host_ip_count, ip))
		return;
	for (int i = 0; i < pod->ip_count; i++)
		if (memcmp(pod->ip[i], ip, sizeof(ip)) == 0)
			return;
	if (pod->ip_count == KUBE_IPS_MAX)
		draft->stats->ips_dropped++;
	else
		memcpy(pod->ip[pod->ip_count++], ip, sizeof(ip));
}

static void take_ips(struct draft *draft, const cJSON *status)
{
	const cJSON *list = get(status, "podIPs"), *item;

	const cJSON *hosts = get(status, "hostIPs");

	take_host_ip(draft, cJSON_GetStringValue(get(status, "hostIP")));
	if (cJSON_IsArray(hosts))
		cJSON_ArrayForEach(item, hosts)
			take_host_ip(draft, cJSON_GetStringValue(get(item, "ip")));
	take_ip(draft, cJSON_GetStringValue(get(status, "podIP")));
	if (cJSON_IsArray(list))
		cJSON_ArrayForEach(item, list)
			take_ip(draft, cJSON_GetStringValue(get(item, "ip")));
}

static void take_owner(struct draft *draft, const cJSON *metadata)
{
	const cJSON *refs = get(metadata, "ownerReferences"), *item, *owner = NULL;
	const cJSON *labels = get(metadata, "labels");
	struct kube_owner_input in = {.pod = draft->pod.name};

	if (cJSON_IsArray(refs)) {
		cJSON_ArrayForEach(item, refs)
		{
			if (!owner || cJSON_IsTrue(get(item, "controller")))
				owner = item;
			if (cJSON_IsTrue(get(item, "controller")))
				break;
		}
	}
	in.kind = get_text(draft, owner, "kind", KUBE_NAME_MAX);
	in.name = get_text(draft, owner, "name", KUBE_NAME_MAX);
	in.hash = get_text(draft, labels, "pod-template-hash", KUBE_NAME_MAX);
	in.rollout_hash = get_text(draft, labels, "rollouts-pod-template-hash", KUBE_NAME_MAX);
	kube_owner_resolve(&in, draft->parent, &draft->pod);
}

/* A mirror pod shows a static one; the cgroup of the static one is named by this hash. */
static const char *get_config_hash(struct draft *draft, const cJSON *annotations)
{
	const char *hash = get_text(draft, annotations, "kubernetes.io/config.hash", UID_MAX);

	return *hash ? hash : get_text(draft, annotations, "kubernetes.io/config.mirror", UID_MAX);
}

static int take_metadata(struct draft *draft, const cJSON *metadata)
{
	const cJSON *annotations = get(metadata, "annotations");
	struct kube_pod *pod = &draft->pod;

	pod->uid = get_text(draft, metadata, "uid", UID_MAX);
	pod->name = get_text(draft, metadata, "name", KUBE_NAME_MAX);
	pod->namespace = get_text(draft, metadata, "namespace", KUBE_NAME_MAX);
	if (!*pod->uid || !*pod->name || !*pod->namespace)
		return -EBADMSG;
	pod->started = parse_time(get_text(draft, metadata, "creationTimestamp", 64));
	pod->config_hash = get_config_hash(draft, annotations);
	pod->label_count =
		take_pairs(draft, get(metadata, "labels"), draft->keep->labels, draft->labels,
			   KUBE_LABELS_MAX, &draft->stats->labels_dropped);
	pod->annotation_count =
		take_pairs(draft, annotations, draft->keep->annotations, draft->annotations,
			   KUBE_ANNOTATIONS_MAX, &draft->stats->annotations_dropped);
	take_owner(draft, metadata);
	return 0;
}

/*
 * Its sandbox is gone, or goes any moment: so is it with a pod that ended, though it may stand in
 * the API for days, and with one that is to be deleted once its last container has ended.
 */
static bool has_ended(const struct draft *draft, const cJSON *object)
{
	const char *phase = cJSON_GetStringValue(get(get(object, "status"), "phase"));
	const cJSON *metadata = get(object, "metadata");

	if (phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0))
		return true;
	return cJSON_IsString(get(metadata, "deletionTimestamp")) && !draft->running;
}

/* Of a peer nothing but names, what selectors look at, and addresses is of use. */
static void forget_details(struct kube_pod *pod)
{
	pod->container_count = 0;
	pod->node = pod->config_hash = "";
}

static int make_pod(const cJSON *object, const struct kube_keep *keep, bool peer,
		    struct kube_decode_stats *stats, struct kube_pod **pod)
{
	const cJSON *spec = get(object, "spec"), *status = get(object, "status");
	struct draft draft = {.keep = keep, .stats = stats};
	int ret = take_metadata(&draft, get(object, "metadata"));

	if (ret)
		return ret;
	draft.pod.node = get_text(&draft, spec, "nodeName", KUBE_NAME_MAX);
	draft.pod.host_network = cJSON_IsTrue(get(spec, "hostNetwork"));
	take_containers(&draft, get(spec, "containers"), KUBE_CONTAINER_MAIN);
	take_containers(&draft, get(spec, "initContainers"), KUBE_CONTAINER_INIT);
	take_containers(&draft, get(spec, "ephemeralContainers"), KUBE_CONTAINER_EPHEMERAL);
	take_statuses(&draft, get(status, "containerStatuses"));
	take_statuses(&draft, get(status, "initContainerStatuses"));
	take_statuses(&draft, get(status, "ephemeralContainerStatuses"));
	take_ips(&draft, status);
	draft.pod.ip_free = has_ended(&draft, object);
	if (peer)
		forget_details(&draft.pod);
	draft.pod.containers = draft.containers;
	draft.pod.labels = draft.labels;
	draft.pod.annotations = draft.annotations;
	*pod = kube_pod_new(&draft.pod);
	return *pod ? 0 : -ENOMEM;
}

static int count_pod(struct kube_decode_stats *stats, int ret)
{
	if (ret)
		stats->refused++;
	else
		stats->pods++;
	return ret;
}

int kube_decode_pod_object(const cJSON *object, const struct kube_keep *keep,
			   struct kube_decode_stats *stats, struct kube_pod **pod)
{
	*pod = NULL;
	return count_pod(stats, make_pod(object, keep, false, stats, pod));
}

int kube_decode_peer_object(const cJSON *object, const struct kube_keep *keep,
			    struct kube_decode_stats *stats, struct kube_pod **pod)
{
	*pod = NULL;
	return count_pod(stats, make_pod(object, keep, true, stats, pod));
}

static int make_service(const cJSON *object, struct kube_decode_stats *stats, struct kube_pod **pod)
{
	static const char *const nothing[] = {NULL};
	static const struct kube_keep none = {nothing, nothing};
	const cJSON *spec = get(object, "spec"), *list = get(spec, "clusterIPs"), *item;
	struct draft draft = {.keep = &none, .stats = stats};
	int ret = take_metadata(&draft, get(object, "metadata"));

	if (ret)
		return ret;
	/* "None" of a headless one is no address. */
	take_ip(&draft, cJSON_GetStringValue(get(spec, "clusterIP")));
	if (cJSON_IsArray(list))
		cJSON_ArrayForEach(item, list) take_ip(&draft, cJSON_GetStringValue(item));
	forget_details(&draft.pod);
	draft.pod.is_service = true;
	draft.pod.ip_since = draft.pod.started;
	draft.pod.owner_kind = "Service";
	draft.pod.owner_name = draft.pod.name;
	*pod = kube_pod_new(&draft.pod);
	return *pod ? 0 : -ENOMEM;
}

int kube_decode_service_object(const cJSON *object, struct kube_decode_stats *stats,
			       struct kube_pod **service)
{
	*service = NULL;
	return count_pod(stats, make_service(object, stats, service));
}

int kube_decode_pod(struct slice json, const struct kube_keep *keep,
		    struct kube_decode_stats *stats, struct kube_pod **pod)
{
	_cleanup_json_ cJSON *root = NULL;
	int ret = kube_json_parse(json, &root);

	*pod = NULL;
	return ret ? count_pod(stats, ret) : kube_decode_pod_object(root, keep, stats, pod);
}
