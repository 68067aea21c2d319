/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../cleanup.h"

/*
 * metadata.managedFields: who set which field, two fifths of a pod, and of no use here. Its content
 * is left out before the rest is parsed.
 */
static const char managed[] = "\"managedFields\":[";

struct scan {
	struct slice json;
	size_t depth, values;
	size_t cut_from, cut_to; /* of the content; cut_to 0: there is none, or it is not over */
	size_t cut_depth;        /* of what is being left out; 0: nothing is */
};

/* The end of the string that begins at `i`. */
static size_t skip_string(struct slice json, size_t i)
{
	for (i++; i < json.n && json.p[i] != '"'; i++)
		i += json.p[i] == '\\';
	return i;
}

static bool begins_managed(const struct scan *scan, size_t i)
{
	size_t n = sizeof(managed) - 1;

	return !scan->cut_from && scan->json.n - i > n && memcmp(scan->json.p + i, managed, n) == 0;
}

static int scan_bracket(struct scan *scan, size_t i)
{
	char c = scan->json.p[i];

	if (c == '{' || c == '[') {
		scan->depth++;
		return scan->depth > KUBE_DEPTH_MAX ? -E2BIG : 0;
	}
	if (scan->depth == 0)
		return -EBADMSG;
	if (scan->depth == scan->cut_depth) {
		scan->cut_depth = 0;
		scan->cut_to = i;
	}
	scan->depth--;
	return 0;
}

/* cJSON recurses and takes 64 bytes for a value of two: look before it does. */
static int check_shape(struct scan *scan)
{
	struct slice json = scan->json;
	int ret = 0;

	if (json.n > KUBE_OBJECT_MAX)
		return -E2BIG;
	for (size_t i = 0; i < json.n && !ret; i++) {
		char c = json.p[i];

		if (c == '"' && begins_managed(scan, i)) {
			i += sizeof(managed) - 2; /* at its bracket */
			scan->cut_from = i + 1;
			scan->cut_depth = ++scan->depth;
		} else if (c == '"') {
			i = skip_string(json, i);
		} else if (c == '{' || c == '[' || c == '}' || c == ']') {
			ret = scan_bracket(scan, i);
		}
		scan->values += !scan->cut_depth && (c == ',' || c == '{' || c == '[');
		if (scan->values > KUBE_OBJECT_VALUES_MAX)
			ret = -E2BIG;
	}
	return ret;
}

static int parse_without(struct slice json, size_t from, size_t to, cJSON **root)
{
	_cleanup_free_ char *rest = malloc(json.n - (to - from));

	if (!rest)
		return -ENOMEM;
	memcpy(rest, json.p, from);
	memcpy(rest + from, json.p + to, json.n - to);
	*root = cJSON_ParseWithLength(rest, json.n - (to - from));
	return 0;
}

int kube_json_parse(struct slice json, cJSON **root)
{
	struct scan scan = {.json = json};
	int ret = check_shape(&scan);

	*root = NULL;
	if (!ret && scan.cut_to)
		ret = parse_without(json, scan.cut_from, scan.cut_to, root);
	else if (!ret)
		*root = cJSON_ParseWithLength(json.p, json.n);
	if (ret)
		return ret;
	if (cJSON_IsObject(*root))
		return 0;
	kube_json_free(root);
	return -EBADMSG;
}

void kube_json_free(cJSON **root)
{
	cJSON_Delete(*root);
	*root = NULL;
}

const cJSON *kube_json_get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

const char *kube_json_text(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(kube_json_get(object, key));
}
