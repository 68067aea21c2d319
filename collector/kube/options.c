/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_MODULE "kube"
#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../cleanup.h"
#include "../log.h"
#include "kubeconfig.h"

int kube_secret_set_path(struct kube_secret *secret, const char *path)
{
	const char *slash = strrchr(path, '/');

	free(secret->path);
	free(secret->dir);
	secret->path = strdup(path);
	if (!slash)
		secret->dir = strdup(".");
	else
		secret->dir = strndup(path, slash == path ? 1 : slash - path);
	return secret->path && secret->dir ? 0 : -ENOMEM;
}

int kube_secret_set_data(struct kube_secret *secret, const char *data, size_t n)
{
	char *copy = malloc(n + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, n);
	copy[n] = 0;
	free(secret->data);
	secret->data = copy;
	secret->n = n;
	return 0;
}

static void secret_free(struct kube_secret *secret)
{
	free(secret->path);
	free(secret->dir);
	if (secret->data)
		explicit_bzero(secret->data, secret->n);
	free(secret->data);
	*secret = (struct kube_secret){0};
}

/* The file's size is asked only as a hint; what is read counts. */
static int read_all(int fd, char *buf, size_t size, size_t *n)
{
	ssize_t got;

	for (*n = 0; *n < size; *n += got) {
		got = read(fd, buf + *n, size - *n);
		if (got < 0 && errno == EINTR)
			got = 0;
		else if (got < 0)
			return -errno;
		else if (got == 0)
			return 0;
	}
	return -EFBIG;
}

static int read_file(const char *path, char **out, size_t *n)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *buf = NULL;
	char *fit;
	int ret;

	if (fd < 0)
		return -errno;
	buf = malloc(KUBE_SECRET_MAX + 1);
	if (!buf)
		return -ENOMEM;
	ret = read_all(fd, buf, KUBE_SECRET_MAX + 1, n);
	if (ret)
		return ret;
	buf[*n] = 0;
	fit = realloc(buf, *n + 1);
	*out = fit ? fit : buf;
	buf = NULL;
	return 0;
}

int kube_secret_read(const struct kube_secret *secret, char **out, size_t *n)
{
	struct kube_secret copy = {0};
	int ret;

	if (secret->path)
		return read_file(secret->path, out, n);
	if (!secret->data)
		return -ENOENT;
	ret = kube_secret_set_data(&copy, secret->data, secret->n);
	*out = copy.data;
	*n = copy.n;
	return ret;
}

static bool is_ipv6(const char *host)
{
	struct in6_addr addr;

	return inet_pton(AF_INET6, host, &addr) == 1;
}

bool kube_options_needs_dns(const struct kube_options *options)
{
	struct in_addr addr;

	return !is_ipv6(options->host) && inet_pton(AF_INET, options->host, &addr) != 1;
}

/* Splits "host", "host:port", "[v6]" or "[v6]:port" of `n` bytes. */
static int split_authority(const char *text, size_t n, char **host, unsigned *port)
{
	const char *end = text + n, *host_end, *p;

	if (*text == '[') {
		text++;
		host_end = memchr(text, ']', end - text);
		p = host_end ? host_end + 1 : NULL;
	} else {
		host_end = memchr(text, ':', n);
		if (!host_end)
			host_end = end;
		p = host_end;
	}
	if (!p || host_end == text || (p < end && *p != ':') || memchr(text, '@', end - text))
		return -EINVAL;
	if (p < end) {
		for (*port = 0, p++; p < end && *p >= '0' && *p <= '9' && *port < 65536; p++)
			*port = *port * 10 + (*p - '0');
		if (p < end || *port == 0 || *port > 65535)
			return -EINVAL;
	}
	*host = strndup(text, host_end - text);
	return *host ? 0 : -ENOMEM;
}

int kube_options_set_server(struct kube_options *options, const char *url)
{
	bool tls = strncmp(url, "https://", 8) == 0;
	_cleanup_free_ char *host = NULL;
	const char *authority, *prefix;
	unsigned port = tls ? 443 : 80;
	size_t prefix_n;
	char *base;
	int ret;

	if (!tls && strncmp(url, "http://", 7) != 0)
		return -EINVAL;
	authority = url + (tls ? 8 : 7);
	prefix = authority + strcspn(authority, "/?#");
	prefix_n = strlen(prefix);
	if (strpbrk(prefix, "?# \t\r\n"))
		return -EINVAL;
	ret = split_authority(authority, prefix - authority, &host, &port);
	if (ret)
		return ret;
	while (prefix_n && prefix[prefix_n - 1] == '/')
		prefix_n--;
	if (asprintf(&base, is_ipv6(host) ? "%s://[%s]:%u%.*s" : "%s://%s:%u%.*s",
		     tls ? "https" : "http", host, port, (int)prefix_n, prefix) < 0)
		return -ENOMEM;
	free(options->base);
	free(options->host);
	options->base = base;
	options->host = take_ptr(host);
	options->port = port;
	options->tls = tls;
	return 0;
}

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static int find_in_cluster(struct kube_options *options, const char *dir)
{
	const char *host = env("KUBERNETES_SERVICE_HOST"), *port = env("KUBERNETES_SERVICE_PORT");
	_cleanup_free_ char *url = NULL, *ca = NULL, *token = NULL;
	int ret;

	if (!host || !port)
		return -ENOENT;
	if (asprintf(&url, is_ipv6(host) ? "https://[%s]:%s" : "https://%s:%s", host, port) < 0 ||
	    asprintf(&ca, "%s/ca.crt", dir) < 0 || asprintf(&token, "%s/token", dir) < 0)
		return -ENOMEM;
	ret = kube_options_set_server(options, url);
	if (ret) {
		log_error("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT do not make an "
			  "address; unset both to run without Kubernetes");
		return ret;
	}
	ret = kube_secret_set_path(&options->ca, ca);
	return ret ? ret : kube_secret_set_path(&options->token, token);
}

static int find_node(struct kube_options *options, const char *node)
{
	char hostname[HOST_NAME_MAX + 1] = "";

	if (!node || !*node)
		node = env("NODE_NAME");
	if (!node)
		node = env("K8S_NODE_NAME");
	if (!node) {
		gethostname(hostname, sizeof(hostname) - 1);
		log_info("no node name given: taking the host's, %s; set NODE_NAME from "
			 "spec.nodeName if the node is called otherwise",
			 hostname);
		node = hostname;
	}
	if (strcmp(node, "*") == 0 || !*node)
		return 0;
	options->node = strdup(node);
	return options->node ? 0 : -ENOMEM;
}

int kube_options_discover(struct kube_options *options, const char *kubeconfig, const char *node,
			  const char *account_dir)
{
	int ret;

	*options = (struct kube_options){.keep = &kube_keep_default};
	if (!kubeconfig || !*kubeconfig)
		kubeconfig = env("KUBECONFIG");
	if (kubeconfig)
		ret = kubeconfig_read(options, kubeconfig);
	else
		ret = find_in_cluster(options,
				      account_dir ? account_dir : KUBE_SERVICE_ACCOUNT_DIR);
	if (!ret)
		ret = find_node(options, node);
	if (ret)
		kube_options_free(options);
	return ret;
}

static int set_kubelet_secrets(struct kube_options *options, const struct kube_kubelet *kubelet,
			       const char *dir)
{
	bool given = kubelet->ca_file && *kubelet->ca_file;
	_cleanup_free_ char *ca = NULL, *token = NULL;
	int ret;

	if (asprintf(&ca, "%s/ca.crt", dir) < 0 || asprintf(&token, "%s/token", dir) < 0)
		return -ENOMEM;
	ret = kube_secret_set_path(&options->token, token);
	return ret ? ret : kube_secret_set_path(&options->ca, given ? kubelet->ca_file : ca);
}

int kube_options_kubelet(struct kube_options *options, const struct kube_kubelet *kubelet,
			 const char *node, const char *account_dir)
{
	int ret;

	*options = (struct kube_options){.keep = &kube_keep_default};
	ret = kube_options_set_server(options, kubelet->url);
	if (!ret && !options->tls)
		ret = -EINVAL; /* it gets the token */
	if (ret == -EINVAL)
		log_error("the kubelet's address %s is not of the form https://address:10250",
			  kubelet->url);
	options->insecure = kubelet->insecure;
	options->poll_ms = kubelet->poll_ms;
	if (!ret)
		ret = set_kubelet_secrets(options, kubelet,
					  account_dir ? account_dir : KUBE_SERVICE_ACCOUNT_DIR);
	if (!ret)
		ret = find_node(options, node);
	if (ret)
		kube_options_free(options);
	return ret;
}

void kube_options_free(struct kube_options *options)
{
	free(options->host);
	free(options->base);
	free(options->node);
	free(options->tls_server_name);
	secret_free(&options->ca);
	secret_free(&options->token);
	secret_free(&options->cert);
	secret_free(&options->key);
	*options = (struct kube_options){.keep = &kube_keep_default};
}

struct paths {
	const char **list;
	size_t n, size;
	bool full;
};

static void add_path(struct paths *paths, const char *path)
{
	if (!path)
		return;
	for (size_t i = 0; i < paths->n; i++)
		if (strcmp(paths->list[i], path) == 0)
			return;
	if (paths->n == paths->size)
		paths->full = true;
	else
		paths->list[paths->n++] = path;
}

int kube_options_paths(const struct kube_options *options, const char *list[], size_t n)
{
	struct paths paths = {.list = list, .size = n};

	add_path(&paths, options->token.dir);
	add_path(&paths, options->ca.dir);
	add_path(&paths, options->cert.dir);
	add_path(&paths, options->key.dir);
	if (options->tls && !options->insecure && !options->ca.path && !options->ca.data)
		add_path(&paths, "/etc/ssl/certs");
	if (options->host && kube_options_needs_dns(options)) {
		add_path(&paths, "/etc/resolv.conf");
		add_path(&paths, "/etc/hosts");
		add_path(&paths, "/etc/nsswitch.conf");
		add_path(&paths, "/etc/host.conf");
		add_path(&paths, "/etc/gai.conf");
	}
	return paths.full ? -ENOSPC : (int)paths.n;
}
