/* SPDX-License-Identifier: Apache-2.0 */
/* The collector's command line. What is not here is in the configuration file. */
#ifndef KEYHOLE_OPTIONS_H
#define KEYHOLE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	const char *config; /* NULL: see config_path() */
	const char *socket; /* NULL: the configuration's */
	const char *record, *replay;
	uint32_t user;         /* 0: policy's default */
	unsigned int may_lack; /* POLICY_BIT()s, see policy/report.h */
	/* "" without a value, NULL where not given */
	const char *check_config; /* a file, instead of `config` */
	const char *help_config;  /* a key */
	bool no_sandbox, print_metrics, print_reference, print_schema, version, help;
};

/* Returns 0, or -EINVAL after one line on standard error. */
int options_parse(struct options *o, int argc, char **argv);
void options_help(void);

#endif
