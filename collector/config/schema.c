/* SPDX-License-Identifier: Apache-2.0 */
/* The table as a JSON schema, for editors and for checks before a roll-out. */
#include "config.h"

#include "choose.h"
#include "put.h"
#include "sections.h"

#include <inttypes.h>
#include <string.h>

/* Of a scalar YAML decides the type: 80, "80" and 80.0 differ there, and here all are text. */
#define SCALAR "\"type\": [\"string\", \"number\", \"boolean\"]"

static void indent(FILE *out, unsigned depth)
{
	fprintf(out, "%*s", (int)(depth + 1) * 2, "");
}

static void put_enum(FILE *out, const struct option *o)
{
	bool first = true;

	fputs("\"enum\": [", out);
	for (const struct option_choice *c = o->choices; c->name; c++) {
		fputs(first ? "" : ", ", out);
		/* Words that YAML reads as booleans. */
		if (strcmp(c->name, "true") == 0 || strcmp(c->name, "false") == 0)
			fprintf(out, "%s, ", c->name);
		put_quoted(out, c->name, false);
		first = false;
	}
	fputc(']', out);
}

/* Choices are compared without case: what a schema can say of that is a pattern. */
static void put_choice(FILE *out, const struct option *o)
{
	fputs("\"anyOf\": [{", out);
	put_enum(out, o);
	fputs("}, {\"type\": \"string\", \"pattern\": \"^(", out);
	for (const struct option_choice *c = o->choices; c->name; c++) {
		fputs(c == o->choices ? "" : "|", out);
		for (const char *p = c->name; *p; p++) {
			if (*p >= 'a' && *p <= 'z')
				fprintf(out, "[%c%c]", *p - 'a' + 'A', *p);
			else
				fputc(*p, out);
		}
	}
	fputs(")$\"}]", out);
}

static void put_type(FILE *out, const struct option *o);

/* The keys below an attribute or a metric. */
static void put_lists(FILE *out, const struct option_table *table)
{
	const struct option *o;

	for (size_t i = 0; (o = option_at(table, i)); i++) {
		fprintf(out, "%s\"%s\": {\"anyOf\": [{\"type\": \"null\"}, {", i ? ", " : "",
			o->path);
		put_type(out, o);
		fputs("}]}", out);
	}
}

static void put_type(FILE *out, const struct option *o)
{
	switch (o->type) {
	case OPTION_BOOL:
		fputs("\"anyOf\": [{\"type\": \"boolean\"}, {\"enum\": [0, 1]}, {\"type\": "
		      "\"string\"}]",
		      out);
		break;
	case OPTION_COUNT:
		fprintf(out,
			"\"anyOf\": [{\"type\": \"integer\", \"minimum\": %" PRIu64
			", \"maximum\": %" PRIu64 "}, {\"type\": \"string\"}]",
			o->min, o->max);
		break;
	case OPTION_PERIOD:
		fputs("\"anyOf\": [{\"const\": 0}, {\"type\": \"string\", \"pattern\": "
		      "\"^(0|([0-9]*[.]?[0-9]*(ns|us|\u00b5s|ms|s|m|h))+|[$][{].*)$\"}]",
		      out);
		break;
	case OPTION_CHOICE:
		put_choice(out, o);
		break;
	case OPTION_TEXT:
	case OPTION_PATTERN:
		fputs(SCALAR, out);
		break;
	case OPTION_TEXTS:
		fputs("\"type\": \"array\", \"items\": {" SCALAR "}", out);
		break;
	case OPTION_SET:
		fputs("\"type\": \"array\", \"items\": {", out);
		put_enum(out, o);
		fputc('}', out);
		break;
	case OPTION_NUMBERS:
		fprintf(out,
			"\"type\": \"array\", \"items\": {\"type\": \"number\", \"minimum\": 0}, "
			"\"minItems\": 1, \"maxItems\": %" PRIu64,
			o->max);
		break;
	case OPTION_RANGES:
		fputs("\"anyOf\": [{\"type\": [\"string\", \"integer\"]}, {\"type\": \"array\", "
		      "\"items\": {\"type\": [\"string\", \"integer\"]}}]",
		      out);
		break;
	case OPTION_PAIRS:
		fputs("\"type\": \"object\", \"additionalProperties\": {" SCALAR "}", out);
		break;
	case OPTION_ENTRIES:
		fputs("\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/entry\"}", out);
		break;
	case OPTION_SELECT:
		fputs("\"type\": \"object\", \"additionalProperties\": {\"type\": [\"object\", "
		      "\"null\"], \"properties\": {",
		      out);
		put_lists(out, &choose_section_lists);
		fputs("}, \"additionalProperties\": false}", out);
		break;
	case OPTION_FILTER:
		fputs("\"type\": \"object\", \"additionalProperties\": {\"type\": \"object\", "
		      "\"minProperties\": 1, \"properties\": {",
		      out);
		put_lists(out, &choose_filter_tests);
		fputs("}, \"additionalProperties\": false}", out);
		break;
	case OPTION_LABELS: /* its section takes any key */
	case OPTION_UNSUPPORTED:
		break;
	}
}

static void put_description(FILE *out, const struct option *o)
{
	char text[600];

	if (o->type == OPTION_UNSUPPORTED)
		snprintf(text, sizeof(text), "Not supported by Keyhole%s, because %s.",
			 o->yet ? " yet" : "", o->because);
	else
		snprintf(text, sizeof(text), "%s%s%s%s", o->doc,
			 o->section ? " More: section " : "", o->section ? o->section : "",
			 o->section ? " of configuration.md." : "");
	fputs("\"description\": ", out);
	put_quoted(out, text, false);
	if (o->type == OPTION_UNSUPPORTED)
		fputs(", \"deprecated\": true", out);
	if (o->fallback && *o->fallback) {
		fputs(", \"default\": ", out);
		put_json(out, o,
			 &(struct tree){.kind = TREE_TEXT,
					.text = o->fallback,
					.place = {.variable = "(default)"}});
	}
}

/* "key:" and nothing more is as if it were not there. */
static void put_rule(FILE *out, const struct option *o)
{
	fputc('{', out);
	put_description(out, o);
	if (o->type != OPTION_UNSUPPORTED) {
		fputs(", \"anyOf\": [{\"type\": \"null\"}, {", out);
		put_type(out, o);
		fputs("}]", out);
	}
	fputc('}', out);
}

static bool wants(void *arg, const struct option *o, size_t i)
{
	size_t n = strlen(o->path);

	return strcmp(o->path + n - 2, ".*") != 0;
}

/* Has the section a row for every key? */
static bool takes_any(const char *section)
{
	size_t n = strlen(section);
	const struct option *o;

	for (size_t i = 0; (o = option_at(&options_all, i)); i++) {
		if (strncmp(o->path, section, n) == 0 && strcmp(o->path + n, ".*") == 0)
			return true;
	}
	return false;
}

static void put_option(void *arg, const char *name, const struct option *o, size_t i,
		       unsigned depth, bool first)
{
	FILE *out = arg;

	fputs(first ? "" : ",\n", out);
	indent(out, depth * 2 + 1);
	put_quoted(out, name, false);
	fputs(": ", out);
	put_rule(out, o);
}

static void open_section(void *arg, const char *path, const char *name, unsigned depth, bool first)
{
	FILE *out = arg;

	fputs(first ? "" : ",\n", out);
	indent(out, depth * 2 + 1);
	put_quoted(out, name, false);
	fputs(": {\n", out);
	indent(out, depth * 2 + 2);
	fprintf(out, "\"type\": [\"object\", \"null\"],\n");
	indent(out, depth * 2 + 2);
	fprintf(out, "\"additionalProperties\": %s,\n", takes_any(path) ? "true" : "false");
	indent(out, depth * 2 + 2);
	fputs("\"properties\": {\n", out);
}

static void close_section(void *arg, unsigned depth)
{
	FILE *out = arg;

	fputc('\n', out);
	indent(out, depth * 2 + 2);
	fputs("}\n", out);
	indent(out, depth * 2 + 1);
	fputc('}', out);
}

static void put_entry(FILE *out)
{
	const struct option *o;

	fputs("  \"$defs\": {\n    \"entry\": {\n      \"type\": \"object\",\n"
	      "      \"additionalProperties\": false,\n      \"properties\": {\n",
	      out);
	for (size_t i = 0; (o = option_at(&options_selector, i)); i++) {
		fputs(i > 0 ? ",\n        " : "        ", out);
		put_quoted(out, o->path, false);
		fputs(": ", out);
		put_rule(out, o);
	}
	fputs("\n      }\n    }\n  },\n", out);
}

void config_print_schema(FILE *out)
{
	const struct sections_visitor v = {.wants = wants,
					   .option = put_option,
					   .open = open_section,
					   .close = close_section,
					   .arg = out};

	fputs("{\n"
	      "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
	      "  \"title\": \"Configuration of keyhole-collector\",\n"
	      "  \"description\": \"The file itself, or what stands under config.data of a "
	      "values.yml; printed by keyhole-collector --print-config-schema.\",\n",
	      out);
	put_entry(out);
	fputs("  \"type\": [\"object\", \"null\"],\n  \"additionalProperties\": false,\n"
	      "  \"properties\": {\n",
	      out);
	sections_each(&v);
	fputs("\n  }\n}\n", out);
}
