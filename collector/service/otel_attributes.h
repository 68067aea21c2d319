/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The value of OTEL_RESOURCE_ATTRIBUTES: `key=value,key=value`, values percent-encoded
 * (OpenTelemetry specification, resource SDK, in the form of W3C baggage).
 */
#ifndef KEYHOLE_SERVICE_OTEL_ATTRIBUTES_H
#define KEYHOLE_SERVICE_OTEL_ATTRIBUTES_H

#include <stddef.h>

/*
 * Copies the decoded value of `key`, cut to size - 1 bytes, and returns `buf`; NULL if the key is
 * not there, its value is empty, holds a NUL, or refers to something only the kubelet knows ("$(").
 */
const char *otel_attribute(const char *attributes, const char *key, char *buf, size_t size);

#endif
