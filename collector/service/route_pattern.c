/* SPDX-License-Identifier: Apache-2.0 */
#include "route_pattern.h"

#include "route.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* In the order in which they are tried. */
enum kind { LITERAL, PREFIX, NAME, ANY };

struct node {
	struct node *children, *next; /* siblings ordered by kind, longer prefixes first */
	struct slice text;            /* of LITERAL and PREFIX; into the pattern */
	enum kind kind;
	int whole; /* pattern that ends here, or -1 */
	int rest;  /* pattern that goes on with any rest here, or -1 */
};

struct route_patterns {
	struct node root;
};

/* What a pattern's segment is; *text is its literal part. */
static enum kind kind_of(struct slice segment, struct slice *text)
{
	size_t literal = 0;

	*text = segment;
	if (slice_is(segment, "*"))
		return ANY;
	while (literal < segment.n && segment.p[literal] != ':' && segment.p[literal] != '{')
		literal++;
	text->n = literal;
	if (literal == segment.n)
		return LITERAL;
	return literal == 0 ? NAME : PREFIX;
}

static bool goes_before(const struct node *a, const struct node *b)
{
	return a->kind < b->kind ||
	       (a->kind == PREFIX && b->kind == PREFIX && a->text.n > b->text.n);
}

static struct node *child_for(struct node *parent, struct slice segment)
{
	struct node *node = calloc(1, sizeof(*node)), **at;

	if (!node)
		return NULL;
	node->whole = node->rest = -1;
	node->kind = kind_of(segment, &node->text);
	for (at = &parent->children; *at; at = &(*at)->next) {
		bool same_text = node->kind > PREFIX || slice_same((*at)->text, node->text);

		if ((*at)->kind == node->kind && same_text) {
			free(node);
			return *at;
		}
	}
	for (at = &parent->children; *at && !goes_before(node, *at);)
		at = &(*at)->next;
	node->next = *at;
	*at = node;
	return node;
}

static int add(struct route_patterns *patterns, const char *pattern, int index)
{
	struct node *node = &patterns->root;
	struct route_path path;
	int *end;

	route_path_split(&path, slice_of(pattern), false);
	for (size_t i = 0; i < path.n; i++) {
		bool last = i + 1 == path.n;

		if (last && slice_is(path.segment[i], "*")) {
			if (node->rest < 0)
				node->rest = index;
			return 0;
		}
		node = child_for(node, path.segment[i]);
		if (!node)
			return -ENOMEM;
	}
	end = &node->whole;
	if (*end < 0)
		*end = index;
	return 0;
}

struct route_patterns *route_patterns_new(const char *const *list, size_t n)
{
	struct route_patterns *patterns = calloc(1, sizeof(*patterns));

	if (!patterns)
		return NULL;
	patterns->root.whole = patterns->root.rest = -1;
	for (size_t i = 0; i < n; i++) {
		if (add(patterns, list[i], (int)i) < 0) {
			route_patterns_free(patterns);
			return NULL;
		}
	}
	return patterns;
}

static void free_nodes(struct node *node)
{
	while (node) {
		struct node *next = node->next;

		free_nodes(node->children);
		free(node);
		node = next;
	}
}

void route_patterns_free(struct route_patterns *patterns)
{
	if (patterns)
		free_nodes(patterns->root.children);
	free(patterns);
}

static bool fits(const struct node *node, struct slice segment)
{
	switch (node->kind) {
	case LITERAL:
		return slice_same(node->text, segment);
	case PREFIX:
		return segment.n > node->text.n &&
		       memcmp(segment.p, node->text.p, node->text.n) == 0;
	case NAME:
	case ANY:
		return true;
	}
	return false;
}

static int match(const struct node *node, const struct route_path *path, size_t i)
{
	/* The last segment of an open path may be incomplete: only a rest holds it. */
	bool readable = i < path->n && !(path->open && i + 1 == path->n);

	if (i == path->n && !path->open && node->whole >= 0)
		return node->whole;
	for (const struct node *c = node->children; c && readable; c = c->next) {
		int found = fits(c, path->segment[i]) ? match(c, path, i + 1) : -1;

		if (found >= 0)
			return found;
	}
	return node->rest;
}

int route_patterns_match(const struct route_patterns *patterns, const struct route_path *path)
{
	return match(&patterns->root, path, 0);
}

static const char *segment_fault(struct slice segment)
{
	struct slice text;
	size_t name;

	if (kind_of(segment, &text) == LITERAL || slice_is(segment, "*"))
		return NULL;
	name = segment.n - text.n;
	if (segment.p[text.n] == '{') {
		if (segment.p[segment.n - 1] != '}')
			return "\"{\" is not closed by \"}\" at the end of its segment";
		return name > 2 ? NULL : "\"{}\" holds no name";
	}
	return name > 1 ? NULL : "\":\" is not followed by a name";
}

int route_pattern_check(const char *pattern, char why[ROUTE_WHY_MAX])
{
	const char *fault = NULL;
	struct route_path path;

	route_path_split(&path, slice_of(pattern), false);
	if (pattern[0] != '/' && strcmp(pattern, "*") != 0)
		fault = "it does not begin with \"/\"";
	else if (strlen(pattern) > ROUTE_PATTERN_MAX)
		fault = "it is longer than 256 bytes";
	else if (path.open)
		fault = "it has more than 64 segments";
	for (size_t i = 0; i < path.n && !fault; i++)
		fault = segment_fault(path.segment[i]);
	if (!fault)
		return 0;
	snprintf(why, ROUTE_WHY_MAX, "%s", fault);
	return -EINVAL;
}
