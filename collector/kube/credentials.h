/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are for the API server and whom we take for it: token, client certificate and CA, read
 * from their files for each request.
 */
#ifndef KEYHOLE_KUBE_CREDENTIALS_H
#define KEYHOLE_KUBE_CREDENTIALS_H

#include <curl/curl.h>

#include "http.h"

/*
 * The token becomes one of `headers` (wipe them after use). Returns 0, or -errno with a line in
 * `answer` that names the file, unless memory was short.
 */
int kube_credentials_set(CURL *easy, const struct kube_options *options,
			 struct curl_slist **headers, struct kube_http_answer *answer);

#endif
