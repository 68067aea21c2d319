/* SPDX-License-Identifier: Apache-2.0 */
#include "followed.h"

#define TURN_MS 2

static const char first_pods[] =
	"[{\"namespace\":\"shop\",\"name\":\"web-7c9-aaaaa\",\"uid\":\"uid-1\",\"node\":\"node-1\","
	"\"owner\":[\"Deployment\",\"web\"],\"containers\":[[\"web\",\"c1\"]]},"
	"{\"namespace\":\"shop\",\"name\":\"web-7c9-bbbbb\",\"uid\":\"uid-2\",\"node\":\"node-2\"}"
	"]";

char dir[] = "/tmp/keyhole-kube-XXXXXX";
struct loop *loop;
struct api_server server;
struct kube_options options;
struct kube_store *store;
static struct kube_pod_source *pod_source;
struct kube_client *client;
bool plainly;

const char *write_file(const char *name, const char *text)
{
	static char path[2][256];
	static int used;
	char *into = path[used++ % 2];
	FILE *file;

	snprintf(into, sizeof(path[0]), "%s/%s", dir, name);
	file = fopen(into, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return into;
}

static void stop_loop(void *arg)
{
	loop_stop(arg);
}

void turn(void)
{
	loop_after(loop, TURN_MS, stop_loop, loop);
	assert_int_equal(loop_run(loop), 0);
	kube_store_quiesce(store);
}

void start_server(int port, const char *pods, const char *version)
{
	const char *args[] = {
		"--pods", write_file("pods.json", pods), "--token", "secret", "--version",
		version,  "--bookmark-seconds",          "0.2",     NULL};

	server = api_server_start(port, args);
}

void mode(const char *name)
{
	char body[64];

	snprintf(body, sizeof(body), "{\"mode\":\"%s\"}", name);
	api_server_control(&server, "POST", "/control/mode", body);
}

void add_pod(const char *name, const char *uid, const char *container_id)
{
	char body[512];

	snprintf(body, sizeof(body),
		 "{\"namespace\":\"shop\",\"name\":\"%s\",\"uid\":\"%s\",\"node\":\"node-1\","
		 "\"containers\":[[\"main\",\"%s\"]]}",
		 name, uid, container_id);
	api_server_control(&server, "POST", "/control/pods", body);
}

void set(const char *settings)
{
	api_server_control(&server, "POST", "/control/settings", settings);
}

void delete_pod(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/control/pods/shop/%s", name);
	api_server_control(&server, "DELETE", path, "");
}

void start_client(void)
{
	store = kube_store_new(0);
	pod_source = kube_pod_source_new(loop, &options, store);
	client = kube_client_new(loop, &options, kube_pod_source_of(pod_source));
	assert_non_null(client);
	assert_int_equal(kube_client_start(client), 0);
}

void stop_client(void)
{
	kube_client_free(client);
	kube_pod_source_free(pod_source);
	kube_store_free(store);
	client = NULL;
	pod_source = NULL;
	store = NULL;
}

int make_client(void **state)
{
	char url[64];

	options = (struct kube_options){.keep = &kube_keep_default,
					.no_stream = plainly,
					.backoff_min_ms = 4,
					.backoff_max_ms = 20,
					.watch_min_s = 1,
					.watch_max_s = 1,
					.watch_grace_ms = 2000,
					.list_idle_ms = 10000};
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", server.port);
	options.node = strdup("node-1");
	return kube_options_set_server(&options, url) ||
	       kube_secret_set_data(&options.token, "secret", 6);
}

int free_client(void **state)
{
	stop_client();
	kube_options_free(&options);
	mode("ok");
	set("{\"chunk\":0,\"first\":0,\"cut\":-1,\"pause\":0,\"content_type\":\"application/json\","
	    "\"watch_list\":\"on\",\"mark\":true}");
	return 0;
}

bool knows(const char *uid)
{
	return kube_pods_by_uid(kube_store_current(store), slice_of(uid));
}

size_t living(void)
{
	return kube_pods_count(kube_store_current(store));
}

bool has_container(const char *id)
{
	const struct kube_container *container;

	return kube_pods_by_container(kube_store_current(store), slice_of(id), &container);
}

uint64_t faults(enum kube_fault fault)
{
	return kube_client_stats(client).faults[fault];
}

uint64_t events(enum kube_event_type type)
{
	return kube_client_stats(client).events[type];
}

int begin(void **state)
{
	log_set_level(LOG_LEVEL_ERROR);
	strcpy(dir, "/tmp/keyhole-kube-XXXXXX");
	loop = loop_new();
	if (!loop || !mkdtemp(dir))
		return -1;
	start_server(0, first_pods, "1000");
	return 0;
}

int end(void **state)
{
	char command[64];

	api_server_stop(&server);
	loop_free(loop);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

struct kube_client_stats stats(void)
{
	return kube_client_stats(client);
}

unsigned asked(const char *text)
{
	unsigned n = 0;

	for (const char *at = api_server_state(&server); (at = strstr(at, text)); at++)
		n++;
	return n;
}
