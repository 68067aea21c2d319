/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One POST at a time to an OTLP receiver. Redirects, proxies and all protocols but http and https
 * are off; certificates are verified, their files read anew for each connection.
 */
#ifndef KEYHOLE_EXPORT_OTLP_POST_H
#define KEYHOLE_EXPORT_OTLP_POST_H

#include "../loop.h"
#include "../slice.h"
#include "otlp_options.h"

#define OTLP_TEXT_MAX 256

enum otlp_result {
	OTLP_ACCEPTED, /* also in part */
	OTLP_LATER,    /* 429, 502, 503, 504, no answer, or a web page in place of one */
	OTLP_REFUSED,  /* any other status: it would be refused again */
};

/* Text is hostile. */
struct otlp_answer {
	enum otlp_result result;
	long status; /* 0: no answer */
	unsigned int retry_after_s;
	int64_t rejected;         /* items, of a partial success */
	bool garbage;             /* status 200, but no answer of OTLP: taken as accepted */
	char text[OTLP_TEXT_MAX]; /* the receiver's message, or why; "": none */
};

typedef void (*otlp_answer_fn)(void *arg, const struct otlp_answer *answer);

struct otlp_post;

/* `options` live on. NULL: out of memory. */
struct otlp_post *otlp_post_new(struct loop *loop, const struct otlp_signal_options *options,
				otlp_answer_fn done, void *arg);
void otlp_post_free(struct otlp_post *post);

/*
 * `body`, compressed before if so configured, lives until `done`, which is called once. Returns 0,
 * -EBUSY or -ENOMEM (`done` is not called).
 */
int otlp_post_send(struct otlp_post *post, struct slice body);

/* Reads an answer's body: partial success and message. False: it is none. */
bool otlp_answer_read(struct otlp_answer *answer, struct slice body, bool json);

#endif
