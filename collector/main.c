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
#include <string.h>
#include <unistd.h>

#include "collector.h"
#include "confine.h"
#include "exports.h"
#include "log.h"
#include "loop.h"
#include "policy/process.h"
#include "resident.h"

#define LOG_MODULE "main"
#define TAPE_CHECK_MS 20 /* --print-metrics looks so often whether the tape is read */

extern char **environ;

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
		r = exports_read_otlp(c);
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

static int make_telemetry(struct collector *c)
{
	struct telemetry_options o;
	int r;

	config_telemetry(c->config, c->otlp_options[OTLP_METRICS].url != NULL, &o);
	o.host_info = config_features(c->config) & CONFIG_HOST ? host_of(c) : NULL;
	o.exemplars = exports_exemplars(c);
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
	    (r = cluster_start(&c->cluster, c->loop, c->config)) || (r = exports_trace_peers(c)) ||
	    (r = exports_traces(c)) || (r = make_far_ends(c)) || (r = make_pipeline(c)) ||
	    (r = exports_otlp(c)) || (r = exports_scrapes(c)) || (r = exports_health(c)) ||
	    (r = make_tape(c)) || (r = make_reload(c)) || (r = confine_collector(c)))
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
