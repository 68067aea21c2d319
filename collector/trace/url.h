/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs as spans may show them (OpenTelemetry's semantic conventions, url.full and url.query):
 * credentials become REDACTED:REDACTED, the values of parameters that are secret REDACTED. Input is
 * hostile and may be cut; what is written is no longer than asked and not cleaned yet.
 */
#ifndef KEYHOLE_TRACE_URL_H
#define KEYHOLE_TRACE_URL_H

#include "../slice.h"

#include <stdint.h>

#define URL_SECRETS_MAX 64    /* parameters whose values are never shown */
#define URL_SECRETS_DEFAULT 7 /* of them, those that the conventions name */

struct url_secrets {
	struct slice name[URL_SECRETS_MAX]; /* with their case; outlive this */
	size_t n;
};

/* Those that the conventions name. */
void url_secrets_init(struct url_secrets *secrets);
/* More than URL_SECRETS_MAX are not kept: -ENOSPC. */
int url_secrets_add(struct url_secrets *secrets, struct slice name);
void url_secrets_remove(struct url_secrets *secrets, struct slice name);

/*
 * The query of a request target, without '?'. A parameter begins behind '&' or ';', the value of a
 * secret one ends at '&'; "%73ig" is "sig". Writes at most `size` bytes; returns how many.
 */
size_t url_query(char *out, size_t size, struct slice target, const struct url_secrets *secrets);

/*
 * scheme "://" authority path ["?" query]. `authority`: a Host field, or what stands for it. No
 * `secrets`: no query. Returns 0 where the target has no path (CONNECT, "*") or there is no
 * authority.
 */
size_t url_full(char *out, size_t size, const char *scheme, struct slice authority,
		struct slice target, const struct url_secrets *secrets);

#endif
