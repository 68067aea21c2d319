/* SPDX-License-Identifier: Apache-2.0 */
#include "entries.h"

#include "../identity/language.h"

#include <strings.h>

#define AGENTS                                                                                     \
	"{beyla,alloy,prometheus-config-reloader,ebpf-instrument,obi,otelcol,otelcol-contrib*,"    \
	"keyhole-collector,keyhole-loader}"

/* Beyla's own list, and Keyhole. One string each, so that it can be printed as configuration. */
static const struct selector_entry built_in[] = {
	{.form = PATTERN_GLOB, .text[SELECTOR_EXE_PATH] = "{*/,}" AGENTS},
	{.form = PATTERN_GLOB,
	 .text[SELECTOR_K8S_NAMESPACE] =
		 "{kube-system,kube-node-lease,local-path-storage,grafana-alloy,cert-manager,"
		 "monitoring,gke-connect,gke-gmp-system,gke-managed-cim,"
		 "gke-managed-filestorecsi,gke-managed-metrics-server,gke-managed-system,"
		 "gke-system,gke-managed-volumepopulator,gatekeeper-system}"},
	{.form = PATTERN_GLOB,
	 .text[SELECTOR_K8S_CONTAINER] =
		 "{beyla,ebpf-instrument,obi,alloy,prometheus-config-reloader,otelcol,"
		 "otelcol-contrib,keyhole-collector,keyhole-loader}"},
};

#define BUILT_IN (sizeof(built_in) / sizeof(*built_in))

/* ---- reading ---- */

/* A name alone chooses nothing. */
static bool chooses(const struct selector_entry *e)
{
	bool any = e->exe_regex || e->label_count || e->annotation_count || e->port_count ||
		   e->pid_count || e->containers_only;

	for (int i = 0; i < SELECTOR_TEXT_COUNT; i++)
		any = any || e->text[i];
	return any;
}

static bool has_any(const struct config_texts *texts, const char *const *names)
{
	for (size_t i = 0; i < texts->n; i++) {
		for (const char *const *name = names; *name; name++) {
			if (strcasecmp(texts->v[i], *name) == 0)
				return true;
		}
	}
	return false;
}

/* Says of each word that is none of `names` that nothing comes of it. */
static void note_others(struct binding *b, const struct tree *node, const char *key,
			const struct config_texts *texts, const char *const *names,
			const char *because)
{
	for (size_t i = 0; i < texts->n; i++) {
		const struct config_texts one = {texts->v + i, 1};
		char shown[80];

		if (!has_any(&one, names))
			note_warn(b->notes, &node->place,
				  "not supported by Keyhole yet: %s: %s, because %s", key,
				  log_text(slice_of(texts->v[i]), shown, sizeof(shown)), because);
	}
}

static const char *const feature_words[] = {"application",
					    "application_span",
					    "application_span_otel",
					    "application_span_sizes",
					    "application_service_graph",
					    "all",
					    "*",
					    NULL};
static const uint32_t feature_bits[] = {CONFIG_APPLICATION, CONFIG_SPANS, CONFIG_SPANS_OTEL,
					CONFIG_SPAN_SIZES,  CONFIG_GRAPH, UINT32_MAX,
					UINT32_MAX};

/* Of what there is for all workloads, what is not wanted of these. */
static uint32_t features_left_out(const struct config_texts *features)
{
	uint32_t wanted = 0;

	for (size_t word = 0; feature_words[word]; word++) {
		const char *const one[] = {feature_words[word], NULL};

		if (has_any(features, one))
			wanted |= feature_bits[word];
	}
	return features->v ? ~wanted : 0;
}

/* What there is to export of a workload: the metrics of its requests, and their spans. */
static void read_exports(struct binding *b, const struct tree *node,
			 const struct entry_draft *draft, struct selector_entry *to)
{
	static const char *const metrics[] = {"metrics", NULL};
	static const char *const traces[] = {"traces", NULL};
	static const char *const signals[] = {"metrics", "traces", NULL};

	to->has_silent = draft->exports.v || draft->features.v;
	to->silent = (draft->exports.v && !has_any(&draft->exports, metrics)) ||
		     (draft->features.v && !has_any(&draft->features, feature_words));
	to->left_out = features_left_out(&draft->features);
	to->has_untraced = draft->exports.v;
	to->untraced = to->has_untraced && !has_any(&draft->exports, traces);
	note_others(b, node, "exports", &draft->exports, signals, "there are no logs");
	note_others(b, node, "metrics.features", &draft->features, feature_words,
		    "of a single workload it has the metrics of requests, spans and edges only");
	if (to->silent && to->untraced && (draft->exports.n || draft->features.n))
		note_warn(b->notes, &node->place,
			  "this entry shows nothing: it leaves out the metrics of requests and "
			  "their spans, and Keyhole has no more");
}

/* A pattern that no language known by the executable's name can match would hide all in silence. */
static void check_languages(struct binding *b, const struct tree *node,
			    const struct selector_entry *e)
{
	struct pattern_scratch *scratch = pattern_scratch_new();
	struct pattern *pattern = NULL;
	char why[PATTERN_WHY_MAX], shown[80];
	bool any = false;

	if (!scratch || pattern_new(&pattern, e->form, e->text[SELECTOR_LANGUAGES], why)) {
		pattern_scratch_free(scratch);
		return;
	}
	for (const char *const *known = languages_known; *known; known++)
		any = any || pattern_match(pattern, scratch, slice_of(*known));
	if (!any)
		note_warn(b->notes, &node->place,
			  "languages: %s matches nothing: told by the executable's name, Keyhole "
			  "knows dotnet, java, nodejs, php, python and ruby",
			  log_text(slice_of(e->text[SELECTOR_LANGUAGES]), shown, sizeof(shown)));
	pattern_free(pattern);
	pattern_scratch_free(scratch);
}

/* Routes of its own get a number, by which the router has them. */
static void read_routes(struct binding *b, const struct entry_draft *draft,
			struct selector_entry *to)
{
	struct route_set *set;

	if (!draft->incoming.n && !draft->outgoing.n)
		return;
	set = arena_take(b->arena, sizeof(*set));
	if (!set)
		return;
	*set = (struct route_set){draft->incoming.v, draft->outgoing.v, draft->incoming.n,
				  draft->outgoing.n};
	to->own_routes = set;
}

/* A share alone is that of traceidratio. */
static void read_sampler(struct binding *b, const struct tree *node,
			 const struct entry_draft *draft, struct selector_entry *to)
{
	const char *name = draft->sampler_name, *wrong;

	to->has_sampler = name || draft->sampler_arg;
	if (!to->has_sampler)
		return;
	wrong = sampler_read(&to->sampler, slice_of(name ? name : "parentbased_traceidratio"),
			     slice_of(draft->sampler_arg));
	if (wrong)
		note_error(b->notes, &node->place, "sampler: %s", wrong);
}

static void read_entry(struct binding *b, const struct tree *node, struct selector_entry *to)
{
	struct entry_draft draft = {.entry.form = b->form};
	unsigned errors = b->notes->errors;

	if (node->kind != TREE_MAP) {
		note_error(b->notes, &node->place,
			   "an entry of discovery: expected a map of keys, found %s",
			   tree_kind_name(node));
		return;
	}
	bind_map(b, &options_selector, "", node, &draft);
	*to = draft.entry;
	to->ports = draft.ports.v;
	to->port_count = draft.ports.n;
	to->pids = draft.pids.v;
	to->pid_count = draft.pids.n;
	to->labels = draft.labels.v;
	to->label_count = draft.labels.n;
	to->annotations = draft.annotations.v;
	to->annotation_count = draft.annotations.n;
	read_exports(b, node, &draft, to);
	if (b->notes->errors == errors && to->text[SELECTOR_LANGUAGES])
		check_languages(b, node, to);
	read_routes(b, &draft, to);
	read_sampler(b, node, &draft, to);
	if (b->notes->errors == errors && !chooses(to))
		note_error(b->notes, &node->place,
			   "this entry chooses nothing: give it k8s_namespace, exe_path, "
			   "open_ports or another field to match");
}

void entries_read(struct binding *b, const struct tree *list, enum pattern_form form,
		  struct config_entries *to)
{
	struct selector_entry *v;
	size_t n = 0;

	if (list->kind != TREE_LIST) {
		note_error(b->notes, &list->place, "%s: expected a list of entries, found %s",
			   list->key, tree_kind_name(list));
		return;
	}
	for (const struct tree *t = list->first; t; t = t->next)
		n++;
	if (n > SELECTOR_ENTRIES_MAX) {
		note_error(b->notes, &list->place, "%s: more than %d entries", list->key,
			   SELECTOR_ENTRIES_MAX);
		return;
	}
	v = arena_take(b->arena, n * sizeof(*v));
	if (!v)
		return;
	*to = (struct config_entries){v, n, true};
	b->form = form;
	b->in_entry = true;
	for (const struct tree *t = list->first; t; t = t->next)
		read_entry(b, t, v++);
	b->in_entry = false;
}

/* ---- what follows ---- */

static struct config_entries join(struct binding *b, const struct config_entries *lists[], size_t n)
{
	struct config_entries all = {NULL, 0, true};
	struct selector_entry *v;

	for (size_t i = 0; i < n; i++)
		all.n += lists[i]->n;
	v = arena_take(b->arena, all.n * sizeof(*v));
	all.v = v;
	if (!v)
		all.n = 0;
	for (size_t i = 0; i < n && v; i++) {
		for (size_t j = 0; j < lists[i]->n; j++)
			*v++ = lists[i]->v[j];
	}
	return all;
}

#define SHORTCUTS_MAX 3

/*
 * open_port and executable_name are one entry, and so are open_port and what auto_target_ says;
 * target_pids is one of its own.
 */
static size_t shortcuts(const struct config *config, struct selector_entry entries[SHORTCUTS_MAX])
{
	const struct selector_entry ports = {.ports = config->discovery.open_port.v,
					     .port_count = config->discovery.open_port.n};
	size_t n = 0;

	if (config->discovery.auto_target_exe || config->discovery.auto_target_language) {
		entries[n] = ports;
		entries[n].form = PATTERN_GLOB;
		entries[n].text[SELECTOR_EXE_PATH] = config->discovery.auto_target_exe;
		entries[n++].text[SELECTOR_LANGUAGES] = config->discovery.auto_target_language;
	}
	if (config->discovery.executable_name || (n == 0 && ports.port_count > 0)) {
		entries[n] = ports;
		entries[n++].exe_regex = config->discovery.executable_name;
	}
	if (config->discovery.target_pids.n > 0) {
		entries[n].pids = config->discovery.target_pids.v;
		entries[n++].pid_count = config->discovery.target_pids.n;
	}
	return n;
}

/* Numbers the routes of the entries that count. */
static void number_routes(struct binding *b, struct config *config)
{
	struct selector_entry *v = (struct selector_entry *)config->discovery.include.v;
	struct route_set *sets = arena_take(b->arena, config->discovery.include.n * sizeof(*sets));
	unsigned n = 0;

	for (size_t i = 0; i < config->discovery.include.n && sets; i++) {
		if (!v[i].own_routes)
			continue;
		sets[n++] = *v[i].own_routes;
		v[i].routes = n;
	}
	config->discovery.route_sets = (struct config_route_sets){sets, n};
}

/* "/usr/sbin/" as the glob of all that is below it. */
static const char *below(struct binding *b, const char *path)
{
	size_t n = 0;
	char *glob = arena_take(b->arena, 2 * strlen(path) + 3);

	if (!glob)
		return NULL;
	for (; *path; path++) {
		if (strchr("*?[]{}\\,", *path))
			glob[n++] = '\\';
		glob[n++] = *path;
	}
	if (glob[n - 1] != '/')
		glob[n++] = '/';
	glob[n] = '*';
	return glob;
}

/* One exclusion for each of excluded_linux_system_paths. */
static struct config_entries system_paths(struct binding *b, const struct config_texts *paths)
{
	struct selector_entry *v = arena_take(b->arena, (paths->n + 1) * sizeof(*v));

	for (size_t i = 0; i < paths->n && v; i++)
		v[i] = (struct selector_entry){.form = PATTERN_GLOB,
					       .text[SELECTOR_EXE_PATH] = below(b, paths->v[i])};
	return (struct config_entries){v, v ? paths->n : 0, true};
}

void entries_settle(struct binding *b, struct config *config)
{
	struct config_entries defaults = {built_in, BUILT_IN, true}, few;
	struct config_entries *instrument = &config->discovery.instrument;
	struct config_entries *services = &config->discovery.services;
	struct config_entries *exclude = &config->discovery.exclude_instrument;
	struct config_entries *exclude_old = &config->discovery.exclude_services;
	bool globs = instrument->given || exclude->given;
	struct selector_entry *quick = arena_take(b->arena, SHORTCUTS_MAX * sizeof(*quick));
	struct config_entries paths = system_paths(b, &config->discovery.system_paths);

	if (!quick)
		return;
	few = (struct config_entries){quick, shortcuts(config, quick), true};
	if (globs && (services->n > 0 || exclude_old->n > 0))
		note_warn(b->notes, NULL,
			  "discovery.services and discovery.exclude_services have no effect beside "
			  "discovery.instrument or discovery.exclude_instrument");
	if (config->discovery.default_exclude_instrument.given)
		defaults = config->discovery.default_exclude_instrument;
	else if (!globs && config->discovery.default_exclude_services.given)
		defaults = config->discovery.default_exclude_services;
	config->discovery.include =
		join(b, (const struct config_entries *[]){globs ? instrument : services, &few}, 2);
	config->discovery.exclude = join(
		b,
		(const struct config_entries *[]){globs ? exclude : exclude_old, &defaults, &paths},
		3);
	number_routes(b, config);
}

static const char *const text_keys[SELECTOR_TEXT_COUNT] = {
#define SEL_X(e, key) [SELECTOR_##e] = #key,
	SELECTOR_TEXTS(SEL_X)
#undef SEL_X
};

static struct tree *put_node(struct binding *b, struct tree ***end, enum tree_kind kind)
{
	struct tree *node = arena_take(b->arena, sizeof(*node));

	if (!node)
		return NULL;
	node->kind = kind;
	**end = node;
	*end = &node->next;
	return node;
}

/* A map of the texts of one entry. */
static void put_entry(struct binding *b, struct tree ***end, const struct selector_entry *entry)
{
	struct tree *map = put_node(b, end, TREE_MAP);
	struct tree **fields = map ? &map->first : NULL;

	for (int i = 0; i < SELECTOR_TEXT_COUNT && fields; i++) {
		struct tree *field = entry->text[i] ? put_node(b, &fields, TREE_TEXT) : NULL;

		if (!field)
			continue;
		field->key = text_keys[i];
		field->text = entry->text[i];
	}
}

const struct tree *entries_default(struct binding *b)
{
	struct tree *list = arena_take(b->arena, sizeof(*list));
	struct tree **end = list ? &list->first : NULL;

	if (!list)
		return NULL;
	list->kind = TREE_LIST;
	for (size_t i = 0; i < BUILT_IN; i++)
		put_entry(b, &end, &built_in[i]);
	return list;
}

void entries_print_default(FILE *out)
{
	for (size_t i = 0; i < BUILT_IN; i++) {
		for (int j = 0; j < SELECTOR_TEXT_COUNT; j++) {
			if (built_in[i].text[j])
				fprintf(out, "    - %s: \"%s\"\n", text_keys[j],
					built_in[i].text[j]);
		}
	}
}
