/* SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void fill_status(const cJSON *object, struct kube_status *status)
{
	const cJSON *code = kube_json_get(object, "code");
	const cJSON *retry = kube_json_get(kube_json_get(object, "details"), "retryAfterSeconds");
	const char *reason = kube_json_text(object, "reason");
	const char *message = kube_json_text(object, "message");

	*status = (struct kube_status){0};
	if (cJSON_IsNumber(code))
		status->code = code->valueint;
	if (cJSON_IsNumber(retry) && retry->valueint > 0)
		status->retry_after_s = retry->valueint;
	snprintf(status->reason, sizeof(status->reason), "%s", reason ? reason : "");
	snprintf(status->message, sizeof(status->message), "%s", message ? message : "");
}

static bool is_kind(const cJSON *object, const char *kind)
{
	const char *text = kube_json_text(object, "kind");

	return text && strcmp(text, kind) == 0;
}

int kube_status_decode(struct slice json, struct kube_status *status)
{
	_cleanup_json_ cJSON *root = NULL;

	*status = (struct kube_status){0};
	if (kube_json_parse(json, &root) || !is_kind(root, "Status"))
		return -EBADMSG;
	fill_status(root, status);
	return 0;
}

static int find_type(const char *text, enum kube_event_type *type)
{
	static const char *const names[KUBE_EVENT_TYPES] = {
		[KUBE_EVENT_ADDED] = "ADDED",     [KUBE_EVENT_MODIFIED] = "MODIFIED",
		[KUBE_EVENT_DELETED] = "DELETED", [KUBE_EVENT_BOOKMARK] = "BOOKMARK",
		[KUBE_EVENT_ERROR] = "ERROR",
	};

	for (int i = 0; text && i < KUBE_EVENT_TYPES; i++) {
		if (strcmp(text, names[i]) == 0) {
			*type = i;
			return 0;
		}
	}
	return -EBADMSG;
}

static bool ends_initial(const cJSON *object)
{
	const cJSON *annotations = kube_json_get(kube_json_get(object, "metadata"), "annotations");
	const char *text = kube_json_text(annotations, "k8s.io/initial-events-end");

	return text && strcmp(text, "true") == 0;
}

int kube_event_decode(struct slice json, const char *kind, struct kube_event *event)
{
	const char *version;
	int ret;

	*event = (struct kube_event){0};
	ret = kube_json_parse(json, &event->root);
	if (!ret)
		ret = find_type(kube_json_text(event->root, "type"), &event->type);
	if (ret)
		return ret;
	event->object = kube_json_get(event->root, "object");
	if (event->type == KUBE_EVENT_ERROR) {
		fill_status(event->object, &event->status);
		return 0;
	}
	version = kube_json_text(kube_json_get(event->object, "metadata"), "resourceVersion");
	if (!version || !*version || strlen(version) >= sizeof(event->version) ||
	    !is_kind(event->object, kind))
		return -EBADMSG;
	memcpy(event->version, version, strlen(version) + 1);
	if (event->type == KUBE_EVENT_BOOKMARK)
		event->initial_end = ends_initial(event->object);
	return 0;
}

void kube_event_free(struct kube_event *event)
{
	kube_json_free(&event->root);
	event->object = NULL;
}
