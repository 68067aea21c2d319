/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's multi interface on the front thread's loop. Requests end in `done`, never inside one of
 * libcurl's own callbacks; the handle may be removed and another added from it.
 */
#ifndef KEYHOLE_CURL_LOOP_H
#define KEYHOLE_CURL_LOOP_H

#include "loop.h"

#include <curl/curl.h>
#include <stdbool.h>

#define CURL_HEAD_BYTES (64u << 10) /* of all heads and trailers of an answer */

struct curl_loop;

typedef void (*curl_loop_done_fn)(void *arg, CURL *easy, CURLcode code);

struct curl_loop *curl_loop_new(struct loop *loop, curl_loop_done_fn done, void *arg);
/* Handles are removed before. */
void curl_loop_free(struct curl_loop *curl);

/*
 * libcurl keeps every line of heads, those before the last too, and of trailers until the request
 * ends. For a CURLOPT_HEADERFUNCTION: counts the bytes that came; false: they are too many, and the
 * request is to be given up.
 */
bool curl_loop_head_fits(size_t *received, size_t more);

CURLM *curl_loop_multi(struct curl_loop *curl);

#endif
