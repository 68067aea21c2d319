/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which format and coding a scraper wants, from its Accept and Accept-Encoding fields (RFC 9110,
 * 12.4 and 12.5). The fields are hostile; NULL is an absent field.
 */
#ifndef KEYHOLE_EXPORT_NEGOTIATE_H
#define KEYHOLE_EXPORT_NEGOTIATE_H

#include <stdbool.h>

#define NEGOTIATE_FIELD_MAX 2048 /* bytes looked at of one field */

enum prometheus_format {
	PROMETHEUS_TEXT,        /* text format 0.0.4: also whenever nothing offered is acceptable */
	PROMETHEUS_OPENMETRICS, /* OpenMetrics 1.0.0 */
};

enum prometheus_format negotiate_format(const char *accept);
bool negotiate_gzip(const char *accept_encoding);

#endif
