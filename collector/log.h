/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per event on standard error: `time level module: message`, or the same as JSON. A
 * message says what failed, on what, why, and what to do about it. Bytes that a workload, the
 * network or the API chose are printed with log_text(), which escapes them. Safe from any thread;
 * no allocation.
 */
#ifndef KEYHOLE_LOG_H
#define KEYHOLE_LOG_H

#include "slice.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum log_format { LOG_TEXT, LOG_JSON };

/* LOG_TEXT at start; LOG_JSON is an object per line: time, level, module, message. */
void log_set_format(enum log_format format);

/* Least important level that is printed; LOG_LEVEL_INFO at start. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* "error", "warn"/"warning", "info", "debug" in any case. Returns 0, or -EINVAL. */
int log_level_parse(struct slice text, enum log_level *level);

void log_write(enum log_level level, const char *module, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A printable, quoted copy of hostile text, cut to fit; returns `buf`. Size >= 8. */
const char *log_text(struct slice text, char *buf, size_t size);

#define log_error(...) log_write(LOG_LEVEL_ERROR, LOG_MODULE, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, LOG_MODULE, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, LOG_MODULE, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, LOG_MODULE, __VA_ARGS__)

#endif
