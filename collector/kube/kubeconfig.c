/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_MODULE "kube"
#include "kubeconfig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "../cleanup.h"
#include "../log.h"

struct config {
	struct kube_options *options;
	const char *path;
	yaml_document_t document;
};

static void cleanup_document(struct config *config)
{
	yaml_document_delete(&config->document);
}

static yaml_node_t *get(struct config *config, yaml_node_t *map, const char *key)
{
	yaml_node_pair_t *pair;

	if (!map || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(&config->document, pair->key);

		if (name && name->type == YAML_SCALAR_NODE &&
		    strcmp((const char *)name->data.scalar.value, key) == 0)
			return yaml_document_get_node(&config->document, pair->value);
	}
	return NULL;
}

/* Text of a scalar; NULL if absent or empty. libyaml ends it with NUL. */
static const char *get_text(struct config *config, yaml_node_t *map, const char *key)
{
	yaml_node_t *node = get(config, map, key);

	if (!node || node->type != YAML_SCALAR_NODE || node->data.scalar.length == 0)
		return NULL;
	return (const char *)node->data.scalar.value;
}

/* Of `list`, the element with this name: its mapping under `key`. */
static yaml_node_t *get_named(struct config *config, const char *list, const char *name,
			      const char *key)
{
	yaml_node_t *nodes = get(config, yaml_document_get_root_node(&config->document), list);
	yaml_node_item_t *item;

	if (!nodes || nodes->type != YAML_SEQUENCE_NODE)
		return NULL;
	for (item = nodes->data.sequence.items.start; item < nodes->data.sequence.items.top;
	     item++) {
		yaml_node_t *node = yaml_document_get_node(&config->document, *item);
		const char *text = get_text(config, node, "name");

		if (text && strcmp(text, name) == 0)
			return get(config, node, key);
	}
	return NULL;
}

static int digit_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? at - digits : -1;
}

/* RFC 4648 base64, with line breaks allowed. */
static int decode_base64(const char *text, char *out, size_t *n)
{
	unsigned bits = 0, have = 0;

	for (*n = 0; *text && *text != '='; text++) {
		int value = digit_value(*text);

		if (strchr(" \t\r\n", *text))
			continue;
		if (value < 0)
			return -EINVAL;
		bits = bits << 6 | value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[(*n)++] = bits >> have;
		}
	}
	return text[strspn(text, "= \t\r\n")] ? -EINVAL : 0;
}

static int set_from_base64(struct config *config, struct kube_secret *secret, const char *text,
			   const char *key)
{
	_cleanup_free_ char *bytes = malloc(strlen(text) + 1);
	size_t n;
	int ret;

	if (!bytes)
		return -ENOMEM;
	ret = decode_base64(text, bytes, &n);
	if (ret) {
		log_error("kubeconfig %s: %s is not base64; export the file anew", config->path,
			  key);
		return ret;
	}
	return kube_secret_set_data(secret, bytes, n);
}

static int set_from_path(struct config *config, struct kube_secret *secret, const char *text)
{
	const char *slash = strrchr(config->path, '/');
	_cleanup_free_ char *path = NULL;

	if (*text == '/' || !slash)
		return kube_secret_set_path(secret, text);
	if (asprintf(&path, "%.*s/%s", (int)(slash - config->path), config->path, text) < 0)
		return -ENOMEM;
	return kube_secret_set_path(secret, path);
}

/* `<name>-data` wins over `<name>`, as in kubectl. */
static int set_secret(struct config *config, yaml_node_t *map, struct kube_secret *secret,
		      const char *path_key, const char *data_key)
{
	const char *data = get_text(config, map, data_key), *path = get_text(config, map, path_key);

	if (data)
		return set_from_base64(config, secret, data, data_key);
	return path ? set_from_path(config, secret, path) : 0;
}

static int refuse(struct config *config, yaml_node_t *map)
{
	static const struct {
		const char *key, *why;
	} refused[] = {
		{"exec", "runs a program, which the sandbox forbids: use token, tokenFile or a "
			 "client certificate"},
		{"auth-provider", "runs a login flow, which is not supported: use token, tokenFile "
				  "or a client certificate"},
		{"username", "passwords are not supported: use token, tokenFile or a client "
			     "certificate"},
		{"as", "impersonation is not supported: name a user who may list pods himself"},
		{"proxy-url", "proxies are not supported: give an address that can be reached"},
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		if (!get(config, map, refused[i].key))
			continue;
		log_error("kubeconfig %s: %s: %s", config->path, refused[i].key, refused[i].why);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int missing(struct config *config, const char *what, const char *name)
{
	char text[128];

	log_error("kubeconfig %s: no %s %s; see kubectl config view", config->path, what,
		  log_text(slice_of(name), text, sizeof(text)));
	return -EINVAL;
}

static int take_cluster(struct config *config, yaml_node_t *cluster, const char *name)
{
	const char *server = get_text(config, cluster, "server");
	const char *tls_name = get_text(config, cluster, "tls-server-name");
	const char *insecure = get_text(config, cluster, "insecure-skip-tls-verify");
	struct kube_options *options = config->options;
	int ret;

	if (!server)
		return missing(config, "server in cluster", name);
	ret = refuse(config, cluster);
	if (ret)
		return ret;
	ret = kube_options_set_server(options, server);
	if (ret == -EINVAL)
		return missing(config, "https://host:port as server in cluster", name);
	if (ret)
		return ret;
	options->insecure = insecure && strcmp(insecure, "true") == 0;
	if (tls_name) {
		options->tls_server_name = strdup(tls_name);
		if (!options->tls_server_name)
			return -ENOMEM;
	}
	return set_secret(config, cluster, &options->ca, "certificate-authority",
			  "certificate-authority-data");
}

static int take_user(struct config *config, yaml_node_t *user)
{
	const char *token = get_text(config, user, "token");
	const char *token_file = get_text(config, user, "tokenFile");
	struct kube_options *options = config->options;
	int ret = refuse(config, user);

	/* tokenFile wins over token, as in client-go: it is the one that is rotated. */
	if (!ret && token_file)
		ret = set_from_path(config, &options->token, token_file);
	else if (!ret && token)
		ret = kube_secret_set_data(&options->token, token, strlen(token));
	if (!ret)
		ret = set_secret(config, user, &options->cert, "client-certificate",
				 "client-certificate-data");
	if (!ret)
		ret = set_secret(config, user, &options->key, "client-key", "client-key-data");
	return ret;
}

static int take_context(struct config *config)
{
	yaml_node_t *root = yaml_document_get_root_node(&config->document);
	const char *name = get_text(config, root, "current-context");
	const char *cluster_name, *user_name;
	yaml_node_t *context, *cluster, *user;
	int ret;

	if (!name)
		return missing(config, "current-context", "");
	context = get_named(config, "contexts", name, "context");
	if (!context)
		return missing(config, "context", name);
	cluster_name = get_text(config, context, "cluster");
	cluster = cluster_name ? get_named(config, "clusters", cluster_name, "cluster") : NULL;
	if (!cluster)
		return missing(config, "cluster", cluster_name ? cluster_name : name);
	ret = take_cluster(config, cluster, cluster_name);
	if (ret)
		return ret;
	user_name = get_text(config, context, "user");
	if (!user_name)
		return 0;
	user = get_named(config, "users", user_name, "user");
	return user ? take_user(config, user) : missing(config, "user", user_name);
}

static int load(struct config *config, const char *text, size_t n)
{
	yaml_parser_t parser;
	int ret = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
	if (!yaml_parser_load(&parser, &config->document)) {
		log_error("kubeconfig %s line %zu: not YAML: %s", config->path,
			  parser.problem_mark.line + 1, parser.problem ? parser.problem : "");
		ret = -EINVAL;
	}
	yaml_parser_delete(&parser);
	return ret;
}

int kubeconfig_read(struct kube_options *options, const char *path)
{
	__attribute__((cleanup(cleanup_document))) struct config config = {.options = options,
									   .path = path};
	const struct kube_secret file = {.path = (char *)path};
	_cleanup_free_ char *text = NULL;
	size_t n;
	int ret = kube_secret_read(&file, &text, &n);

	if (ret) {
		log_error("kubeconfig %s cannot be read: %s; check the path and its mode", path,
			  strerror(-ret));
		return ret == -ENOENT ? -EINVAL : ret;
	}
	ret = load(&config, text, n);
	return ret ? ret : take_context(&config);
}
