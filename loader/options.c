/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/events.h"
#include "ipc/handover.h"
#include "policy/report.h"

enum kind { FLAG, TEXT, NUMBER, SIZE, BACKEND, PARTS };

/* A row: `min`..`max` bound NUMBER and SIZE; a SIZE must also be a multiple of `step`. */
static const struct option {
	const char *name;
	enum kind kind;
	size_t at;
	const char *value;
	uint64_t min, max, step;
	const char *doc;
} table[] = {
#define AT(field) offsetof(struct options, field)
	{"socket", TEXT, AT(socket), HANDOVER_SOCKET, 0, 0, 0,
	 "path of the Unix socket on which the collector asks"},
	{"peer-uid", NUMBER, AT(peer_uid), "65532", 0, UINT32_MAX - 1, 1,
	 "the only uid that is answered there"},
	{"backend", BACKEND, AT(backend), "auto", 0, 0, 0,
	 "auto, tracepoint (kernel 6.3) or fexit (BTF and trampolines)"},
	{"data-ring", SIZE, AT(data_ring), "4M", 64 << 10, 1 << 30, 0,
	 "bytes of the ring for exchanges, a power of two"},
	{"life-ring", SIZE, AT(life_ring), "256K", 64 << 10, 64 << 20, 0,
	 "bytes of the ring for identities, a power of two"},
	{"request-head", SIZE, AT(request_head), "512", KH_HEAD_MIN, KH_HEAD_MAX, 64,
	 "captured bytes of the start of a request"},
	{"response-head", SIZE, AT(response_head), "512", KH_HEAD_MIN, KH_HEAD_MAX, 64,
	 "captured bytes of the start of a response"},
	{"sockets", NUMBER, AT(sockets), "65536", 16, 1 << 24, 1,
	 "HTTP connections followed at once, about 1 KiB of kernel memory each"},
	{"streams", NUMBER, AT(streams), "65536", 16, 1 << 24, 1,
	 "other TCP connections followed at once, about 256 bytes of kernel memory each"},
	{"allow-missing", PARTS, AT(may_lack), NULL, 0, 0, 0,
	 "landlock, seccomp: go on where the kernel or the container refuses it"},
	{"no-sandbox", FLAG, AT(no_sandbox), NULL, 0, 0, 0,
	 "for debugging: keep no seccomp filter; capabilities are dropped all the same"},
	{"check", FLAG, AT(check), NULL, 0, 0, 0,
	 "report kernel, privileges and backends; exit 0 if it would run, else 1"},
	{"version", FLAG, AT(version), NULL, 0, 0, 0, "print the version"},
	{"help", FLAG, AT(help), NULL, 0, 0, 0, "print this"},
#undef AT
};

#define ROWS (sizeof(table) / sizeof(table[0]))

static int refuse(const struct option *opt, const char *value, const char *want)
{
	fprintf(stderr, "keyhole-loader: --%s=%s: %s; see --help\n", opt->name, value, want);
	return -EINVAL;
}

/* A decimal number with an optional K, M or G. */
static int number(const char *text, bool size, uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*out = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	if (size && *end) {
		const char *units = "KMG", *unit = strchr(units, *end);

		if (!unit || end[1] || *out > UINT64_MAX >> (10 * (unit - units + 1)))
			return -EINVAL;
		*out <<= 10 * (unit - units + 1);
		end++;
	}
	return *end ? -EINVAL : 0;
}

static int set_number(const struct option *opt, uint64_t *to, const char *value)
{
	char want[96];
	uint64_t n;

	snprintf(want, sizeof(want), "must be a number from %llu to %llu",
		 (unsigned long long)opt->min, (unsigned long long)opt->max);
	if (number(value, opt->kind == SIZE, &n) || n < opt->min || n > opt->max)
		return refuse(opt, value, want);
	if (opt->kind == SIZE && opt->step == 0 && (n & (n - 1)))
		return refuse(opt, value, "must be a power of two");
	if (opt->step && n % opt->step)
		return refuse(opt, value, "must be a multiple of 64");
	*to = n;
	return 0;
}

static int set_backend(const struct option *opt, enum backend_choice *to, const char *value)
{
	static const char *const names[] = {"auto", "tracepoint", "fexit"};
	size_t i;

	for (i = 0; i < 3; i++) {
		if (strcmp(value, names[i]) == 0) {
			*to = (enum backend_choice)i;
			return 0;
		}
	}
	return refuse(opt, value, "must be auto, tracepoint or fexit");
}

static int set(struct options *o, const struct option *opt, const char *value)
{
	void *to = (char *)o + opt->at;

	switch (opt->kind) {
	case FLAG:
		*(bool *)to = true;
		return 0;
	case TEXT:
		*(const char **)to = value;
		return *value ? 0 : refuse(opt, value, "must not be empty");
	case PARTS:
		return policy_parts_parse(value, to) ? refuse(opt, value, POLICY_PARTS_WANTED) : 0;
	case BACKEND:
		return set_backend(opt, to, value);
	case NUMBER:
	case SIZE:
		return set_number(opt, to, value);
	}
	return -EINVAL;
}

static const struct option *find(const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < ROWS; i++)
		if (strlen(table[i].name) == n && memcmp(table[i].name, name, n) == 0)
			return &table[i];
	return NULL;
}

int options_parse(struct options *o, int argc, char **argv)
{
	size_t i;
	int a, r;

	memset(o, 0, sizeof(*o));
	for (i = 0; i < ROWS; i++)
		if (table[i].value && (r = set(o, &table[i], table[i].value)))
			return r;
	for (a = 1; a < argc; a++) {
		const char *name = argv[a], *value;
		const struct option *opt;

		if (strncmp(name, "--", 2) != 0) {
			fprintf(stderr,
				"keyhole-loader: \"%s\": options begin with --; see --help\n",
				name);
			return -EINVAL;
		}
		name += 2;
		value = strchr(name, '=');
		opt = find(name, value ? (size_t)(value - name) : strlen(name));
		if (!opt) {
			fprintf(stderr, "keyhole-loader: --%s: no such option; see --help\n", name);
			return -EINVAL;
		}
		if (opt->kind == FLAG && value)
			return refuse(opt, value + 1, "takes no value");
		if (opt->kind != FLAG && !value && ++a == argc)
			return refuse(opt, "", "needs a value");
		if (opt->kind != FLAG)
			value = value ? value + 1 : argv[a];
		r = set(o, opt, value);
		if (r)
			return r;
	}
	return 0;
}

void options_help(void)
{
	size_t i;

	puts("keyhole-loader: loads and attaches Keyhole's BPF programs with CAP_BPF and "
	     "CAP_PERFMON,\n"
	     "drops both, and hands the descriptors to keyhole-collector over a Unix socket.\n");
	for (i = 0; i < ROWS; i++) {
		char left[32];

		snprintf(left, sizeof(left), "--%s%s", table[i].name,
			 table[i].kind == FLAG ? "" : " VALUE");
		printf("  %-22s %s%s%s%s\n", left, table[i].doc, table[i].value ? " [" : "",
		       table[i].value ? table[i].value : "", table[i].value ? "]" : "");
	}
}
