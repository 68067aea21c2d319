/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/report.h"

enum kind { FLAG, TEXT, UID, PARTS };

static const struct option {
	const char *name;
	enum kind kind;
	size_t at;
	const char *doc;
} table[] = {
#define AT(field) offsetof(struct options, field)
	{"config", TEXT, AT(config), "configuration file; else KEYHOLE_CONFIG_PATH, else none"},
	{"socket", TEXT, AT(socket), "the loader's Unix socket; else keyhole.loader_socket"},
	{"user", UID, AT(user), "uid to become when started by uid 0 (65532)"},
	{"record", TEXT, AT(record), "write what comes from the loader to this tape"},
	{"replay", TEXT, AT(replay), "read a tape instead of the loader"},
	{"print-metrics", FLAG, AT(print_metrics), "with --replay: print the metrics and end"},
	{"check-config", FLAG, AT(check_config), "read the configuration and end: 0 it is fine"},
	{"print-config-reference", FLAG, AT(print_reference), "print all configuration keys"},
	{"allow-missing", PARTS, AT(may_lack),
	 "landlock, seccomp: go on where the kernel or the container refuses it"},
	{"no-sandbox", FLAG, AT(no_sandbox), "for debugging: no Landlock, no seccomp filter, and root stays root"},
	{"version", FLAG, AT(version), "print the version"},
	{"help", FLAG, AT(help), "print this"},
#undef AT
};

#define ROWS (sizeof(table) / sizeof(table[0]))

static const struct option *find(const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < ROWS; i++)
		if (strlen(table[i].name) == n && memcmp(table[i].name, name, n) == 0)
			return &table[i];
	return NULL;
}

static int set(struct options *o, const struct option *opt, const char *value)
{
	void *to = (char *)o + opt->at;
	unsigned long long n;
	char *end;

	switch (opt->kind) {
	case FLAG:
		*(bool *)to = true;
		return 0;
	case TEXT:
		*(const char **)to = value;
		return *value ? 0 : -EINVAL;
	case PARTS:
		return policy_parts_parse(value, to);
	case UID:
		errno = 0;
		n = strtoull(value, &end, 10);
		/* 0 would be no drop at all; the largest stands for "no uid" */
		if (*value < '0' || *value > '9' || *end || errno || n < 1 || n >= UINT32_MAX)
			return -EINVAL;
		*(uint32_t *)to = (uint32_t)n;
		return 0;
	}
	return -EINVAL;
}

int options_parse(struct options *o, int argc, char **argv)
{
	int a;

	memset(o, 0, sizeof(*o));
	for (a = 1; a < argc; a++) {
		const char *name = strncmp(argv[a], "--", 2) == 0 ? argv[a] + 2 : "";
		const char *value = strchr(name, '=');
		const struct option *opt =
			find(name, value ? (size_t)(value - name) : strlen(name));

		if (!opt) {
			fprintf(stderr, "keyhole-collector: %s: no such option; see --help\n",
				argv[a]);
			return -EINVAL;
		}
		if (opt->kind == FLAG ? value != NULL : !value && a + 1 == argc) {
			fprintf(stderr, "keyhole-collector: --%s: %s; see --help\n", opt->name,
				opt->kind == FLAG ? "takes no value" : "needs a value");
			return -EINVAL;
		}
		if (opt->kind != FLAG)
			value = value ? value + 1 : argv[++a];
		if (set(o, opt, value)) {
			fprintf(stderr, "keyhole-collector: --%s=%s: %s; see --help\n", opt->name,
				value,
				opt->kind == UID     ? "must be a uid from 1 to 4294967294"
				: opt->kind == PARTS ? POLICY_PARTS_WANTED
						     : "must not be empty");
			return -EINVAL;
		}
	}
	if (o->record && o->replay) {
		fprintf(stderr, "keyhole-collector: --record and --replay exclude each other\n");
		return -EINVAL;
	}
	if (o->print_metrics && !o->replay) {
		fprintf(stderr, "keyhole-collector: --print-metrics goes with --replay\n");
		return -EINVAL;
	}
	return 0;
}

void options_help(void)
{
	size_t i;

	puts("keyhole-collector: reads what keyhole-loader captures, names it in Kubernetes' words "
	     "and\n"
	     "exports it. Runs without any privilege.\n");
	for (i = 0; i < ROWS; i++) {
		char left[40];

		snprintf(left, sizeof(left), "--%s%s", table[i].name,
			 table[i].kind == FLAG ? "" : " VALUE");
		printf("  %-26s %s\n", left, table[i].doc);
	}
}
