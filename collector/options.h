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
	uint32_t user; /* 0: policy's default */
	unsigned int may_lack; /* POLICY_BIT()s, see policy/report.h */
	bool no_sandbox, print_metrics, check_config, print_reference, version, help;
};

/* Returns 0, or -EINVAL after one line on standard error. */
int options_parse(struct options *o, int argc, char **argv);
void options_help(void);

#endif
