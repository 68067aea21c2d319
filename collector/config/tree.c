/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <errno.h>
#include <yaml.h>

struct parse {
	yaml_parser_t yaml;
	struct arena *arena;
	struct notes *notes;
	unsigned nodes;
	int error; /* first one, -errno */
};

static struct place place_of(yaml_mark_t mark)
{
	return (struct place){(unsigned)mark.line + 1, (unsigned)mark.column + 1, NULL};
}

#define refuse(p, mark, ...)                                                                       \
	do {                                                                                       \
		struct place place_ = place_of(mark);                                              \
		note_error((p)->notes, &place_, __VA_ARGS__);                                      \
		(p)->error = -EINVAL;                                                              \
	} while (0)

/* False: there is none; the reason was said. The event must be deleted if true. */
static bool next_event(struct parse *p, yaml_event_t *event)
{
	if (yaml_parser_parse(&p->yaml, event))
		return true;
	if (p->yaml.error == YAML_MEMORY_ERROR)
		p->error = -ENOMEM;
	else if (p->yaml.error == YAML_READER_ERROR)
		/* The reader knows only an offset: bytes that are not UTF-8, control characters. */
		refuse(p, p->yaml.mark, "not YAML: %s (at byte %zu)", p->yaml.problem,
		       p->yaml.problem_offset);
	else
		refuse(p, p->yaml.problem_mark, "not YAML: %s",
		       p->yaml.problem ? p->yaml.problem : "cannot be read");
	return false;
}

static struct tree *new_node(struct parse *p, enum tree_kind kind, yaml_mark_t mark)
{
	struct tree *node;

	if (++p->nodes > TREE_NODES_MAX) {
		refuse(p, mark, "more than %d values", TREE_NODES_MAX);
		return NULL;
	}
	node = arena_take(p->arena, sizeof(*node));
	if (!node) {
		p->error = -ENOMEM;
		return NULL;
	}
	node->kind = kind;
	node->place = place_of(mark);
	return node;
}

static const char *copy_scalar(struct parse *p, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value, *copy;

	if (memchr(text, '\0', event->data.scalar.length)) {
		refuse(p, event->start_mark, "text holds a NUL character");
		return NULL;
	}
	copy = arena_text(p->arena, text, event->data.scalar.length);
	if (!copy)
		p->error = -ENOMEM;
	return copy;
}

static bool is_null(const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;

	return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || !strcmp(text, "~") || !strcmp(text, "null") || !strcmp(text, "Null") ||
		!strcmp(text, "NULL"));
}

static struct tree *read_value(struct parse *p, const yaml_event_t *event, unsigned depth);

static void read_list(struct parse *p, struct tree *list, unsigned depth)
{
	struct tree **end = &list->first;
	yaml_event_t event;
	bool more = true;

	while (more && next_event(p, &event)) {
		more = event.type != YAML_SEQUENCE_END_EVENT;
		if (more) {
			*end = read_value(p, &event, depth);
			more = *end != NULL;
		}
		if (more)
			end = &(*end)->next;
		yaml_event_delete(&event);
	}
}

static bool is_new_key(struct parse *p, const struct tree *map, const char *key, yaml_mark_t mark)
{
	char shown[80];

	for (const struct tree *t = map->first; t; t = t->next) {
		if (strcmp(t->key, key) != 0)
			continue;
		refuse(p, mark, "key %s is given twice; first at line %u",
		       log_text(slice_of(key), shown, sizeof(shown)), t->key_place.line);
		return false;
	}
	return true;
}

/* The value of `key`, which was read; NULL: said why. */
static struct tree *read_pair(struct parse *p, struct tree *map, const yaml_event_t *key,
			      unsigned depth)
{
	struct tree *node = NULL;
	yaml_event_t value;
	const char *text;

	if (key->type != YAML_SCALAR_EVENT) {
		refuse(p, key->start_mark, "a key must be text");
		return NULL;
	}
	if (key->data.scalar.anchor) {
		refuse(p, key->start_mark, "anchors and aliases are not supported");
		return NULL;
	}
	text = copy_scalar(p, key);
	if (!text || !is_new_key(p, map, text, key->start_mark) || !next_event(p, &value))
		return NULL;
	node = read_value(p, &value, depth);
	yaml_event_delete(&value);
	if (node) {
		node->key = text;
		node->key_place = place_of(key->start_mark);
	}
	return node;
}

static void read_map(struct parse *p, struct tree *map, unsigned depth)
{
	struct tree **end = &map->first;
	yaml_event_t event;
	bool more = true;

	while (more && next_event(p, &event)) {
		more = event.type != YAML_MAPPING_END_EVENT;
		if (more) {
			*end = read_pair(p, map, &event, depth);
			more = *end != NULL;
		}
		if (more)
			end = &(*end)->next;
		yaml_event_delete(&event);
	}
}

static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT)
		return event->data.scalar.anchor;
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return event->data.sequence_start.anchor;
	return event->data.mapping_start.anchor;
}

static const yaml_char_t *tag_of(const yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT)
		return event->data.scalar.tag;
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return event->data.sequence_start.tag;
	return event->data.mapping_start.tag;
}

static struct tree *read_text(struct parse *p, const yaml_event_t *event)
{
	struct tree *node = new_node(p, is_null(event) ? TREE_NULL : TREE_TEXT, event->start_mark);

	if (node)
		node->text = copy_scalar(p, event);
	return node;
}

static struct tree *read_value(struct parse *p, const yaml_event_t *event, unsigned depth)
{
	bool is_list = event->type == YAML_SEQUENCE_START_EVENT;
	struct tree *node;

	if (event->type == YAML_ALIAS_EVENT || anchor_of(event)) {
		refuse(p, event->start_mark, "anchors and aliases are not supported");
		return NULL;
	}
	if (tag_of(event)) {
		refuse(p, event->start_mark, "tags are not supported");
		return NULL;
	}
	if (depth == TREE_DEPTH_MAX) {
		refuse(p, event->start_mark, "nested deeper than %d levels", TREE_DEPTH_MAX);
		return NULL;
	}
	if (event->type == YAML_SCALAR_EVENT) {
		node = read_text(p, event);
	} else {
		node = new_node(p, is_list ? TREE_LIST : TREE_MAP, event->start_mark);
		if (node && is_list)
			read_list(p, node, depth + 1);
		else if (node)
			read_map(p, node, depth + 1);
	}
	return p->error ? NULL : node;
}

/* Stream start, document start, value, document end, stream end. */
static void read_stream(struct parse *p, struct tree **root)
{
	yaml_event_t event;
	bool more = true;

	while (more && !p->error && next_event(p, &event)) {
		more = event.type != YAML_STREAM_END_EVENT;
		if (event.type == YAML_DOCUMENT_START_EVENT && *root)
			refuse(p, event.start_mark, "a second document begins; only one is read");
		else if (event.type == YAML_SCALAR_EVENT || event.type == YAML_ALIAS_EVENT ||
			 event.type == YAML_SEQUENCE_START_EVENT ||
			 event.type == YAML_MAPPING_START_EVENT)
			*root = read_value(p, &event, 0);
		yaml_event_delete(&event);
	}
}

int tree_parse(struct tree **tree, struct slice text, struct arena *arena, struct notes *notes)
{
	struct parse p = {.arena = arena, .notes = notes};
	struct tree *root = NULL;

	if (!yaml_parser_initialize(&p.yaml))
		return -ENOMEM;
	yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text.p, text.n);
	read_stream(&p, &root);
	if (!p.error && !root)
		root = new_node(&p, TREE_NULL, (yaml_mark_t){0, 0, 0});
	yaml_parser_delete(&p.yaml);
	if (!p.error)
		*tree = root;
	return p.error;
}

const char *tree_kind_name(const struct tree *tree)
{
	static const char *const names[] = {
		[TREE_NULL] = "nothing",
		[TREE_TEXT] = "text",
		[TREE_LIST] = "a list",
		[TREE_MAP] = "a map",
	};

	return names[tree->kind];
}
