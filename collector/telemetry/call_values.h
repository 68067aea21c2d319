/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the attributes of exchanges are worth that are not HTTP's, and of any exchange for whoever
 * asks by attribute. No allocation. The rules for errors stand in telemetry.h.
 */
#ifndef KEYHOLE_TELEMETRY_CALL_VALUES_H
#define KEYHOLE_TELEMETRY_CALL_VALUES_H

#include "http_values.h"

/* rpc.system.name, db.system.name or messaging.system.name; "" where there is none. */
const char *call_system_name(enum protocol protocol);
const char *call_action_name(enum messaging_action action); /* "" for MESSAGING_NONE */

/* error.type, not clean yet; "" on success. */
struct slice call_error(const struct exchange *exchange);

/* Clean text in `out`, as http_value(); for kinds other than HTTP. */
size_t call_value(char out[LABEL_VALUE_MAX], unsigned int id, const struct attribute_source *source,
		  const struct peer_namer *namer);

/* The same of any exchange whose role is known. Nothing for what its metrics cannot have. */
size_t exchange_value(char out[LABEL_VALUE_MAX], unsigned int id,
		      const struct attribute_source *source, const struct peer_namer *namer);
uint32_t exchange_number(unsigned int id, const struct attribute_source *source);

#endif
