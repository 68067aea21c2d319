/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each line is built on the stack and written with one write(2), so that lines of two threads
 * never mix. Nothing here takes a lock or reads a file (gmtime_r() would, for the time zone).
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX 1024 /* bytes of one line, newline included; longer ones end in "..." */

static _Atomic int log_level = LOG_LEVEL_INFO;
static _Atomic int log_format = LOG_TEXT;

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_level, level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return atomic_load_explicit(&log_level, memory_order_relaxed);
}

void log_set_format(enum log_format format)
{
	atomic_store_explicit(&log_format, format, memory_order_relaxed);
}

static bool is_word(struct slice text, const char *word)
{
	return text.n == strlen(word) && strncasecmp(text.p, word, text.n) == 0;
}

int log_level_parse(struct slice text, enum log_level *level)
{
	for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
		if (is_word(text, level_names[i])) {
			*level = i;
			return 0;
		}
	}
	if (is_word(text, "warning")) {
		*level = LOG_LEVEL_WARN;
		return 0;
	}
	return -EINVAL;
}

/* Proleptic Gregorian date of a day counted from 1970-01-01; years begin in March meanwhile. */
static void civil_date(long days, int *year, int *month, int *day)
{
	long z = days + 719468; /* days from 0000-03-01 */
	long era = z / 146097;  /* of 400 years */
	long doe = z - era * 146097;
	long yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	long doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	long mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

static int put_time(char *buf, size_t size)
{
	struct timespec now;
	int year, month, day;
	long secs;

	clock_gettime(CLOCK_REALTIME, &now);
	secs = now.tv_sec % 86400;
	civil_date(now.tv_sec / 86400, &year, &month, &day);
	return snprintf(buf, size, "%04d-%02d-%02dT%02ld:%02ld:%02ld.%03ldZ", year, month, day,
			secs / 3600, secs / 60 % 60, secs % 60, now.tv_nsec / 1000000);
}

/* A line stays one line and a terminal stays sane even where a caller forgot log_text(). */
static void blunt_controls(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			p[i] = '?';
	}
}

/* `message` into line[n..size), cut with "..." where it is too long; returns the new end. */
static size_t put_text(char *line, size_t n, size_t size, const char *message, size_t length)
{
	bool cut = length > size - n;
	size_t fits = cut ? size - n : length;

	memcpy(line + n, message, fits);
	n += fits;
	if (cut)
		memcpy(line + n - 3, "...", 3);
	return n;
}

/* Likewise inside a JSON string. What log_text() did not make ASCII might be no UTF-8. */
static size_t put_json(char *line, size_t n, size_t size, const char *message, size_t length)
{
	size_t i;

	for (i = 0; i < length && n + 2 + 3 <= size; i++) {
		if (message[i] == '"' || message[i] == '\\')
			line[n++] = '\\';
		line[n++] = (unsigned char)message[i] < 0x80 ? message[i] : '?';
	}
	if (i < length) {
		memcpy(line + n, "...", 3);
		n += 3;
	}
	return n;
}

static size_t put_line(char *line, size_t room, enum log_level level, const char *module,
		       const char *message, size_t length)
{
	bool json = atomic_load_explicit(&log_format, memory_order_relaxed) == LOG_JSON;
	size_t n = 0;

	if (json)
		n = (size_t)snprintf(line, room, "{\"time\":\"");
	n += (size_t)put_time(line + n, room - n);
	n += (size_t)snprintf(line + n, room - n,
			      json ? "\",\"level\":\"%s\",\"module\":\"%.80s\",\"message\":\""
				   : " %s %.80s: ",
			      level_names[level], module);
	if (!json)
		return put_text(line, n, room, message, length);
	n = put_json(line, n, room - 2, message, length);
	line[n++] = '"';
	line[n++] = '}';
	return n;
}

void log_write(enum log_level level, const char *module, const char *format, ...)
{
	int saved_errno = errno;
	char line[LOG_LINE_MAX], message[LOG_LINE_MAX];
	size_t n;
	va_list args;
	int put;

	if (level > log_get_level())
		return;
	va_start(args, format); /* the first, for %m */
	put = vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	n = put < 0 ? 0 : (size_t)put < sizeof(message) ? (size_t)put : sizeof(message) - 1;
	blunt_controls(message, n);
	n = put_line(line, sizeof(line) - 1, level, module, message, n);
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0) {
		/* Nowhere left to complain to. */
	}
	errno = saved_errno;
}

/* One byte as it is shown; returns how many characters were put (at most 4). */
static size_t escape_byte(unsigned char c, char out[4])
{
	static const char hex[] = "0123456789abcdef";

	if (c == '"' || c == '\\') {
		out[0] = '\\';
		out[1] = (char)c;
		return 2;
	}
	/* All that is not ASCII is shown as bytes: bidirectional controls deceive readers. */
	if (c >= 0x20 && c < 0x7f) {
		out[0] = (char)c;
		return 1;
	}
	out[0] = '\\';
	out[1] = 'x';
	out[2] = hex[c >> 4];
	out[3] = hex[c & 15];
	return 4;
}

const char *log_text(struct slice text, char *buf, size_t size)
{
	const size_t end = size - 2; /* a quote and a NUL */
	const size_t cut = end - 3;  /* and "..." if it does not fit */
	size_t n = 0, last_cut = 1, i;
	char esc[4];

	buf[n++] = '"';
	for (i = 0; i < text.n; i++) {
		size_t m = escape_byte((unsigned char)text.p[i], esc);

		if (n + m > end)
			break;
		memcpy(buf + n, esc, m);
		n += m;
		if (n <= cut)
			last_cut = n;
	}
	if (i < text.n) {
		memcpy(buf + last_cut, "...", 3);
		n = last_cut + 3;
	}
	buf[n++] = '"';
	buf[n] = '\0';
	return buf;
}
