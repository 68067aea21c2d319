/* SPDX-License-Identifier: Apache-2.0 */
/* Resources and exchanges as the tests of telemetry and export use them. */
#ifndef KEYHOLE_TESTS_TELEMETRY_FIXTURE_H
#define KEYHOLE_TESTS_TELEMETRY_FIXTURE_H

#include "telemetry/telemetry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>

#define MS 1000000ull
#define SECOND 1000000000ull

static inline struct resource *pod_resource(const char *pod)
{
	const char *values[RES_COUNT] = {
		[RES_SERVICE_NAME] = "shop",
		[RES_SERVICE_NAMESPACE] = "prod",
		[RES_SERVICE_VERSION] = "1.2",
		[RES_JOB] = "prod/shop",
		[RES_INSTANCE] = pod,
		[RES_K8S_NAMESPACE] = "prod",
		[RES_K8S_POD] = pod,
		[RES_K8S_DEPLOYMENT] = "shop",
		[RES_CONTAINER_ID] = "0123abcd",
		[RES_HOST_NAME] = "node-1",
	};
	struct resource *resource = resource_new(values);

	assert_non_null(resource);
	return resource;
}

/* GET, status 200, 12 ms, 3 and 1500 bytes, from 10.0.0.9 port 41000 to 10.0.0.1 port 8080. */
static inline struct exchange served(void)
{
	struct exchange e = {
		.conn = {.lport = 8080, .rport = 41000, .family = AF_INET, .role = KH_ROLE_SERVER},
		.start_ns = SECOND,
		.first_ns = SECOND + 4 * MS,
		.end_ns = SECOND + 12 * MS,
		.method = HTTP_GET,
		.status = 200,
		.host = slice_of("shop.example"),
		.req_body = 3,
		.resp_body = 1500,
	};

	inet_pton(AF_INET, "10.0.0.1", e.conn.laddr);
	inet_pton(AF_INET, "10.0.0.9", e.conn.raddr);
	return e;
}

static inline struct exchange called(void)
{
	struct exchange e = served();

	e.conn.role = KH_ROLE_CLIENT;
	e.conn.lport = 41000;
	e.conn.rport = 80;
	return e;
}

/* Of the database that listens on 5432: a query by a client that answers after 12 ms. */
static inline struct exchange queried(void)
{
	struct exchange e = called();

	e.conn.rport = 5432;
	e.kind = EXCHANGE_DB;
	e.protocol = PROTOCOL_POSTGRESQL;
	e.method = HTTP_OTHER;
	e.status = 0;
	e.host = slice_of("");
	e.operation = slice_of("SELECT");
	e.summary = slice_of("SELECT orders");
	e.namespace = slice_of("shop");
	e.collection = slice_of("orders");
	return e;
}

static inline struct telemetry *new_telemetry(const struct telemetry_options *options)
{
	struct telemetry *telemetry;

	assert_int_equal(telemetry_new(&telemetry, options), 0);
	return telemetry;
}

/* What a scrape finds of one metric: the last sample whose labels contain `with`. */
struct found {
	const char *with;
	unsigned int samples; /* that contain it */
	char labels[LABELS_TEXT_MAX + 4096];
	unsigned int n;
	uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1], count, sum;
};

static inline void note_sample(void *arg, const struct telemetry_sample *sample)
{
	struct found *found = arg;
	char labels[LABELS_TEXT_MAX + 4096];

	snprintf(labels, sizeof(labels), "%.*s|%.*s", (int)sample->target_labels.n,
		 sample->target_labels.p, (int)sample->labels.n, sample->labels.p);
	if (!strstr(labels, found->with))
		return;
	found->samples++;
	memcpy(found->labels, labels, sizeof(labels));
	found->n = sample->bounds->n;
	found->sum = sample->sum;
	found->count = 0;
	for (unsigned int i = 0; i <= found->n; i++) {
		found->counts[i] = sample->counts[i];
		found->count += sample->counts[i];
	}
}

static inline struct found find(struct telemetry *telemetry, enum telemetry_metric metric,
				const char *with)
{
	struct found found = {.with = with};

	telemetry_read_begin(telemetry);
	telemetry_each(telemetry, metric, note_sample, &found);
	telemetry_read_end(telemetry);
	return found;
}

struct infos {
	unsigned int n;
	char labels[LABELS_TEXT_MAX + 4096]; /* of the last */
};

static inline void note_info(void *arg, struct slice labels)
{
	struct infos *infos = arg;

	infos->n++;
	snprintf(infos->labels, sizeof(infos->labels), "%.*s", (int)labels.n, labels.p);
}

static inline struct infos infos_of(struct telemetry *telemetry)
{
	struct infos infos = {0};

	telemetry_read_begin(telemetry);
	telemetry_each_target(telemetry, note_info, &infos);
	telemetry_read_end(telemetry);
	return infos;
}

#endif
