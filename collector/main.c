/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyhole-collector: two threads. Intake (intake/intake.c) reads the rings and updates the series;
 * the front (this thread) runs one event loop for the Kubernetes API and for scrapes. Before
 * either reads a byte that somebody else wrote, the process has given up all it does not need.
 */
#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "identity/peer_name.h"
#include "kept_keys.h"
#include "kube/pod_source.h"
#include "log.h"
#include "loop.h"
#include "options.h"
#include "peer_watches.h"
#include "pipeline.h"
#include "policy/sandbox.h"
#include "reload.h"
#include "vitals.h"

#define LOG_MODULE "main"
#define TAPE_CHECK_MS 20   /* --print-metrics looks so often whether the tape is read */

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
	struct kube_options kube_options; /* the API */
	struct kube_options kubelet;      /* in its place, for the node's pods; else zeroed */
	bool in_cluster;
	struct kept_keys *kept;
	struct kube_store *store;
	struct kube_pod_source *pods;
	struct kube_client *kube;
	struct peers *peers;
	struct peer_watches peer_watches;
	char host[65];
	struct tape tape;
	struct pipeline *pipeline;
	struct export *export, *health;
	struct policy_report sandbox;
	struct intake *intake;
	struct reload *reload;
	char config_directory[PATH_MAX];
	struct vitals vitals;
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
	if (check || c->config->prometheus.port || c->options.print_metrics)
		return 0;
	log_error("nothing would be exported: set prometheus_export.port in the configuration or "
		  "KEYHOLE_PROMETHEUS_PORT in the environment, such as 9090");
	return -EINVAL;
}

/* Names for addresses, where there is a cluster that knows them. */
static struct peer_namer namer_of(const struct collector *c)
{
	return c->peers ? (struct peer_namer){peer_name_of, c->peers} : (struct peer_namer){0};
}

/* What decides about each record; a reload makes another. */
static int make_rules(struct collector *c)
{
	struct rulebook *book;
	int r;

	if (gethostname(c->host, sizeof(c->host) - 1))
		c->host[0] = 0;
	c->basis = (struct rulebook_basis){
		.host = c->host, .extras = &c->config->attributes.extras, .namer = namer_of(c)};
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
	o.routes = rulebooks_latest(c->books)->router != NULL;
	o.time_to_first_byte = conf->keyhole.time_to_first_byte;
	o.server_address_from_host = conf->keyhole.server_address_from_host;
	o.select = conf->attributes.select.sections;
	o.extras = &conf->attributes.extras;
	o.namer = namer_of(c);
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
		log_info("no Kubernetes cluster found: workloads are named by container and "
			 "process");
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
	int r;

	if (!c->in_cluster)
		return 0;
	r = kept_keys_new(&c->kept, c->config);
	if (r)
		return r;
	c->kube_options.keep = c->kubelet.keep = &c->kept->keep;
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

/* Before filters and telemetry, which ask them; they learn from the API what make_kube() brings. */
static int make_peers(struct collector *c)
{
	bool elsewhere, services;

	config_peers(c->config, &elsewhere, &services);
	/* A kubelet is asked now and then: meanwhile an address may have gone to another pod. */
	if (c->kubelet.host && (elsewhere || services))
		log_warn("keyhole.peers: no peer is named with keyhole.kubernetes_source: kubelet; "
			 "use api for that");
	if (!c->in_cluster || c->kubelet.host)
		return 0;
	c->peers = peers_new();
	if (!c->peers)
		log_error("names of peers cannot be set up: out of memory");
	return c->peers ? 0 : -ENOMEM;
}

static int watch_peers(struct collector *c)
{
	const struct peer_watch here = {.store = c->store, .client = c->kube};
	bool elsewhere, services;
	int r;

	if (!c->peers)
		return 0;
	config_peers(c->config, &elsewhere, &services);
	r = peer_watches_start(&c->peer_watches, c->loop, &c->kube_options, c->peers, &here,
			       elsewhere, services);
	if (r)
		log_error("the watches of peers cannot be set up: %s", strerror(-r));
	return r;
}

/*
 * A new configuration may look at labels that were not kept: then the pods are listed again. The
 * store stays, so that nothing is forgotten meanwhile.
 */
static int keep_other_labels(void *arg, const struct config *config)
{
	struct collector *c = arg;
	struct kept_keys *kept;
	struct kube_client *kube;
	int r = c->in_cluster ? kept_keys_new(&kept, config) : 0;

	if (r || !c->in_cluster)
		return r;
	if (kept_keys_same(kept, c->kept)) {
		kept_keys_free(kept);
		return 0;
	}
	c->kube_options.keep = c->kubelet.keep = &kept->keep;
	kube = kube_client_new(c->loop, pods_options(c), kube_pod_source_of(c->pods));
	if (!kube || (c->peers && peer_watches_relist(&c->peer_watches, &kept->keep, kube))) {
		kube_client_free(kube);
		c->kube_options.keep = c->kubelet.keep = &c->kept->keep;
		kept_keys_free(kept);
		log_error("the Kubernetes client cannot be set up: out of memory");
		return -ENOMEM;
	}
	kube_vitals_follow(&c->vitals.kube_vitals, kube);
	kube_client_free(c->kube);
	c->vitals.kube = c->kube = kube;
	kept_keys_free(c->kept);
	c->kept = kept;
	log_info("other labels of pods are asked for: the pods are listed again");
	return kube_client_start(kube);
}

static int make_pipeline(struct collector *c)
{
	struct pipeline_options o = {.store = c->store,
				     .books = c->books,
				     .telemetry = c->telemetry,
				     .peers = c->peers,
				     .waiting_records =
					     (uint32_t)c->config->keyhole.waiting_records,
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

static int make_tape(struct collector *c)
{
	int r;

	if (!c->options.record)
		return 0;
	r = tape_create(&c->tape, c->options.record);
	if (r)
		log_error("--record %s: %s", c->options.record,
			  r == -EEXIST ? "exists and is no tape; name another file" : strerror(-r));
	else
		log_warn("--record %s: captured bytes of requests and responses go there; it is as "
			 "secret as they are",
			 c->options.record);
	return r;
}

static int make_reload(struct collector *c)
{
	struct reload_options o = {.loop = c->loop,
				   .path = c->config_path,
				   .environment = environ,
				   .books = c->books,
				   .prepare = keep_other_labels,
				   .arg = c};
	int r = c->options.print_metrics ? 0 : reload_start(&c->reload, &o);

	reloading = c->reload;
	return r;
}

/*
 * Where the file may come back after it was replaced: its directory, since the kubelet moves a link
 * there, and others rename. NULL: none, or the root, which would be everything.
 */
static const char *config_directory(struct collector *c)
{
	const char *slash = c->config_path ? strrchr(c->config_path, '/') : NULL;
	size_t n = slash ? (size_t)(slash - c->config_path) : 0;

	if (!c->config_path || (slash && n == 0) || n >= sizeof(c->config_directory))
		return NULL;
	if (!slash)
		return ".";
	memcpy(c->config_directory, c->config_path, n);
	return c->config_directory;
}

static int enter_sandbox(struct collector *c)
{
	struct policy_collector_needs needs = {.user = c->options.user};
	char line[1024];
	int n = 0, r;

	if (c->in_cluster) {
		n = kube_options_paths(pods_options(c), needs.read, POLICY_PATHS_MAX - 2);
		needs.connect[needs.connect_count++] = pods_options(c)->port;
	}
	if (n < 0)
		return n;
	if (c->options.replay)
		needs.read[n++] = c->options.replay;
	needs.read[n] = config_directory(c);
	c->sandbox.may_lack = c->options.may_lack;
	r = policy_enter_collector(&needs, c->options.no_sandbox, &c->sandbox);
	if (r) {
		log_error("%s", c->sandbox.error);
		return r;
	}
	log_info("sandbox: %s", policy_report_line(&c->sandbox, line, sizeof(line)));
	if (c->options.no_sandbox)
		log_warn("--no-sandbox: neither Landlock nor a seccomp filter is in force; for "
			 "debugging only");
	return 0;
}

static int start_intake(struct collector *c)
{
	struct intake_options o = {.socket = c->options.socket ? c->options.socket
							       : c->config->keyhole.loader_socket,
				   .replay = c->options.replay,
				   .record = c->options.record ? &c->tape : NULL,
				   .hold_ns = &c->config->kubernetes.sync_timeout_ns,
				   .wishes = {.want = pipeline_wants(c->pipeline),
					      .own_pod = c->config->keyhole.scope == CONFIG_SCOPE_POD},
				   .ops = pipeline_ops(c->pipeline)};
	int r = intake_start(&c->intake, &o);

	if (r) {
		log_error("the intake thread cannot be started: %s", strerror(-r));
		return r;
	}
	pipeline_attach(c->pipeline, c->intake);
	c->vitals = (struct vitals){.intake = c->intake,
				    .no_build_info = c->config->prometheus.disable_build_info,
				    .pipeline = c->pipeline,
				    .telemetry = c->telemetry,
				    .books = c->books,
				    .reload = c->reload ? reload_stats(c->reload) : NULL,
				    .kube = c->kube,
				    .store = c->store,
				    .peers = c->peers ? &c->peer_watches : NULL,
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
	if ((r = find_cluster(c)) || (r = make_peers(c)) || (r = make_rules(c)) ||
	    (r = make_telemetry(c)) || (r = make_kube(c)) || (r = watch_peers(c)) ||
	    (r = make_pipeline(c)) || (r = make_export(c)) || (r = make_health(c)) ||
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
	reloading = NULL;
	reload_stop(c->reload);
	if (c->health)
		export_stop(c->health);
	if (c->export)
		export_stop(c->export);
	peer_watches_free(&c->peer_watches);
	if (c->kube)
		kube_client_free(c->kube);
	kube_pod_source_free(c->pods);
	pipeline_free(c->pipeline);
	if (c->store)
		kube_store_free(c->store);
	peers_free(c->peers);
	if (c->in_cluster)
		kube_options_free(&c->kube_options);
	kube_options_free(&c->kubelet);
	if (c->tape.file)
		tape_close(&c->tape);
	if (c->self)
		selfmetrics_free(c->self);
	if (c->telemetry)
		telemetry_free(c->telemetry);
	rulebooks_free(c->books);
	kept_keys_free(c->kept);
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
