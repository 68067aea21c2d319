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

#include "cluster.h"
#include "config/config.h"
#include "export/otlp.h"
#include "log.h"
#include "loop.h"
#include "options.h"
#include "pipeline.h"
#include "policy/process.h"
#include "policy/sandbox.h"
#include "pressure.h"
#include "reload.h"
#include "resident.h"
#include "trace_peers.h"
#include "traces.h"
#include "vitals.h"

#define LOG_MODULE "main"
#define TAPE_CHECK_MS 20 /* --print-metrics looks so often whether the tape is read */

extern char **environ;

/* All that lives from start to end, in the order in which it is made. */
struct collector {
	struct options options;
	struct config *config;
	const char *config_path; /* NULL: none */
	struct rulebook_basis basis;
	struct rulebooks *books;
	struct telemetry *telemetry;
	struct selfmetrics *self;
	struct loop *loop;
	struct cluster cluster;
	char host[65];
	struct tape tape;
	struct far_ends *far_ends; /* NULL: no service graph */
	struct pipeline *pipeline;
	struct export *export, *health;
	struct otlp_signal_options otlp_options[OTLP_SIGNALS];
	struct traces traces; /* all zero: none are sent */
	struct trace_peers trace_peers;
	struct otlp *otlp;
	struct policy_report sandbox;
	struct intake *intake;
	struct reload *reload;
	struct vitals vitals;
	struct pressure pressure;
};

/* What a signal stops, or has read again. */
static struct loop *signalled;
static struct reload *reloading;

static void on_signal(int signal_number)
{
	if (signal_number != SIGHUP)
		loop_stop(signalled);
	else if (reloading)
		reload_signal(reloading);
}

/* ---- from configuration to parts; each returns 0 or -errno, said in one line ---- */

static int read_otlp(struct collector *c)
{
	struct otlp_said said = {.common_endpoint = c->config->otlp.common_endpoint,
				 .common_protocol = c->config->otlp.common_protocol};

	for (int i = 0; i < OTLP_SIGNALS; i++) {
		said.endpoint[i] = c->config->otlp.endpoint[i];
		said.protocol[i] = c->config->otlp.protocol[i];
		said.skip_verify[i] = c->config->otlp.skip_verify[i];
	}
	return otlp_options_read(c->otlp_options, &said, environ);
}

static int read_config(struct collector *c)
{
	struct notes notes = {0};
	const char *check = c->options.check_config;
	int r;

	c->config_path = config_path(check && *check ? check : c->options.config, environ);
	r = config_read(&c->config, c->config_path, environ, &notes);
	if (r)
		return r;
	log_set_level((enum log_level)c->config->log_level);
	log_set_format((enum log_format)c->config->log_format);
	if (check)
		config_print(c->config, CONFIG_SHOWN_AS_YAML, stdout);
	else
		config_print(c->config, (enum config_shown)c->config->log_config, stderr);
	if (!c->options.print_metrics)
		r = read_otlp(c);
	if (r || check || c->config->prometheus.port || c->options.print_metrics ||
	    c->otlp_options[OTLP_METRICS].url || c->otlp_options[OTLP_TRACES].url)
		return r;
	log_error("nothing would be exported: set prometheus_export.port in the configuration or "
		  "KEYHOLE_PROMETHEUS_PORT in the environment, such as 9090");
	return -EINVAL;
}

static void on_cluster_name(void *arg)
{
	struct collector *c = arg;

	c->basis.cluster = c->cluster.name;
	rulebooks_again(c->books);
}

/* What decides about each record; a reload makes another. */
static int make_rules(struct collector *c)
{
	struct rulebook *book;
	int r;

	if (gethostname(c->host, sizeof(c->host) - 1))
		c->host[0] = 0;
	c->basis = (struct rulebook_basis){.host = c->host,
					   .extras = &c->config->attributes.extras,
					   .namer = cluster_namer(&c->cluster)};
	c->cluster.on_name = on_cluster_name;
	c->cluster.arg = c;
	r = rulebook_new(&book, c->config, &c->basis, NULL);
	if (r)
		return r;
	c->books = rulebooks_new(book);
	if (!c->books) {
		rulebook_free(book, NULL);
		log_error("the rules of the configuration: out of memory");
	}
	return c->books ? 0 : -ENOMEM;
}

/* What a host is called where nobody said its id: by its node, else by itself. */
static const char *host_of(const struct collector *c)
{
	const struct cluster *cluster = &c->cluster;

	if (*c->config->naming.host_id)
		return c->config->naming.host_id;
	if (cluster->there && cluster->kubelet.node)
		return cluster->kubelet.node;
	return cluster->there && cluster->api.node ? cluster->api.node : c->host;
}

/* What either export shows of them; without traces there are none. */
static enum exemplar_filter exemplars_of(const struct collector *c)
{
	int scraped = c->config->prometheus.port ? c->config->prometheus.exemplars : 0;
	int sent = c->otlp_options[OTLP_METRICS].url ? c->config->otlp.exemplars : 0;

	if (c->otlp_options[OTLP_TRACES].url)
		return (enum exemplar_filter)(sent > scraped ? sent : scraped);
	if (scraped)
		log_warn("prometheus_export.exemplar_filter: there are no exemplars where no "
			 "traces are sent, see otel_traces_export.endpoint");
	return EXEMPLARS_NONE;
}

static int make_telemetry(struct collector *c)
{
	struct telemetry_options o;
	int r;

	config_telemetry(c->config, c->otlp_options[OTLP_METRICS].url != NULL, &o);
	o.host_info = config_features(c->config) & CONFIG_HOST ? host_of(c) : NULL;
	o.exemplars = exemplars_of(c);
	o.kubernetes = c->cluster.there;
	o.routes = rulebooks_latest(c->books)->router != NULL;
	o.namer = cluster_namer(&c->cluster);
	r = telemetry_new(&c->telemetry, &o);
	if (r)
		log_error("metrics cannot be set up: %s", strerror(-r));
	return r;
}

static int make_far_ends(struct collector *c)
{
	const struct config *conf = c->config;
	struct far_end_options o = {.unresolved = conf->graph.unresolved,
				    .outgoing = conf->graph.outgoing,
				    .incoming = conf->graph.incoming,
				    .everywhere = conf->graph.everywhere};

	if (!(config_features(conf) & CONFIG_GRAPH))
		return 0;
	c->far_ends = far_ends_new(&o);
	if (!c->far_ends)
		log_error("the service graph cannot be set up: out of memory");
	return c->far_ends ? 0 : -ENOMEM;
}

static const char *or_null(const char *text)
{
	return text && *text ? text : NULL;
}

static int make_pipeline(struct collector *c)
{
	struct pipeline_options o = {.store = c->cluster.store,
				     .books = c->books,
				     .protocols = config_protocols(c->config),
				     .telemetry = c->telemetry,
				     .spans = config_features(c->config) & CONFIG_ANY_SPANS,
				     .far_ends = c->far_ends,
				     .tracer = c->traces.tracer,
				     .traced = c->traces.protocols,
				     .routines = c->traces.tracer != NULL,
				     .peers = c->cluster.peers,
				     .waiting_records =
					     (uint32_t)c->config->keyhole.waiting_records,
				     .stream_bytes = c->config->shares.streams,
				     .tight = &c->pressure.tight,
				     .own_pod = c->config->keyhole.scope == CONFIG_SCOPE_POD};

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
				   .source = {c->telemetry, c->self, EXEMPLARS_NONE},
				   .answers_max = c->config->shares.answers,
				   .not_ready = vitals_not_ready,
				   .arg = &c->vitals};
	int r;

	o.source.exemplars = (enum exemplar_filter)c->config->prometheus.exemplars;
	if (c->options.print_metrics || !o.port)
		return 0;
	r = export_start(&c->export, c->loop, &o);
	if (!r) {
		export_bind(c->export, c->self);
		log_info("metrics at http://%s:%u%s", o.listen ? o.listen : "localhost",
			 export_port(c->export), c->config->prometheus.path);
	}
	return r;
}

/* health_check.port: what probes ask, at a port of its own. */
static int make_health(struct collector *c)
{
	struct export_options o = {.listen = or_null(c->config->health.listen_address),
				   .port = (uint16_t)c->config->health.port,
				   .health_only = true,
				   .not_ready = vitals_not_ready,
				   .arg = &c->vitals};

	if (!o.port || c->options.print_metrics)
		return 0;
	return export_start(&c->health, c->loop, &o);
}

/* Before the pipeline, which puts exchanges into them. */
static int make_traces(struct collector *c)
{
	struct peer_namer namer = cluster_namer(&c->cluster);
	int r;

	if (!c->otlp_options[OTLP_TRACES].url)
		return 0;
	r = traces_start(&c->traces, c->config, c->telemetry, c->cluster.peers, c->trace_peers.tell,
			 &namer);
	if (!r && traces_bind(&c->traces, c->self)) {
		log_error("metrics of traces cannot be set up: %s", strerror(ENOSPC));
		r = -ENOSPC;
	}
	return r;
}

static int make_trace_peers(struct collector *c)
{
	int r = 0;

	if (c->otlp_options[OTLP_TRACES].url)
		r = trace_peers_start(&c->trace_peers, c->loop, c->config);
	else if (c->config->trace_peers.endpoints.n)
		log_warn("keyhole.traces.peers: no traces are sent, so nobody is told of any");
	return r ? r : trace_peers_bind(&c->trace_peers, c->self);
}

static int make_otlp(struct collector *c)
{
	const struct config *conf = c->config;
	struct otlp_options o = {.queue = c->traces.queue,
				 .telemetry = c->telemetry,
				 .semconv = (enum semconv)conf->keyhole.semconv,
				 .extras = &conf->attributes.extras,
				 .instance = c->host,
				 .exemplars = (enum exemplar_filter)conf->otlp.exemplars,
				 .interval_ms = conf->otlp.interval_ns / 1000000,
				 .batch_timeout_ms = conf->otlp.batch_timeout_ns / 1000000,
				 .batch_max = conf->otlp.batch_max,
				 .backoff = {conf->otlp.backoff_min_ns / 1000000,
					     conf->otlp.backoff_max_ns / 1000000,
					     conf->otlp.give_up_ns / 1000000}};
	int r;

	memcpy(o.signal, c->otlp_options, sizeof(o.signal));
	if (!o.signal[OTLP_METRICS].url && !o.signal[OTLP_TRACES].url)
		return 0;
	r = otlp_start(&c->otlp, c->loop, &o);
	if (!r)
		r = otlp_bind(c->otlp, c->self);
	if (r)
		log_error("the export by OTLP cannot be set up: %s", strerror(-r));
	else if (o.signal[OTLP_METRICS].url)
		log_info("metrics are sent by OTLP to %s", o.signal[OTLP_METRICS].url);
	if (!r && o.signal[OTLP_TRACES].url)
		log_info("traces are sent by OTLP to %s", o.signal[OTLP_TRACES].url);
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
			  r == -EEXIST
				  ? "exists and is no tape of this user alone; name another file"
				  : strerror(-r));
	else
		log_warn("--record %s: captured bytes of requests and responses go there; it is as "
			 "secret as they are",
			 c->options.record);
	return r;
}

static void on_client(void *arg, struct kube_client *client)
{
	struct collector *c = arg;

	kube_vitals_follow(&c->vitals.kube_vitals, client);
	c->vitals.kube = client;
}

static int prepare_reload(void *arg, const struct config *config)
{
	struct collector *c = arg;

	return cluster_follow(&c->cluster, c->loop, config, on_client, c);
}

static int make_reload(struct collector *c)
{
	struct reload_options o = {.loop = c->loop,
				   .path = c->config_path,
				   .environment = environ,
				   .books = c->books,
				   .prepare = prepare_reload,
				   .arg = c};
	int r = c->options.print_metrics ? 0 : reload_start(&c->reload, &o);

	reloading = c->reload;
	return r;
}

#define OTLP_PATHS_MAX (3 * OTLP_SIGNALS)

static void need_path(struct policy_collector_needs *needs, size_t *n, const char *path)
{
	if (path)
		needs->read[(*n)++] = path;
}

/* Ports and files of OTLP, from needs->read[n] on; returns how many of them. */
static int otlp_needs(const struct otlp_signal_options options[OTLP_SIGNALS],
		      struct policy_collector_needs *needs, size_t n)
{
	size_t from = n;

	for (int i = 0; i < OTLP_SIGNALS; i++) {
		if (!options[i].url)
			continue;
		needs->connect[needs->connect_count++] = options[i].port;
		need_path(needs, &n, options[i].ca);
		need_path(needs, &n, options[i].cert);
		need_path(needs, &n, options[i].key);
	}
	return (int)(n - from);
}

static int enter_sandbox(struct collector *c)
{
	struct policy_collector_needs needs = {.user = c->options.user};
	char line[1024];
	int n = 0, r;

	if (c->cluster.there) {
		n = cluster_paths(&c->cluster, needs.read,
				  POLICY_PATHS_MAX - 1 - RELOAD_PATHS_MAX - OTLP_PATHS_MAX - 1);
		needs.connect[needs.connect_count++] = cluster_port(&c->cluster);
	}
	if (n < 0)
		return n;
	n += otlp_needs(c->otlp_options, &needs, (size_t)n);
	needs.read[n] = trace_peers_path(&c->trace_peers, policy_is_broad);
	n += needs.read[n] != NULL;
	if (c->options.replay)
		needs.read[n++] = c->options.replay;
	if (c->reload)
		reload_paths(c->reload, policy_is_broad, needs.read + n);
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
	struct intake_options o = {
		.socket = c->options.socket ? c->options.socket : c->config->keyhole.loader_socket,
		.replay = c->options.replay,
		.record = c->options.record ? &c->tape : NULL,
		.drain = c->otlp != NULL,
		.hold_ns = &c->config->kubernetes.sync_timeout_ns,
		.wishes = {.want = pipeline_wants(c->pipeline),
			   .own_pod = c->config->keyhole.scope == CONFIG_SCOPE_POD},
		.ops = pipeline_ops(c->pipeline)};
	int r = intake_start(&c->intake, &o);

	if (r) {
		log_error("the intake thread cannot be started: %s", strerror(-r));
		return r;
	}
	c->vitals = (struct vitals){.intake = c->intake,
				    .protocols = config_protocols(c->config),
				    .no_build_info = c->config->prometheus.disable_build_info,
				    .pipeline = c->pipeline,
				    .telemetry = c->telemetry,
				    .books = c->books,
				    .reload = c->reload ? reload_stats(c->reload) : NULL,
				    .kube = c->cluster.client,
				    .store = c->cluster.store,
				    .peers = c->cluster.peers ? &c->cluster.watches : NULL,
				    .pressure = &c->pressure,
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
	sigaction(SIGHUP, &act, NULL);
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
	/* a tape is read without a cluster */
	if (!c->options.print_metrics && (r = cluster_find(&c->cluster, c->config)))
		return r;
	r = pressure_start(&c->pressure, c->loop, c->config->keyhole.memory_limit);
	if (r || (r = make_rules(c)) || (r = make_telemetry(c)) ||
	    (r = cluster_start(&c->cluster, c->loop, c->config)) || (r = make_trace_peers(c)) ||
	    (r = make_traces(c)) || (r = make_far_ends(c)) || (r = make_pipeline(c)) ||
	    (r = make_otlp(c)) || (r = make_export(c)) || (r = make_health(c)) ||
	    (r = make_tape(c)) || (r = make_reload(c)) || (r = enter_sandbox(c)))
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
	struct prometheus_source source = {c->telemetry, c->self, EXEMPLARS_NONE};
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

static void stop_loop(void *arg)
{
	loop_stop(arg);
}

/* What was measured up to now still leaves, unless that takes too long or a signal comes. */
static void finish_otlp(struct collector *c)
{
	if (!c->otlp || !c->intake || !c->config->otlp.shutdown_ns)
		return;
	loop_after(c->loop, c->config->otlp.shutdown_ns / 1000000, stop_loop, c->loop);
	otlp_finish(c->otlp, stop_loop, c->loop);
	loop_run(c->loop);
	loop_cancel(c->loop, stop_loop, c->loop);
}

static void end(struct collector *c)
{
	intake_stop(c->intake);
	reloading = NULL;
	reload_stop(c->reload);
	if (c->health)
		export_stop(c->health);
	if (c->export)
		export_stop(c->export);
	finish_otlp(c); /* no scrape meanwhile asks those who are gone */
	otlp_stop(c->otlp);
	trace_peers_stop(&c->trace_peers);
	cluster_stop(&c->cluster);
	pipeline_free(c->pipeline);
	far_ends_free(c->far_ends);
	cluster_free(&c->cluster);
	if (c->tape.file)
		tape_close(&c->tape);
	if (c->self)
		selfmetrics_free(c->self);
	if (c->telemetry)
		telemetry_free(c->telemetry);
	pressure_stop(&c->pressure);
	traces_end(&c->traces);
	trace_peers_free(&c->trace_peers);
	otlp_options_free(c->otlp_options);
	rulebooks_free(c->books);
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
		resident_started(c->loop);
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

	resident_at_start();
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
	if (c.options.print_schema) {
		config_print_schema(stdout);
		return 0;
	}
	if (c.options.help_config)
		return config_print_help(c.options.help_config, stdout) ? 1 : 0;
	return run(&c) ? 1 : 0;
}
