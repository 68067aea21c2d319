/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "../cleanup.h"
#include "../service/name_template.h"
#include "arena.h"
#include "bind.h"
#include "choose.h"
#include "entries.h"
#include "expand.h"
#include "memory.h"
#include "tree.h"
#include "unset.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define LOG_MODULE "config"
#define IGNORED_TEXT_MAX 400 /* bytes of the list of ignored keys that is shown */

/* ---- finding the document ---- */

static const struct tree *child(const struct tree *map, const char *key)
{
	for (const struct tree *t = map ? map->first : NULL; t; t = t->next) {
		if (t->key && strcmp(t->key, key) == 0)
			return t;
	}
	return NULL;
}

/* A key of ours beside `config` was meant to be in it. */
static void refuse_misplaced(struct binding *b, const struct tree *node)
{
	note_error(b->notes, &node->key_place,
		   "%s has no effect beside \"config\" in a values.yml; move it below config.data",
		   node->key);
}

/* What else a values.yml holds (image, podAnnotations, ...) is for Helm. */
static void say_ignored(struct binding *b, const struct tree *root)
{
	char list[IGNORED_TEXT_MAX] = "", shown[80];
	size_t n = 0;

	for (const struct tree *t = root->first; t; t = t->next) {
		if (strcmp(t->key, "config") == 0)
			continue;
		if (bind_is_section(&options_all, t->key) || strcmp(t->key, "log_level") == 0) {
			refuse_misplaced(b, t);
			continue;
		}
		log_text(slice_of(t->key), shown, sizeof(shown));
		if (n < sizeof(list))
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "",
					      shown);
	}
	if (n > 0)
		note_info(b->notes, NULL, "read config.data; ignored, as they are Helm's: %s",
			  list);
}

/*
 * The configuration itself: the document, or `config.data` of a chart's values, for no key of ours
 * is called `config`. NULL: said why.
 */
static const struct tree *find_document(struct binding *b, const struct tree *root)
{
	const struct tree *config = child(root, "config"), *data = child(config, "data");

	if (root->kind != TREE_NULL && root->kind != TREE_MAP) {
		note_error(b->notes, &root->place, "expected a map of sections, found %s",
			   tree_kind_name(root));
		return NULL;
	}
	if (!config)
		return root;
	if (!data || (data->kind != TREE_MAP && data->kind != TREE_NULL)) {
		note_error(b->notes, data ? &data->place : &config->key_place,
			   "\"config\" is Helm's form, in which config.data must be a map of "
			   "sections");
		return NULL;
	}
	say_ignored(b, root);
	return data;
}

/* ---- what no single option can check ---- */

/* The labels that the template names, so that they are kept of pods. */
static void settle_template(struct binding *b, struct config *config)
{
	const char **v = arena_take(b->arena, NAME_TEMPLATE_LABELS * sizeof(*v));
	const char *text = config->kubernetes.name_template;
	char key[NAME_TEMPLATE_KEY_MAX + 1];
	size_t n = 0;

	while (v && n < NAME_TEMPLATE_LABELS && name_template_label(text, n, key)) {
		v[n] = arena_text(b->arena, key, strlen(key));
		if (!v[n])
			break; /* arena_failed() says it */
		n++;
	}
	config->kubernetes.template_labels = (struct config_texts){v, n};
}

static void settle(struct binding *b, struct config *config, const struct tree *document)
{
	const struct tree *routes = child(document, "routes");

	if (!config_protocols(config))
		note_error(
			b->notes, NULL,
			"nothing would be measured: metrics.features must have "
			"\"application\", \"application_span\" or \"application_service_graph\", "
			"and prometheus_export.instrumentations a protocol, such as \"http\", or "
			"\"*\"");
	if (config->health.port > 0 && config->health.port == config->prometheus.port)
		note_error(
			b->notes, NULL,
			"health_check.port is that of the metrics, where /healthz and /readyz are "
			"served in any case: leave it out");
	config->routes.given = routes && routes->kind == TREE_MAP;
	/* Without a section, http.route is left out, as semantic conventions have it for no match.
	 */
	if (!config->routes.given)
		config->routes.unmatched = ROUTE_UNSET;
	settle_template(b, config);
	entries_settle(b, config);
	choose_settle(b, config);
	unset_complete(b, config);
	memory_settle(b, config);
}

static int bind_all(struct binding *b, struct config *config, const struct tree *root,
		    char *const *environment)
{
	const struct tree *document;

	bind_defaults(b, &options_all, config);
	document = find_document(b, root);
	if (document) {
		bind_map(b, &options_all, "", document, config);
		bind_environment(b, &options_all, environment, config);
		settle(b, config, document);
	}
	if (arena_failed(b->arena))
		return -ENOMEM;
	return b->notes->errors > 0 ? -EINVAL : 0;
}

static size_t count_options(void)
{
	size_t n = 0;

	while (option_at(&options_all, n))
		n++;
	return n;
}

static int parse(struct config *config, struct slice text, char *const *environment,
		 struct notes *notes)
{
	struct binding b = {.arena = config->arena, .notes = notes};
	_cleanup_free_ char *expanded = NULL;
	struct tree *root = NULL;
	size_t n = 0;
	int r;

	b.values = arena_take(config->arena, count_options() * sizeof(*b.values));
	if (!b.values)
		return -ENOMEM;
	config->values = b.values;
	r = expand_text(text, environment, notes, &expanded, &n);
	if (r == 0)
		r = tree_parse(&root, (struct slice){expanded, n}, config->arena, notes);
	return r < 0 ? r : bind_all(&b, config, root, environment);
}

int config_parse(struct config **out, struct slice text, char *const *environment,
		 struct notes *notes)
{
	struct config *config = calloc(1, sizeof(*config));
	int r = -ENOMEM;

	if (!notes->file)
		notes->file = "configuration";
	notes->errors = 0;
	if (config)
		config->arena = arena_new();
	if (config && config->arena)
		r = parse(config, text, environment, notes);
	if (r == -ENOMEM)
		note_error(notes, NULL, "out of memory");
	if (r < 0)
		config_free(config);
	else
		*out = config;
	return r;
}

void config_free(struct config *config)
{
	if (config)
		arena_free(config->arena);
	free(config);
}

/* ---- the file ---- */

const char *config_path(const char *option, char *const *environment)
{
	static const char *const names[] = {"KEYHOLE_CONFIG_PATH", "OTEL_EBPF_CONFIG_PATH",
					    "BEYLA_CONFIG_PATH"};

	if (option)
		return option;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *path = expand_lookup(environment, slice_of(names[i]));

		if (path && *path)
			return path;
	}
	return NULL;
}

/* Up to `size` bytes; returns how many, or -errno. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = read(fd, buf + n, size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

/* Pipes too: a shell's <(...) is one. */
static ssize_t read_file(const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : read_all(fd, buf, size);
}

int config_read(struct config **config, const char *path, char *const *environment,
		struct notes *notes)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n;

	if (!path) {
		notes->file = "configuration";
		return config_parse(config, slice_of(""), environment, notes);
	}
	notes->file = path;
	notes->errors = 0;
	text = malloc(CONFIG_TEXT_MAX + 1);
	n = text ? read_file(path, text, CONFIG_TEXT_MAX + 1) : -ENOMEM;
	if (n > (ssize_t)CONFIG_TEXT_MAX)
		n = -EFBIG;
	if (n == -EFBIG)
		note_error(notes, NULL, "longer than %u bytes: is it a configuration?",
			   CONFIG_TEXT_MAX);
	else if (n < 0)
		note_error(notes, NULL,
			   "cannot be read: %s; give another path with --config or "
			   "KEYHOLE_CONFIG_PATH",
			   strerror((int)-n));
	if (n < 0)
		return (int)n;
	return config_parse(config, (struct slice){text, (size_t)n}, environment, notes);
}
