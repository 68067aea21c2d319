/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's multi interface on the front thread's loop. Requests end in `done`, never inside one of
 * libcurl's own callbacks; the handle may be removed and another added from it.
 */
#ifndef KEYHOLE_CURL_LOOP_H
#define KEYHOLE_CURL_LOOP_H

#include "loop.h"

#include <curl/curl.h>

struct curl_loop;

typedef void (*curl_loop_done_fn)(void *arg, CURL *easy, CURLcode code);

struct curl_loop *curl_loop_new(struct loop *loop, curl_loop_done_fn done, void *arg);
/* Handles are removed before. */
void curl_loop_free(struct curl_loop *curl);

CURLM *curl_loop_multi(struct curl_loop *curl);

#endif
