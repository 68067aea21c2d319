/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every option, once. docs/configuration.md is printed from here, in this order: a table for each
 * section or two of the file, each of which names the next. This one begins.
 */
#include "option.h"

#include "config.h"

#define AT(member) .offset = offsetof(struct config, member)

static const struct option_choice log_levels[] = {
	{"error", LOG_LEVEL_ERROR, false, NULL, false},
	{"warn", LOG_LEVEL_WARN, false, NULL, false},
	{"warning", LOG_LEVEL_WARN, true, NULL, false},
	{"info", LOG_LEVEL_INFO, false, NULL, false},
	{"debug", LOG_LEVEL_DEBUG, false, NULL, false},
	{"trace", LOG_LEVEL_DEBUG, false, NULL, false},
	{NULL, 0, false, NULL, false},
};

static const struct option rows[] = {
	{.path = "log_level",
	 .type = OPTION_CHOICE,
	 AT(log_level),
	 .choices = log_levels,
	 .fallback = "info",
	 .env = "LOG_LEVEL",
	 .live = true,
	 .doc = "What is logged: this and all that is more important. `trace` is `debug`."},
};

const struct option_table options_all = {rows, sizeof(rows) / sizeof(*rows), &options_prometheus};
