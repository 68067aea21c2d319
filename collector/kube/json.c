/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdbool.h>

/* cJSON recurses and takes 64 bytes for a value of two: look before it does. */
static int check_shape(struct slice json)
{
	size_t depth = 0, values = 0;
	bool in_string = false;

	if (json.n > KUBE_OBJECT_MAX)
		return -E2BIG;
	for (size_t i = 0; i < json.n; i++) {
		char c = json.p[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
			continue;
		}
		in_string = c == '"';
		values += c == ',' || c == '{' || c == '[';
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && depth-- == 0)
			return -EBADMSG;
		if (depth > KUBE_DEPTH_MAX || values > KUBE_OBJECT_VALUES_MAX)
			return -E2BIG;
	}
	return 0;
}

int kube_json_parse(struct slice json, cJSON **root)
{
	int ret = check_shape(json);

	*root = NULL;
	if (ret)
		return ret;
	*root = cJSON_ParseWithLength(json.p, json.n);
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
