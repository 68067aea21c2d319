/* SPDX-License-Identifier: Apache-2.0 */
/* How an option is declared. The tables are data; everything done with options reads them. */
#ifndef KEYHOLE_CONFIG_OPTION_H
#define KEYHOLE_CONFIG_OPTION_H

#include "../service/pattern.h"

#include <stddef.h>
#include <stdint.h>

/* What an option holds, and in which type of struct config. */
enum option_type {
	OPTION_BOOL,        /* bool */
	OPTION_COUNT,       /* uint64_t; min to max */
	OPTION_PERIOD,      /* uint64_t, ns; min to max */
	OPTION_CHOICE,      /* int; one of choices */
	OPTION_TEXT,        /* const char * */
	OPTION_PATTERN,     /* const char *; of `form`, or in a selector of the selector's form */
	OPTION_TEXTS,       /* struct config_texts */
	OPTION_NUMBERS,     /* struct config_numbers */
	OPTION_RANGES,      /* struct config_ranges; numbers min to max */
	OPTION_PAIRS,       /* struct config_pairs */
	OPTION_ENTRIES,     /* struct config_entries; of `form` */
	OPTION_SELECT,      /* struct config_select (choose.h) */
	OPTION_FILTER,      /* struct config_filter (choose.h) */
	OPTION_LABELS,      /* struct config_labels; the row stands for every key of a section */
	OPTION_SET,         /* struct config_set; of choices, `*` and `all` for all of them */
	OPTION_UNSUPPORTED, /* nothing: answered with `because` */
};

struct option_choice {
	const char *name; /* compared without case; NULL ends the list */
	int64_t value;
	bool alias; /* not shown in the reference */
	/* OPTION_SET, instead of a value: Beyla knows the word, Keyhole has nothing of the kind. */
	const char *because;
	bool yet;
};

struct option {
	/*
	 * "section.key". A key may hold dots itself: how many, says key_dots. Of those that are not
	 * supported, "section.*" is every key that has no row of its own.
	 */
	const char *path;
	unsigned key_dots;
	enum option_type type;
	enum pattern_form form;
	size_t offset;
	const char *fallback; /* default as it would be written, lists with commas; NULL: zero */
	uint64_t min, max;
	const struct option_choice *choices;
	/* What is wrong with this text? NULL: nothing. For TEXT, TEXTS and PATTERN. */
	const char *(*check)(const char *text, char why[PATTERN_WHY_MAX]);
	const char *env; /* without KEYHOLE_, OTEL_EBPF_ or BEYLA_; "X_*": all that begin so */
	const char *env_plain; /* as it is, weaker than these three */
	bool env_only;         /* has no key in the file; path is for messages */
	bool secret;   /* only with env_only: not shown with the effective configuration */
	const char *doc;
	const char *section;      /* of the reference page, where it says more; NULL: all is said */
	const char *fallback_doc; /* shown in the reference instead of fallback */
	bool live;                /* a reload changes it; else it takes a new start */

	/* OPTION_UNSUPPORTED: why, as in "not supported by Keyhole: KEY, because ...". */
	const char *because;
	bool yet; /* a later version will support it */
	/*
	 * Values that ask for nothing, parted by '|', beside empty ones: nothing is said then.
	 * OPTION_ANYTHING: whatever it is, Keyhole does what it asks for.
	 */
	const char *idle;
};

#define OPTION_ANYTHING "<any>"

extern const struct option_choice exemplar_filters[];

/* Tables may go on in another file. */
struct option_table {
	const struct option *options;
	size_t n;
	const struct option_table *next;
};

/* The i-th row; NULL after the last one. */
const struct option *option_at(const struct option_table *table, size_t i);

extern const struct option_table options_all;      /* of struct config */
extern const struct option_table options_selector; /* of struct entry_draft (entries.h) */

/* What options_all goes on with, in this order; each has a file of its name. */
extern const struct option_table options_prometheus;
extern const struct option_table options_attributes;
extern const struct option_table options_discovery;
extern const struct option_table options_routes;
extern const struct option_table options_keyhole;
extern const struct option_table options_process;
extern const struct option_table options_otlp;
extern const struct option_table options_traces;
extern const struct option_table options_trace_peers;
extern const struct option_table options_graph;

/* Beyla's keys that are not supported: likewise. */
extern const struct option_table options_unsupported;
extern const struct option_table options_unsupported_ebpf;
extern const struct option_table options_unsupported_exports;

/* Checks of samplers' names and of their share: NULL, or what is wrong. */
const char *config_check_sampler(const char *text, char why[PATTERN_WHY_MAX]);
const char *config_check_ratio(const char *text, char why[PATTERN_WHY_MAX]);
/* Of a pattern of a path; likewise. */
const char *config_check_route(const char *text, char why[PATTERN_WHY_MAX]);

/* What a person would call the type: "a whole number from 1 to 5", and so on. Returns buf. */
const char *option_expects(const struct option *option, char *buf, size_t size);

#endif
