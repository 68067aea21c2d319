/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML document as a tree that remembers where everything stands. What a configuration has no
 * use for is refused: anchors and aliases, tags, more than one document, a key twice.
 */
#ifndef KEYHOLE_CONFIG_TREE_H
#define KEYHOLE_CONFIG_TREE_H

#include "arena.h"
#include "note.h"

#define TREE_DEPTH_MAX 32
#define TREE_NODES_MAX 20000

enum tree_kind {
	TREE_NULL, /* nothing, `~` or `null` */
	TREE_TEXT,
	TREE_LIST,
	TREE_MAP,
};

struct tree {
	enum tree_kind kind;
	struct place place; /* of the value */
	const char *text;   /* TREE_TEXT: NUL-terminated, holds no other NUL */
	const char *key;    /* in a map; else NULL */
	struct place key_place;
	struct tree *first, *next; /* children of a list or map; the next one */
};

/*
 * *tree is the document's root, of kind NULL if it is empty; it lives as long as the arena.
 * Returns 0, -EINVAL (said) or -ENOMEM.
 */
int tree_parse(struct tree **tree, struct slice text, struct arena *arena, struct notes *notes);

/* "a map", "a list", "text", "nothing". */
const char *tree_kind_name(const struct tree *tree);

#endif
