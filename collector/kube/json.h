/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile JSON → a tree of cJSON, within bounds on size, depth and number of values. The array
 * managedFields is emptied on the way. Whoever reads the tree includes <cjson/cJSON.h>; headers
 * only pass it on as an opaque struct cJSON.
 */
#ifndef KEYHOLE_KUBE_JSON_H
#define KEYHOLE_KUBE_JSON_H

#include "../slice.h"

#define KUBE_OBJECT_MAX (2u << 20)    /* bytes of one object (etcd refuses more than 1.5 MiB) */
#define KUBE_DEPTH_MAX 64             /* nesting of objects and arrays; real pods reach about 16 */
#define KUBE_OBJECT_VALUES_MAX 131072 /* values in one object: bounds the parsed tree to 12 MiB */

struct cJSON;

/*
 * One object. On success *root is the caller's, to be released with kube_json_free(). -EBADMSG: no
 * JSON, or no object; -E2BIG: beyond a limit above; -ENOMEM.
 */
int kube_json_parse(struct slice json, struct cJSON **root);
void kube_json_free(struct cJSON **root);

#define _cleanup_json_ __attribute__((cleanup(kube_json_free)))

/* A member of an object; NULL if absent, or `object` is NULL or no object. */
const struct cJSON *kube_json_get(const struct cJSON *object, const char *key);

/* The member's text; NULL if absent or of another type. */
const char *kube_json_text(const struct cJSON *object, const char *key);

#endif
