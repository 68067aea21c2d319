/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyhole-collector: two threads. Intake (intake/intake.c) reads the rings and updates the series;
 * the front (this thread) runs one event loop for the Kubernetes API and for scrapes. Before
 * either reads a byte that somebody else wrote, the process has given up all it does not need.
 */
#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "kube/pod_source.h"
#include "log.h"
#include "loop.h"
#include "options.h"
#include "pipeline.h"
#include "policy/process.h"
#include "policy/sandbox.h"
#include "vitals.h"

#define LOG_MODULE "main"
#define KEEP_MAX 64        /* pod labels and annotations that configuration asks for, each */
#define TAPE_CHECK_MS 20   /* --print-metrics looks so often whether the tape is read */

extern char **environ;

/* All that lives from start to end, in the order in which it is made. */
struct collector {
	struct options options;
	struct config *config;
	struct selector *selector, *by_pod;
	struct router *router;
	struct telemetry *telemetry;
	struct selfmetrics *self;
	struct loop *loop;
	struct kube_options kube_options; /* the API */
	struct kube_options kubelet;      /* in its place, for the node's pods; else zeroed */
	bool in_cluster;
	struct kube_keep keep;
	const char *labels[KEEP_MAX + 1], *annotations[KEEP_MAX + 1];
	struct kube_store *store;
	struct kube_pod_source *pods;
	struct kube_client *kube;
	struct resolve_rules rules;
	char host[65];
	struct tape tape;
	struct pipeline *pipeline;
	struct export *export;
	struct policy_report sandbox;
	struct intake *intake;
	struct vitals vitals;
};

static struct loop *signalled; /* the loop that a signal stops */

static void on_signal(int signal_number)
{
	(void)signal_number;
	loop_stop(signalled);
}

/* ---- from configuration to parts; each returns 0 or -errno, said in one line ---- */

static int read_config(struct collector *c)
{
	struct notes notes = {0};
	const char *path = config_path(c->options.config, environ);
	int r = config_read(&c->config, path, environ, &notes);

	if (r)
		return r;
	log_set_level((enum log_level)c->config->log_level);
	if (c->options.check_config || c->config->prometheus.port || c->options.print_metrics)
		return 0;
	log_error("nothing would be exported: set prometheus_export.port in the configuration or "
		  "KEYHOLE_PROMETHEUS_PORT in the environment, such as 9090");
	return -EINVAL;
}

/* Do these entries look at nothing but a container's pod? */
static bool by_pod_only(const struct selector_options *s)
{
	size_t i;

	for (i = 0; i < s->include_count; i++) {
		const struct selector_entry *e = &s->include[i];

		if (e->text[SELECTOR_EXE_PATH] || e->exe_regex || e->port_count || e->pid_count)
			return false;
	}
	return s->include_count > 0;
}

static int make_selectors(struct collector *c)
{
	char why[PATTERN_WHY_MAX] = "";
	struct selector_options s = {0};
	int r;

	config_selectors(c->config, &s);
	r = selector_new(&c->selector, &s, why);
	if (!r && by_pod_only(&s)) {
		s.exclude_count = 0;
		r = selector_new(&c->by_pod, &s, why);
	}
	if (r)
		log_error("discovery: %s", why[0] ? why : strerror(-r));
	return r;
}

static int make_router(struct collector *c)
{
	struct route_options o = {0};
	char why[ROUTE_WHY_MAX] = "";
	int r;

	if (!c->config->routes.given)
		return 0;
	config_routes(c->config, &o);
	r = route_new(&c->router, &o, why);
	if (r)
		log_error("routes: %s", why[0] ? why : strerror(-r));
	return r;
}

static struct telemetry_buckets buckets(const struct config_numbers *from,
					struct telemetry_buckets otherwise)
{
	if (!from->n)
		return otherwise;
	return (struct telemetry_buckets){.le = from->v, .n = (unsigned int)from->n};
}

static int make_telemetry(struct collector *c)
{
	struct telemetry_options o = telemetry_defaults;
	const struct config *conf = c->config;
	int r;

	o.duration = buckets(&conf->prometheus.duration, o.duration);
	o.request_size = buckets(&conf->prometheus.request_size, o.request_size);
	o.response_size = buckets(&conf->prometheus.response_size, o.response_size);
	o.series_max = (unsigned int)conf->keyhole.series_limit;
	o.bytes_max = conf->keyhole.series_memory;
	o.ttl_ns = conf->prometheus.ttl_ns;
	o.kubernetes = c->in_cluster;
	o.routes = conf->routes.given;
	o.time_to_first_byte = conf->keyhole.time_to_first_byte;
	o.server_address_from_host = conf->keyhole.server_address_from_host;
	r = telemetry_new(&c->telemetry, &o);
	if (r)
		log_error("metrics cannot be set up: %s", strerror(-r));
	return r;
}

static const char *or_null(const char *text)
{
	return text && *text ? text : NULL;
}

/* The node's pods from its kubelet: the API is not asked for them, and need not be there. */
static int find_kubelet(struct collector *c)
{
	const struct config *conf = c->config;
	const struct kube_kubelet kubelet = {.url = conf->keyhole.kubelet_url,
					     .ca_file = conf->keyhole.kubelet_ca,
					     .insecure = conf->keyhole.kubelet_insecure,
					     .poll_ms = conf->keyhole.kubelet_ns / 1000000};
	int r;

	r = kube_options_kubelet(&c->kubelet, &kubelet, or_null(conf->keyhole.node_name), NULL);
	c->in_cluster = !r;
	return r;
}

/* Where is the API? Not finding one is fine unless the configuration insists. */
static int find_cluster(struct collector *c)
{
	const struct config *conf = c->config;
	int r;

	if (conf->kubernetes.enable == CONFIG_KUBERNETES_OFF || c->options.print_metrics)
		return 0;
	if (conf->keyhole.kubernetes_source == CONFIG_SOURCE_KUBELET)
		return find_kubelet(c);
	r = kube_options_discover(&c->kube_options, or_null(conf->kubernetes.kubeconfig_path),
				  or_null(conf->keyhole.node_name), NULL);
	if (r == -ENOENT && conf->kubernetes.enable == CONFIG_KUBERNETES_AUTODETECT) {
		log_info("no Kubernetes cluster found: workloads are named by container and process");
		return 0;
	}
	if (r == -ENOENT)
		log_error("attributes.kubernetes.enable is true, but there is no cluster: neither "
			  "KUBERNETES_SERVICE_HOST nor a kubeconfig; use autodetect or set "
			  "attributes.kubernetes.kubeconfig_path");
	if (r)
		return r;
	c->in_cluster = true;
	return 0;
}

static const struct kube_options *pods_options(const struct collector *c)
{
	return c->kubelet.host ? &c->kubelet : &c->kube_options;
}

static int make_kube(struct collector *c)
{
	int n = config_pod_labels(c->config, c->labels, KEEP_MAX);

	if (!c->in_cluster)
		return 0;
	if (n < 0 || config_pod_annotations(c->config, c->annotations, KEEP_MAX) < 0) {
		log_error("more than %d pod labels or annotations are asked for", KEEP_MAX);
		return -ENOSPC;
	}
	c->keep = (struct kube_keep){c->labels, c->annotations};
	c->kube_options.keep = c->kubelet.keep = &c->keep;
	if (c->config->kubernetes.reconnect_ns)
		c->kube_options.backoff_min_ms = c->kubelet.backoff_min_ms =
			(unsigned int)(c->config->kubernetes.reconnect_ns / 1000000);
	c->store = kube_store_new(0);
	c->pods = c->store ? kube_pod_source_new(c->loop, pods_options(c), c->store) : NULL;
	c->kube = c->pods ? kube_client_new(c->loop, pods_options(c), kube_pod_source_of(c->pods))
			  : NULL;
	if (!c->kube) {
		log_error("the Kubernetes client cannot be set up: out of memory");
		return -ENOMEM;
	}
	return kube_client_start(c->kube);
}

static int make_pipeline(struct collector *c)
{
	struct pipeline_options o;

	if (gethostname(c->host, sizeof(c->host) - 1))
		c->host[0] = 0;
	config_naming(c->config, c->host, &c->rules);
	o = (struct pipeline_options){.store = c->store,
				      .selector = c->selector,
				      .by_pod = c->by_pod,
				      .rules = &c->rules,
				      .router = c->router,
				      .telemetry = c->telemetry,
				      .waiting_records = (uint32_t)c->config->keyhole.waiting_records,
				      .wait_ns = c->config->keyhole.waiting_ns};
	c->pipeline = pipeline_new(&o);
	if (!c->pipeline)
		log_error("the pipeline cannot be set up: out of memory");
	return c->pipeline ? 0 : -ENOMEM;
}

static int make_export(struct collector *c)
{
	struct export_options o = {.listen = or_null(c->config->keyhole.listen_address),
				   .port = (uint16_t)c->config->prometheus.port,
				   .path = c->config->prometheus.path,
				   .source = {c->telemetry, c->self},
				   .not_ready = vitals_not_ready,
				   .arg = &c->vitals};
	int r;

	if (c->options.print_metrics)
		return 0;
	r = export_start(&c->export, c->loop, &o);
	if (!r) {
		export_bind(c->export, c->self);
		log_info("metrics at http://%s:%u%s", o.listen ? o.listen : "localhost",
			 export_port(c->export), c->config->prometheus.path);
	}
	return r;
}

static int make_tape(struct collector *c)
{
	int r;

	if (!c->options.record)
		return 0;
	r = tape_create(&c->tape, c->options.record);
	if (r)
		log_error("--record %s: %s", c->options.record,
			  r == -EEXIST ? "exists and is no tape of this user alone; name another file" : strerror(-r));
	else
		log_warn("--record %s: captured bytes of requests and responses go there; it is as "
			 "secret as they are",
			 c->options.record);
	return r;
}

static int enter_sandbox(struct collector *c)
{
	struct policy_collector_needs needs = {.user = c->options.user};
	char line[1024];
	int n = 0, r;

	if (c->in_cluster) {
		n = kube_options_paths(pods_options(c), needs.read, POLICY_PATHS_MAX - 1);
		needs.connect[needs.connect_count++] = pods_options(c)->port;
	}
	if (n < 0)
		return n;
	if (c->options.replay)
		needs.read[n] = c->options.replay;
	c->sandbox.may_lack = c->options.may_lack;
	r = policy_enter_collector(&needs, c->options.no_sandbox, &c->sandbox);
	if (r) {
		log_error("%s", c->sandbox.error);
		return r;
	}
	log_info("sandbox: %s", policy_report_line(&c->sandbox, line, sizeof(line)));
	if (c->options.no_sandbox)
		log_warn("--no-sandbox: neither Landlock nor a seccomp filter nor no_new_privs is "
			 "in force; for debugging only");
	return 0;
}

static int start_intake(struct collector *c)
{
	struct intake_options o = {.socket = c->options.socket ? c->options.socket
							       : c->config->keyhole.loader_socket,
				   .replay = c->options.replay,
				   .record = c->options.record ? &c->tape : NULL,
				   .ops = pipeline_ops(c->pipeline)};
	int r = intake_start(&c->intake, &o);

	if (r) {
		log_error("the intake thread cannot be started: %s", strerror(-r));
		return r;
	}
	pipeline_attach(c->pipeline, c->intake);
	c->vitals = (struct vitals){.intake = c->intake,
				    .pipeline = c->pipeline,
				    .telemetry = c->telemetry,
				    .router = c->router,
				    .kube = c->kube,
				    .store = c->store,
				    .sandbox = &c->sandbox};
	r = vitals_bind(c->self, &c->vitals);
	if (r)
		log_error("Keyhole's own metrics cannot be set up: %s", strerror(-r));
	return r;
}

/* ---- the whole ---- */

static void catch_signals(struct loop *loop)
{
	struct sigaction act = {.sa_handler = on_signal};

	signalled = loop;
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int start(struct collector *c)
{
	int r;

	r = read_config(c);
	if (r || c->options.check_config)
		return r;
	c->loop = loop_new();
	c->self = selfmetrics_new();
	if (!c->loop || !c->self || curl_global_init(CURL_GLOBAL_DEFAULT)) {
		log_error("cannot start: %s", strerror(errno));
		return -ENOMEM;
	}
	catch_signals(c->loop);
	if ((r = make_selectors(c)) || (r = make_router(c)) || (r = find_cluster(c)) ||
	    (r = make_telemetry(c)) || (r = make_kube(c)) || (r = make_pipeline(c)) ||
	    (r = make_export(c)) || (r = make_tape(c)) || (r = enter_sandbox(c)))
		return r;
	return start_intake(c);
}

static void check_tape(void *arg)
{
	struct collector *c = arg;

	if (intake_stats(c->intake)->done)
		loop_stop(c->loop);
	else
		loop_after(c->loop, TAPE_CHECK_MS, check_tape, c);
}

static int print_metrics(struct collector *c)
{
	struct prometheus_source source = {c->telemetry, c->self};
	struct body body;
	int r = body_init(&body, EXPORT_BODY_MAX, false);

	if (!r)
		prometheus_render(&source, PROMETHEUS_TEXT, &body);
	if (!r)
		r = body_finish(&body);
	if (!r && fwrite(body.p, 1, body.n, stdout) != body.n)
		r = -EIO;
	body_free(&body);
	return r;
}

static void end(struct collector *c)
{
	if (c->intake)
		pipeline_attach(c->pipeline, NULL);
	intake_stop(c->intake);
	if (c->export)
		export_stop(c->export);
	if (c->kube)
		kube_client_free(c->kube);
	kube_pod_source_free(c->pods);
	pipeline_free(c->pipeline);
	if (c->store)
		kube_store_free(c->store);
	if (c->in_cluster)
		kube_options_free(&c->kube_options);
	kube_options_free(&c->kubelet);
	if (c->tape.file)
		tape_close(&c->tape);
	if (c->self)
		selfmetrics_free(c->self);
	if (c->telemetry)
		telemetry_free(c->telemetry);
	if (c->router)
		route_free(c->router);
	if (c->selector)
		selector_free(c->selector);
	if (c->by_pod)
		selector_free(c->by_pod);
	if (c->loop)
		loop_free(c->loop);
	if (c->config)
		config_free(c->config);
}

static int run(struct collector *c)
{
	int r = start(c);

	if (!r && !c->options.check_config) {
		if (c->options.print_metrics)
			check_tape(c);
		r = loop_run(c->loop);
		if (!r && c->options.print_metrics)
			r = print_metrics(c);
	}
	end(c);
	return r;
}

int main(int argc, char **argv)
{
	static struct collector c;

	policy_close_inherited();
	if (options_parse(&c.options, argc, argv))
		return 2;
	if (c.options.help) {
		options_help();
		return 0;
	}
	if (c.options.version) {
		printf("keyhole-collector %s (ABI %u)\n", KEYHOLE_VERSION, KH_ABI_VERSION);
		return 0;
	}
	if (c.options.print_reference) {
		config_print_reference(stdout);
		return 0;
	}
	return run(&c) ? 1 : 0;
}
