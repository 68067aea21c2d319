/* SPDX-License-Identifier: Apache-2.0 */
#include "negotiate.h"

#include "../slice.h"

#include <strings.h>

/* One element of a list: a name and its parameters. Weights are thousandths. */
struct item {
	struct slice name;
	struct slice version; /* "" if absent */
	int weight;
};

/* How well an element fits an offer: the most specific match decides, RFC 9110, 12.5.1. */
struct match {
	int weight;
	int precision; /* 0: no match */
	int position;
};

static bool is_word(struct slice s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static struct slice trim(struct slice s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s.p++, s.n--;
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Cuts the text before the next `separator` off `rest`, quoted strings being whole. */
static struct slice next_part(struct slice *rest, char separator)
{
	struct slice part = *rest;
	bool quoted = false;
	size_t i;

	for (i = 0; i < rest->n; i++) {
		if (rest->p[i] == '"')
			quoted = !quoted;
		else if (rest->p[i] == separator && !quoted)
			break;
	}
	part.n = i;
	if (i < rest->n)
		i++;
	rest->p += i;
	rest->n -= i;
	return trim(part);
}

/* qvalue: 0, 1, or up to three decimals. What is none counts as 0: not wanted. */
static int parse_weight(struct slice s)
{
	int weight = 0, scale = 100;

	if (s.n < 1 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.'))
		return 0;
	weight = (s.p[0] - '0') * 1000;
	for (size_t i = 2; i < s.n; i++, scale /= 10) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
		weight += (s.p[i] - '0') * scale;
	}
	return weight <= 1000 ? weight : 0;
}

static struct slice unquote(struct slice s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return (struct slice){s.p + 1, s.n - 2};
	return s;
}

static struct item parse_item(struct slice text)
{
	struct item item = {.weight = 1000, .version = {"", 0}};

	item.name = next_part(&text, ';');
	while (text.n > 0) {
		struct slice value = next_part(&text, ';');
		struct slice name = next_part(&value, '=');

		value = unquote(trim(value));
		if (is_word(name, "q"))
			item.weight = parse_weight(value);
		else if (is_word(name, "version"))
			item.version = value;
	}
	return item;
}

/* 0: does not fit; else the greater, the more specific. */
static int fit(const struct item *item, const char *type, const char *range, const char *version)
{
	if (is_word(item->name, type))
		return item->version.n == 0 ? 3 : slice_is(item->version, version) ? 4 : 0;
	if (is_word(item->name, range))
		return 2;
	return is_word(item->name, "*/*") ? 1 : 0;
}

static void consider(struct match *match, const struct item *item, int precision, int position)
{
	if (precision > match->precision ||
	    (precision && precision == match->precision && item->weight > match->weight))
		*match = (struct match){item->weight, precision, position};
}

static bool better(const struct match *a, const struct match *b)
{
	bool a_named = a->precision >= 3, b_named = b->precision >= 3;

	if (a->weight != b->weight)
		return a->weight > b->weight;
	if (a_named != b_named)
		return a_named;
	return a->position < b->position;
}

static struct slice field_of(const char *text)
{
	return (struct slice){text, text ? strnlen(text, NEGOTIATE_FIELD_MAX) : 0};
}

enum prometheus_format negotiate_format(const char *accept)
{
	struct match text = {0}, openmetrics = {0};
	struct slice rest = field_of(accept);

	for (int position = 0; rest.n > 0; position++) {
		struct item item = parse_item(next_part(&rest, ','));

		consider(&text, &item, fit(&item, "text/plain", "text/*", "0.0.4"), position);
		consider(&openmetrics, &item,
			 fit(&item, "application/openmetrics-text", "application/*", "1.0.0"),
			 position);
	}
	if (openmetrics.weight > 0 && better(&openmetrics, &text))
		return PROMETHEUS_OPENMETRICS;
	return PROMETHEUS_TEXT;
}

bool negotiate_gzip(const char *accept_encoding)
{
	struct match gzip = {0};
	struct slice rest = field_of(accept_encoding);

	for (int position = 0; rest.n > 0; position++) {
		struct item item = parse_item(next_part(&rest, ','));
		bool named = is_word(item.name, "gzip") || is_word(item.name, "x-gzip");

		consider(&gzip, &item, named ? 2 : is_word(item.name, "*"), position);
	}
	return gzip.weight > 0;
}
