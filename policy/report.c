/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const part_names[POLICY_PARTS_COUNT] = {
#define POLICY_X(e, name) [POLICY_##e] = name,
	POLICY_PARTS(POLICY_X)
#undef POLICY_X
};

const char *policy_part_name(enum policy_part part)
{
	return part < POLICY_PARTS_COUNT ? part_names[part] : "";
}

int policy_parts_parse(const char *names, unsigned int *parts)
{
	static const enum policy_part known[] = {POLICY_LANDLOCK, POLICY_SECCOMP};
	unsigned int found = 0;

	for (;;) {
		size_t n = strcspn(names, ","), i;

		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (strlen(part_names[known[i]]) == n &&
			    memcmp(part_names[known[i]], names, n) == 0)
				break;
		if (i == sizeof(known) / sizeof(known[0]))
			return -EINVAL;
		found |= POLICY_BIT(known[i]);
		if (!names[n])
			break;
		names += n + 1;
	}
	*parts |= found;
	return 0;
}

unsigned int policy_parts_on(const struct policy_report *report)
{
	unsigned int on = 0;

	for (int i = 0; i < POLICY_PARTS_COUNT; i++)
		if (report->part[i] == POLICY_ON)
			on |= POLICY_BIT(i);
	return on;
}

const char *policy_state_name(enum policy_state state)
{
	switch (state) {
	case POLICY_ON:
		return "on";
	case POLICY_UNAVAILABLE:
		return "unavailable";
	case POLICY_NOT_MEANT:
		return "none";
	case POLICY_OFF:
		break;
	}
	return "off";
}

/* Appends to the text in buf[size]; what does not fit is cut. */
static void add(char *buf, size_t size, const char *text)
{
	size_t used = strlen(buf);

	if (used + 1 < size)
		snprintf(buf + used, size - used, "%s", text);
}

/* "label: a b c" of the parts in a state, if there are any. */
static void add_parts(const struct policy_report *report, enum policy_state state,
		      const char *label, char *buf, size_t size)
{
	char abi[24] = "";

	for (int i = 0; i < POLICY_PARTS_COUNT; i++) {
		if (report->part[i] != state)
			continue;
		add(buf, size, label);
		add(buf, size, part_names[i]);
		if (i == POLICY_LANDLOCK && state == POLICY_ON) {
			snprintf(abi, sizeof(abi), "=%d", report->landlock_abi);
			add(buf, size, abi);
		}
		label = " ";
	}
}

const char *policy_report_line(const struct policy_report *report, char *buf, size_t size)
{
	if (size == 0)
		return buf;
	buf[0] = 0;
	add_parts(report, POLICY_ON, "on: ", buf, size);
	add_parts(report, POLICY_OFF, buf[0] ? "; off: " : "off: ", buf, size);
	add_parts(report, POLICY_UNAVAILABLE, buf[0] ? "; unavailable: " : "unavailable: ", buf,
		  size);
	if (report->note[0]) {
		add(buf, size, "; ");
		add(buf, size, report->note);
	}
	return buf;
}

void policy_note(struct policy_report *report, const char *format, ...)
{
	size_t used;
	va_list args;

	if (report->note[0])
		add(report->note, sizeof(report->note), "; ");
	used = strlen(report->note);
	va_start(args, format);
	vsnprintf(report->note + used, sizeof(report->note) - used, format, args);
	va_end(args);
}

int policy_fail(struct policy_report *report, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(report->error, sizeof(report->error), format, args);
	va_end(args);
	return err;
}
