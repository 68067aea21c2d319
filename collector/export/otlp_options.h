/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where OTLP goes and how: from the configuration and from OpenTelemetry's own variables
 * (OTEL_EXPORTER_OTLP_*; those of a signal, as _TRACES_ and _METRICS_, are stronger).
 */
#ifndef KEYHOLE_EXPORT_OTLP_OPTIONS_H
#define KEYHOLE_EXPORT_OTLP_OPTIONS_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#define OTLP_TIMEOUT_DEFAULT_MS 10000 /* OpenTelemetry's: of one request in all */
#define OTLP_REQUEST_BYTES (2u << 20) /* before compression; receivers take 4 MiB */
#define OTLP_ANSWER_BYTES (4u << 20)  /* longest answer read, as the specification has it */
#define OTLP_RETRY_AFTER_MAX_S 300    /* a receiver that asks for more gets this */
#define OTLP_BACKOFF_MIN_MS 1000      /* first retry */
#define OTLP_BACKOFF_MAX_MS 30000     /* longest pause between two */

enum otlp_signal { OTLP_TRACES, OTLP_METRICS, OTLP_SIGNALS };

struct otlp_signal_options {
	char *url; /* NULL: the signal is not sent */
	uint16_t port;
	bool json, gzip, skip_verify;
	uint64_t timeout_ms;
	struct curl_slist *headers;  /* secret */
	const char *ca, *cert, *key; /* paths; NULL: none */
};

/* What the configuration says; texts may be NULL or "". */
struct otlp_said {
	const char *endpoint[OTLP_SIGNALS], *protocol[OTLP_SIGNALS];
	const char *common_endpoint, *common_protocol;
	bool skip_verify[OTLP_SIGNALS];
};

/*
 * Returns 0, or -EINVAL or -ENOMEM, said in one line. `environment` must live on. Free in either
 * case.
 */
int otlp_options_read(struct otlp_signal_options options[OTLP_SIGNALS],
		      const struct otlp_said *said, char *const *environment);
void otlp_options_free(struct otlp_signal_options options[OTLP_SIGNALS]);

/*
 * What is wrong with it as otel_*_export.protocol? NULL: nothing. ("grpc" is good in a
 * configuration made for Beyla; with it nothing is sent, which is said.)
 */
const char *otlp_check_protocol(const char *text);

#endif
