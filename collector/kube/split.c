/* SPDX-License-Identifier: Apache-2.0 */
#include "split.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_MIN 16384
#define BUFFER_KEEP 65536 /* a larger buffer is given back after the object it was for */

/* What the grammar allows next. */
enum expect {
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END,
	EXPECT_KEY,
	EXPECT_KEY_OR_END,
	EXPECT_COLON,
	EXPECT_COMMA_OR_END
};

/* Keys that matter, by nesting level. */
enum key { KEY_OTHER, KEY_KIND, KEY_METADATA, KEY_ITEMS, KEY_VERSION, KEY_CONTINUE };

void kube_split_init(struct kube_split *split, enum kube_split_mode mode, kube_split_fn fn,
		     void *arg)
{
	*split = (struct kube_split){.mode = mode, .fn = fn, .arg = arg};
}

void kube_split_free(struct kube_split *split)
{
	free(split->buffer);
	split->buffer = NULL;
	split->used = split->size = 0;
}

static bool in_object(const struct kube_split *split)
{
	return split->depth && split->is_object >> (split->depth - 1) & 1;
}

static enum key find_key(const struct kube_split *split)
{
	const char *key = split->token;

	if (split->depth == 1 && strcmp(key, "kind") == 0)
		return KEY_KIND;
	if (split->depth == 1 && strcmp(key, "metadata") == 0)
		return KEY_METADATA;
	if (split->depth == 1 && strcmp(key, "items") == 0)
		return KEY_ITEMS;
	if (split->depth == 2 && split->key[0] == KEY_METADATA &&
	    strcmp(key, "resourceVersion") == 0)
		return KEY_VERSION;
	if (split->depth == 2 && split->key[0] == KEY_METADATA && strcmp(key, "continue") == 0)
		return KEY_CONTINUE;
	return KEY_OTHER;
}

static void read_into(struct kube_split *split, char *into, size_t size)
{
	split->into = into;
	split->into_size = size;
	split->into_used = 0;
}

static bool in_envelope(const struct kube_split *split)
{
	return split->mode == KUBE_SPLIT_LIST && !split->cutting && split->depth <= 2;
}

/* A string begins; decides whether its text is wanted. */
static void begin_text(struct kube_split *split, bool is_key)
{
	split->in_string = true;
	split->into = NULL;
	if (!in_envelope(split) || !in_object(split))
		return;
	if (is_key)
		read_into(split, split->token, sizeof(split->token));
	else if (split->depth == 1 && split->key[0] == KEY_KIND)
		read_into(split, split->kind, sizeof(split->kind));
	else if (split->depth == 2 && split->key[1] == KEY_VERSION)
		read_into(split, split->version, sizeof(split->version));
	else if (split->depth == 2 && split->key[1] == KEY_CONTINUE)
		read_into(split, split->next, sizeof(split->next));
}

/* A key that is too long, or has an escape, is none of ours; a value like that is an error. */
static int add_text(struct kube_split *split, char c)
{
	if (!split->into)
		return 0;
	if (split->into_used + 1 < split->into_size && c != '\\') {
		split->into[split->into_used++] = c;
		return 0;
	}
	if (split->into != split->token)
		return c == '\\' ? -EBADMSG : -E2BIG;
	split->into_used = 0;
	split->token[0] = 0;
	split->into = NULL;
	return 0;
}

static void end_text(struct kube_split *split)
{
	split->in_string = false;
	if (split->into)
		split->into[split->into_used] = 0;
	if (split->expect != EXPECT_COLON)
		return;
	if (in_envelope(split) && in_object(split))
		split->key[split->depth - 1] = split->into ? find_key(split) : KEY_OTHER;
}

static void after_value(struct kube_split *split)
{
	split->expect = split->depth ? EXPECT_COMMA_OR_END : EXPECT_VALUE;
	if (split->depth == 0 && split->mode == KUBE_SPLIT_LIST)
		split->done = true;
}

static bool wants_value(const struct kube_split *split)
{
	return split->expect == EXPECT_VALUE || split->expect == EXPECT_VALUE_OR_END;
}

static bool in_items(const struct kube_split *split)
{
	return split->mode == KUBE_SPLIT_LIST && !split->cutting && split->depth == 2 &&
	       split->key[0] == KEY_ITEMS && !in_object(split);
}

/* Only objects stand at the top, and in "items". */
static bool value_allowed(const struct kube_split *split, char c)
{
	if (!wants_value(split) || split->done)
		return false;
	return c == '{' || (split->depth > 0 && !in_items(split));
}

static int open_level(struct kube_split *split, char c, bool *begins)
{
	if (!value_allowed(split, c))
		return -EBADMSG;
	if (split->depth == KUBE_DEPTH_MAX)
		return -E2BIG;
	*begins = in_items(split) || (split->mode == KUBE_SPLIT_WATCH && split->depth == 0);
	if (c == '[' && in_envelope(split) && split->depth == 1 && split->key[0] == KEY_ITEMS)
		split->has_items = true;
	if (c == '{')
		split->is_object |= 1ull << split->depth;
	else
		split->is_object &= ~(1ull << split->depth);
	split->depth++;
	if (in_envelope(split))
		split->key[split->depth - 1] = KEY_OTHER;
	split->expect = c == '{' ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
	return 0;
}

static int close_level(struct kube_split *split, char c, bool *ends)
{
	bool empty = split->expect == (c == '}' ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END);

	if (!split->depth || in_object(split) != (c == '}') ||
	    (!empty && split->expect != EXPECT_COMMA_OR_END))
		return -EBADMSG;
	split->depth--;
	*ends = split->cutting && split->depth == (split->mode == KUBE_SPLIT_LIST ? 2 : 0);
	after_value(split);
	return 0;
}

static int quote(struct kube_split *split)
{
	bool is_key = split->expect == EXPECT_KEY || split->expect == EXPECT_KEY_OR_END;

	if (!is_key && !value_allowed(split, '"'))
		return -EBADMSG;
	begin_text(split, is_key);
	split->expect = is_key ? EXPECT_COLON : EXPECT_COMMA_OR_END;
	return 0;
}

static int separator(struct kube_split *split, char c)
{
	if (split->expect != (c == ':' ? EXPECT_COLON : EXPECT_COMMA_OR_END))
		return -EBADMSG;
	split->expect = c == ',' && in_object(split) ? EXPECT_KEY : EXPECT_VALUE;
	return 0;
}

/* Numbers, true, false, null: cJSON looks at them closer where they matter. */
static int literal(struct kube_split *split, char c)
{
	bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' ||
		    c == '.' || c == 'E';

	if (!fits || (!split->in_literal && !value_allowed(split, c)))
		return -EBADMSG;
	if (!split->in_literal)
		after_value(split);
	split->in_literal = true;
	return 0;
}

static int in_text(struct kube_split *split, char c)
{
	if (split->escaped) {
		split->escaped = false;
		return 0;
	}
	if (c == '"') {
		end_text(split);
		return 0;
	}
	split->escaped = c == '\\';
	return add_text(split, c);
}

static int step(struct kube_split *split, char c, bool *begins, bool *ends)
{
	bool space = c == ' ' || c == '\n' || c == '\r' || c == '\t';

	if (split->in_string)
		return in_text(split, c);
	if (space || c == ',' || c == ':' || c == '{' || c == '[' || c == '}' || c == ']' ||
	    c == '"')
		split->in_literal = false;
	if (space)
		return 0;
	switch (c) {
	case '{':
	case '[':
		return open_level(split, c, begins);
	case '}':
	case ']':
		return close_level(split, c, ends);
	case '"':
		return quote(split);
	case ',':
	case ':':
		return separator(split, c);
	default:
		return literal(split, c);
	}
}

/* Keeps a piece of the object being cut, until the rest of it comes. */
static int keep(struct kube_split *split, const char *p, size_t n)
{
	size_t size = split->size ? split->size : BUFFER_MIN;
	char *buffer;

	if (split->skipping || n > KUBE_OBJECT_MAX - split->used) {
		split->skipping = true;
		split->used = 0;
		return 0;
	}
	while (size < split->used + n)
		size *= 2;
	if (size != split->size) {
		buffer = realloc(split->buffer, size);
		if (!buffer)
			return -ENOMEM;
		split->buffer = buffer;
		split->size = size;
	}
	memcpy(split->buffer + split->used, p, n);
	split->used += n;
	return 0;
}

/* The object being cut is whole; its last `n` bytes are at `p`. */
static int hand_out(struct kube_split *split, const char *p, size_t n)
{
	struct slice object = {p, n};
	int ret = 0;

	if (split->used || split->skipping || n > KUBE_OBJECT_MAX) {
		ret = keep(split, p, n);
		object = (struct slice){split->buffer, split->used};
	}
	split->cutting = false;
	if (ret)
		return ret;
	if (split->skipping) {
		split->oversize++;
	} else {
		split->objects++;
		ret = split->fn(split->arg, object);
	}
	split->skipping = false;
	split->used = 0;
	if (split->size > BUFFER_KEEP)
		kube_split_free(split);
	return ret;
}

/* Text that nobody wants is most of what comes: go to its end in one stride. */
static size_t skip_text(const struct kube_split *split, struct slice bytes, size_t i)
{
	if (!split->in_string || split->escaped || split->into)
		return i;
	while (i < bytes.n && bytes.p[i] != '"' && bytes.p[i] != '\\')
		i++;
	return i;
}

int kube_split_feed(struct kube_split *split, struct slice bytes)
{
	size_t from = 0; /* where the part of the current object in this chunk begins */
	int ret;

	for (size_t i = skip_text(split, bytes, 0); i < bytes.n;
	     i = skip_text(split, bytes, i + 1)) {
		bool begins = false, ends = false;

		ret = step(split, bytes.p[i], &begins, &ends);
		if (ret)
			return ret;
		if (begins) {
			split->cutting = true;
			from = i;
		}
		if (ends) {
			ret = hand_out(split, bytes.p + from, i + 1 - from);
			if (ret)
				return ret;
		}
	}
	return split->cutting ? keep(split, bytes.p + from, bytes.n - from) : 0;
}

int kube_split_end(const struct kube_split *split)
{
	if (split->in_string || split->depth)
		return -EBADMSG;
	return split->mode == KUBE_SPLIT_WATCH || split->done ? 0 : -EBADMSG;
}
