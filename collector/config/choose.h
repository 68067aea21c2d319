/* SPDX-License-Identifier: Apache-2.0 */
/* Options that speak of attributes: attributes.select, filter.application and the extra ones. */
#ifndef KEYHOLE_CONFIG_CHOOSE_H
#define KEYHOLE_CONFIG_CHOOSE_H

#include "bind.h"
#include "config.h"

/* A map of metrics, or globs of them, to lists `include` and `exclude`. */
void choose_select(struct binding *b, const struct option *option, const struct tree *map,
		   struct config_select *to);

/* A map of attributes to tests. */
void choose_filter(struct binding *b, const struct option *option, const struct tree *map,
		   struct config_filter *to);

/* What needs all of the configuration: which attributes there are, and which of them are meant. */
void choose_settle(struct binding *b, struct config *config);

/* A check of an option: can there be an extra attribute of this name? */
const char *choose_check_extra(const char *text, char why[PATTERN_WHY_MAX]);

/* What stands below a metric, and below an attribute. */
extern const struct option_table choose_section_lists;
extern const struct option_table choose_filter_tests;

/* The tables of attributes and of the tests of a filter, for the reference page. */
void choose_print_reference(FILE *out);

/* The attributes of Beyla's that are not supported, likewise. */
void choose_print_unsupported(FILE *out);

#endif
