/* SPDX-License-Identifier: Apache-2.0 */
#include "put.h"

#include <strings.h>

/* ---- text ---- */

/* Bytes of a character that YAML takes for a line break or refuses to read as it is; 0: none. */
static size_t odd_character(const unsigned char *p, unsigned *code)
{
	if (*p < 0x20 || *p == 0x7f) {
		*code = *p;
		return 1;
	}
	if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
		*code = p[1];
		return 2;
	}
	if (p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)) {
		*code = 0x2000u + (p[2] & 0x3f);
		return 3;
	}
	return 0;
}

void put_quoted(FILE *out, const char *text, bool expanded)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned code;
	size_t n;

	fputc('"', out);
	while (*p) {
		n = odd_character(p, &code);
		if (n > 0) {
			fprintf(out, "\\u%04x", code);
			p += n;
			continue;
		}
		if (*p == '"' || *p == '\\')
			fputc('\\', out);
		if (*p == '$' && expanded)
			fputc('$', out);
		fputc(*p++, out);
	}
	fputc('"', out);
}

void put_plain(FILE *out, const char *text)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_./-";

	if (*text && *text != '-' && !text[strspn(text, fine)] && strcasecmp(text, "null") != 0)
		fputs(text, out);
	else
		put_quoted(out, text, true);
}

/* ---- values ---- */

static bool is_comma_list(const struct option *o, const struct tree *value)
{
	return value->kind == TREE_TEXT && value->place.variable &&
	       (o->type == OPTION_TEXTS || o->type == OPTION_NUMBERS || o->type == OPTION_SET);
}

static void put_comma_list(FILE *out, const char *text, bool json)
{
	char word[1100]; /* BIND_TEXT_MAX and more: longer ones were refused */

	fputc('[', out);
	while (*text) {
		size_t n = strcspn(text, ",");

		snprintf(word, sizeof(word), "%.*s", (int)n, text);
		if (json)
			put_quoted(out, word, true);
		else
			put_plain(out, word);
		text += n;
		if (*text)
			fputs(json ? "," : ", ", out);
		text += *text == ',';
	}
	fputc(']', out);
}

static void put_json_tree(FILE *out, const struct tree *value)
{
	bool map = value->kind == TREE_MAP;

	if (value->kind == TREE_NULL) {
		fputs("null", out);
	} else if (value->kind == TREE_TEXT) {
		put_quoted(out, value->text, true);
	} else {
		fputc(map ? '{' : '[', out);
		for (const struct tree *t = value->first; t; t = t->next) {
			if (map) {
				put_quoted(out, t->key, true);
				fputc(':', out);
			}
			put_json_tree(out, t);
			if (t->next)
				fputc(',', out);
		}
		fputc(map ? '}' : ']', out);
	}
}

void put_json(FILE *out, const struct option *option, const struct tree *value)
{
	if (is_comma_list(option, value))
		put_comma_list(out, value->text, true);
	else
		put_json_tree(out, value);
}

static bool is_flat(const struct tree *list)
{
	for (const struct tree *t = list->first; t; t = t->next) {
		if (t->kind != TREE_TEXT)
			return false;
	}
	return true;
}

static void put_flat(FILE *out, const struct tree *list)
{
	fputc('[', out);
	for (const struct tree *t = list->first; t; t = t->next) {
		put_plain(out, t->text);
		if (t->next)
			fputs(", ", out);
	}
	fputs("]\n", out);
}

static void put_yaml_tree(FILE *out, const struct tree *value, int indent);

/* The first line stands behind "- " already, if `started`. */
static void put_map(FILE *out, const struct tree *map, int indent, bool started)
{
	for (const struct tree *t = map->first; t; t = t->next) {
		if (!started)
			fprintf(out, "%*s", indent, "");
		started = false;
		put_plain(out, t->key);
		fputc(':', out);
		put_yaml_tree(out, t, indent + 2);
	}
}

static void put_items(FILE *out, const struct tree *list, int indent)
{
	for (const struct tree *t = list->first; t; t = t->next) {
		fprintf(out, "%*s-", indent, "");
		if (t->kind == TREE_MAP && t->first) {
			fputc(' ', out);
			put_map(out, t, indent + 2, true);
		} else {
			put_yaml_tree(out, t, indent + 2);
		}
	}
}

static void put_yaml_tree(FILE *out, const struct tree *value, int indent)
{
	if (value->kind == TREE_NULL) {
		fputs(" null\n", out);
	} else if (value->kind == TREE_TEXT) {
		fputc(' ', out);
		put_plain(out, value->text);
		fputc('\n', out);
	} else if (!value->first) {
		fputs(value->kind == TREE_MAP ? " {}\n" : " []\n", out);
	} else if (value->kind == TREE_MAP) {
		fputc('\n', out);
		put_map(out, value, indent, false);
	} else if (is_flat(value)) {
		fputc(' ', out);
		put_flat(out, value);
	} else {
		fputc('\n', out);
		put_items(out, value, indent);
	}
}

void put_yaml(FILE *out, const struct option *option, const struct tree *value, int indent)
{
	if (!is_comma_list(option, value)) {
		put_yaml_tree(out, value, indent);
		return;
	}
	fputc(' ', out);
	put_comma_list(out, value->text, false);
	fputc('\n', out);
}
