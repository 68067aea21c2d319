/* SPDX-License-Identifier: Apache-2.0 */
#include "credentials.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../cleanup.h"

/* Reads a secret; a clear line in `answer` if that fails. Not set at all is no failure: *out NULL.
 */
static int read_secret(const struct kube_secret *secret, const char *what, const char *fix,
		       char **out, size_t *n, struct kube_http_answer *answer)
{
	int ret = 0;

	*out = NULL;
	if (secret->path || secret->data)
		ret = kube_secret_read(secret, out, n);
	if (!ret)
		return 0;
	answer->fault = ret == -ENOMEM ? KUBE_FAULT_MEMORY : KUBE_FAULT_SECRET;
	snprintf(answer->text, sizeof(answer->text), "cannot read the %s %s: %s; %s", what,
		 secret->path ? secret->path : "given", strerror(-ret), fix);
	return ret;
}

static int set_token(const struct kube_secret *secret, struct curl_slist **list,
		     struct kube_http_answer *answer)
{
	_cleanup_free_ char *token = NULL, *line = NULL;
	struct curl_slist *headers;
	size_t n = 0;
	int ret = read_secret(secret, "token",
			      "mount the service account's token (automountServiceAccountToken) "
			      "readable for this user",
			      &token, &n, answer);

	if (ret || !token)
		return ret;
	while (n && (token[n - 1] == '\n' || token[n - 1] == '\r' || token[n - 1] == ' '))
		n--;
	token[n] = 0;
	for (size_t i = 0; i < n && !ret; i++)
		if (token[i] <= ' ' || token[i] > '~')
			ret = -EBADMSG;
	if (ret || n == 0) {
		answer->fault = KUBE_FAULT_SECRET;
		snprintf(answer->text, sizeof(answer->text),
			 "the token %s is %s; write one token on one line",
			 secret->path ? secret->path : "given", n ? "not plain text" : "empty");
		return -EBADMSG;
	}
	if (asprintf(&line, "Authorization: Bearer %s", token) < 0)
		return -ENOMEM;
	headers = curl_slist_append(*list, line);
	explicit_bzero(token, n);
	explicit_bzero(line, strlen(line));
	if (!headers)
		return -ENOMEM;
	*list = headers;
	return 0;
}

static int set_blob(CURL *easy, CURLoption option, const struct kube_secret *secret,
		    const char *what, struct kube_http_answer *answer)
{
	struct curl_blob blob = {.flags = CURL_BLOB_COPY};
	_cleanup_free_ char *data = NULL;
	size_t n = 0;
	int ret = read_secret(secret, what, "check the path and its mode", &data, &n, answer);

	if (ret || !data)
		return ret;
	blob.data = data;
	blob.len = n;
	ret = curl_easy_setopt(easy, option, &blob) == CURLE_OK ? 0 : -ENOMEM;
	explicit_bzero(data, n);
	return ret;
}

static int set_tls(CURL *easy, const struct kube_options *options, struct kube_http_answer *answer)
{
	int ret;

	if (!options->tls)
		return 0;
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, options->insecure ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, options->insecure ? 0L : 2L);
	if (options->ca.path || options->ca.data) {
		/* Only this CA may vouch for the API server, not those of the system. */
		curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	ret = options->insecure ? 0
				: set_blob(easy, CURLOPT_CAINFO_BLOB, &options->ca, "CA", answer);
	if (!ret)
		ret = set_blob(easy, CURLOPT_SSLCERT_BLOB, &options->cert, "client certificate",
			       answer);
	if (!ret)
		ret = set_blob(easy, CURLOPT_SSLKEY_BLOB, &options->key, "client key", answer);
	return ret;
}

int kube_credentials_set(CURL *easy, const struct kube_options *options,
			 struct curl_slist **headers, struct kube_http_answer *answer)
{
	int ret = set_tls(easy, options, answer);

	return ret ? ret : set_token(&options->token, headers, answer);
}
