/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attributes.kubernetes.service_name_template: service.name from a pod, by a template of Go's
 * text/template. What is understood of that language:
 *
 *	{{.Meta.Name}} {{.Meta.Namespace}}   of the pod
 *	{{.ContainerName}}
 *	{{index .Meta.Labels "key"}}         "" if the pod has no such label; also with `key`
 *	{{if VALUE}}...{{else}}...{{end}}    VALUE is one of the above, true unless ""
 *	{{- and -}}                          without the white space before, or after
 *
 * The rest of the language is refused when the configuration is read.
 */
#ifndef KEYHOLE_SERVICE_NAME_TEMPLATE_H
#define KEYHOLE_SERVICE_NAME_TEMPLATE_H

#include <stddef.h>

#define NAME_TEMPLATE_MAX 1024    /* bytes of a template */
#define NAME_TEMPLATE_DEPTH 8     /* {{if}} within {{if}} */
#define NAME_TEMPLATE_LABELS 8    /* labels that a template may name */
#define NAME_TEMPLATE_KEY_MAX 317 /* bytes of a label's key: prefix of 253, '/', name of 63 */

/* What the template's words mean; text that is absent is NULL or "". */
struct name_template_input {
	const char *name, *space, *container;
	const char *(*label)(const void *arg, const char *key);
	const void *arg;
};

/* NULL if it is understood; else why not. */
const char *name_template_check(const char *text);

/*
 * Writes what a checked template gives for a pod, cut to size - 1 bytes, and returns `buf`. No
 * allocation; the work is linear in the length of the template and of the values it names.
 */
const char *name_template_fill(const char *text, const struct name_template_input *in, char *buf,
			       size_t size);

/*
 * The i-th label that a checked template names, from 0, repeated ones again: copied to `key`.
 * NULL: there is none.
 */
const char *name_template_label(const char *text, size_t i, char key[NAME_TEMPLATE_KEY_MAX + 1]);

#endif
