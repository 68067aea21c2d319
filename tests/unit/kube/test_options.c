/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/kube/options.h"
#include "collector/log.h"

static char dir[] = "/tmp/keyhole-kube-XXXXXX";
static struct kube_options options;

static const char *write_file(const char *name, const char *text)
{
	static char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static int clear(void **state)
{
	kube_options_free(&options);
	unsetenv("KUBERNETES_SERVICE_HOST");
	unsetenv("KUBERNETES_SERVICE_PORT");
	unsetenv("KUBECONFIG");
	unsetenv("K8S_NODE_NAME");
	setenv("NODE_NAME", "node-1", 1);
	return 0;
}

static int discover(const char *kubeconfig_text)
{
	kube_options_free(&options);
	return kube_options_discover(&options, write_file("config", kubeconfig_text), NULL, NULL);
}

#define CONTEXT                                                                                    \
	"current-context: dev\n"                                                                   \
	"contexts:\n"                                                                              \
	"- name: other\n  context: {cluster: no, user: no}\n"                                      \
	"- name: dev\n  context: {cluster: c1, user: u1}\n"

static void a_server_url_is_taken_apart(void **state)
{
	assert_int_equal(kube_options_set_server(&options, "https://api.example:6443/"), 0);
	assert_string_equal(options.host, "api.example");
	assert_int_equal(options.port, 6443);
	assert_true(options.tls);
	assert_true(kube_options_needs_dns(&options));
	assert_string_equal(options.base, "https://api.example:6443");
	assert_int_equal(kube_options_set_server(&options, "http://127.0.0.1/k8s/clusters/c1"), 0);
	assert_int_equal(options.port, 80);
	assert_false(options.tls);
	assert_false(kube_options_needs_dns(&options));
	assert_string_equal(options.base, "http://127.0.0.1:80/k8s/clusters/c1");
	assert_int_equal(kube_options_set_server(&options, "https://[fd00::1]:6443"), 0);
	assert_string_equal(options.host, "fd00::1");
	assert_string_equal(options.base, "https://[fd00::1]:6443");
}

static void a_bad_server_url_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"api:6443",
		"ftp://x",
		"https://",
		"https://x:0",
		"https://x:65536",
		"https://x:12ab",
		"https://user@x",
		"https://[fd00::1",
		"https://[]:1",
		"https://x/a?b=c",
		"https://x:",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int ret = kube_options_set_server(&options, bad[i]);

		if (ret != -EINVAL)
			fail_msg("%s: %d", bad[i], ret);
	}
}

static void without_a_cluster_there_is_nothing_to_discover(void **state)
{
	assert_int_equal(kube_options_discover(&options, NULL, NULL, dir), -ENOENT);
}

static void a_pod_finds_the_api_by_environment_and_service_account(void **state)
{
	const char *paths[KUBE_PATHS_MAX];

	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	assert_int_equal(kube_options_discover(&options, NULL, NULL, "/acc"), 0);
	assert_string_equal(options.base, "https://[fd00::1]:443");
	assert_string_equal(options.token.path, "/acc/token");
	assert_string_equal(options.ca.path, "/acc/ca.crt");
	assert_string_equal(options.node, "node-1");
	assert_false(options.insecure);
	assert_int_equal(kube_options_paths(&options, paths, KUBE_PATHS_MAX), 1);
	assert_string_equal(paths[0], "/acc");
	assert_int_equal(kube_options_paths(&options, paths, 0), -ENOSPC);
}

static void the_node_comes_from_the_option_the_environment_or_the_host(void **state)
{
	char host[256];

	setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	assert_int_equal(kube_options_discover(&options, NULL, "mine", NULL), 0);
	assert_string_equal(options.node, "mine");
	kube_options_free(&options);
	unsetenv("NODE_NAME");
	setenv("K8S_NODE_NAME", "other", 1);
	assert_int_equal(kube_options_discover(&options, NULL, NULL, NULL), 0);
	assert_string_equal(options.node, "other");
	kube_options_free(&options);
	unsetenv("K8S_NODE_NAME");
	gethostname(host, sizeof(host));
	assert_int_equal(kube_options_discover(&options, NULL, NULL, NULL), 0);
	assert_string_equal(options.node, host);
	kube_options_free(&options);
	assert_int_equal(kube_options_discover(&options, NULL, "*", NULL), 0);
	assert_null(options.node);
}

static void a_kubeconfig_gives_the_current_contexts_cluster_and_user(void **state)
{
	char expected[256];

	assert_int_equal(discover(CONTEXT "clusters:\n"
					  "- name: no\n  cluster: {server: 'https://wrong'}\n"
					  "- cluster:\n"
					  "    server: https://api.example:6443\n"
					  "    certificate-authority: pki/ca.crt\n"
					  "    tls-server-name: kubernetes\n"
					  "  name: c1\n"
					  "users:\n"
					  "- name: u1\n"
					  "  user:\n"
					  "    tokenFile: /run/token\n"
					  "    token: ignored\n"
					  "    client-certificate-data: aGVsbG8=\n"
					  "    client-key: key.pem\n"),
			 0);
	assert_string_equal(options.base, "https://api.example:6443");
	assert_string_equal(options.tls_server_name, "kubernetes");
	snprintf(expected, sizeof(expected), "%s/pki/ca.crt", dir);
	assert_string_equal(options.ca.path, expected);
	snprintf(expected, sizeof(expected), "%s/pki", dir);
	assert_string_equal(options.ca.dir, expected);
	assert_string_equal(options.token.path, "/run/token");
	assert_null(options.token.data);
	assert_string_equal(options.cert.data, "hello");
	assert_int_equal(options.cert.n, 5);
	snprintf(expected, sizeof(expected), "%s/key.pem", dir);
	assert_string_equal(options.key.path, expected);
}

static void kubeconfig_may_be_json_and_come_from_the_environment(void **state)
{
	setenv("KUBECONFIG",
	       write_file("json", "{\"current-context\":\"a\",\"contexts\":[{\"name\":\"a\","
				  "\"context\":{\"cluster\":\"c\"}}],\"clusters\":[{\"name\":\"c\","
				  "\"cluster\":{\"server\":\"http://localhost:8001\","
				  "\"insecure-skip-tls-verify\":true}}]}"),
	       1);
	assert_int_equal(kube_options_discover(&options, NULL, NULL, NULL), 0);
	assert_string_equal(options.host, "localhost");
	assert_true(options.insecure);
	assert_null(options.token.path);
}

static int with_user(const char *user)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 CONTEXT "clusters: [{name: c1, cluster: {server: 'https://x'}}]\n"
			 "users:\n- name: u1\n  user: %s\n",
		 user);
	return discover(text);
}

static void what_the_sandbox_forbids_is_refused(void **state)
{
	assert_int_equal(with_user("{exec: {command: aws}}"), -EOPNOTSUPP);
	assert_int_equal(with_user("{auth-provider: {name: gcp}}"), -EOPNOTSUPP);
	assert_int_equal(with_user("{username: a, password: b}"), -EOPNOTSUPP);
	assert_int_equal(with_user("{token: t, as: admin}"), -EOPNOTSUPP);
	assert_int_equal(with_user("{token: t}"), 0);
	assert_string_equal(options.token.data, "t");
	assert_int_equal(discover(CONTEXT "clusters: [{name: c1, cluster: {server: 'https://x', "
					  "proxy-url: 'http://p'}}]\n"),
			 -EOPNOTSUPP);
}

static void a_broken_kubeconfig_is_an_error(void **state)
{
	assert_int_equal(discover(""), -EINVAL);
	assert_int_equal(discover("a: [b"), -EINVAL);
	assert_int_equal(discover("- 1\n"), -EINVAL);
	assert_int_equal(discover("current-context: x\n"), -EINVAL);
	assert_int_equal(discover(CONTEXT), -EINVAL);
	assert_int_equal(discover(CONTEXT "clusters: [{name: c1, cluster: {server: nonsense}}]\n"),
			 -EINVAL);
	assert_int_equal(with_user("{client-key-data: '@@@'}"), -EINVAL);
	assert_int_equal(kube_options_discover(&options, "/does/not/exist", NULL, NULL), -EINVAL);
}

static void a_kubelet_gets_the_accounts_token_by_https_alone(void **state)
{
	struct kube_kubelet kubelet = {.url = "https://[fd00::7]:10250", .poll_ms = 10000};
	const char *paths[KUBE_PATHS_MAX];

	assert_int_equal(kube_options_kubelet(&options, &kubelet, "n1", "/account"), 0);
	assert_string_equal(options.host, "fd00::7");
	assert_int_equal(options.port, 10250);
	assert_int_equal(options.poll_ms, 10000);
	assert_string_equal(options.token.path, "/account/token");
	assert_string_equal(options.ca.path, "/account/ca.crt");
	assert_string_equal(options.node, "n1");
	assert_false(options.insecure);
	kube_options_free(&options);

	kubelet.ca_file = "/kubelet/pki/ca.crt";
	kubelet.insecure = true;
	assert_int_equal(kube_options_kubelet(&options, &kubelet, "n1", "/account"), 0);
	assert_string_equal(options.ca.path, "/kubelet/pki/ca.crt");
	assert_true(options.insecure);
	assert_int_equal(kube_options_paths(&options, paths, KUBE_PATHS_MAX), 2);
	assert_string_equal(paths[1], "/kubelet/pki");
	kube_options_free(&options);

	kubelet.url = "http://127.0.0.1:10255";
	assert_int_equal(kube_options_kubelet(&options, &kubelet, "n1", "/account"), -EINVAL);
	kubelet.url = "127.0.0.1:10250";
	assert_int_equal(kube_options_kubelet(&options, &kubelet, "n1", "/account"), -EINVAL);
}

static void secrets_are_read_anew_and_bounded(void **state)
{
	struct kube_secret secret = {0};
	char *text = NULL, *big;
	size_t n;

	assert_int_equal(kube_secret_read(&secret, &text, &n), -ENOENT);
	assert_int_equal(kube_secret_set_path(&secret, write_file("token", "one")), 0);
	assert_int_equal(kube_secret_read(&secret, &text, &n), 0);
	assert_string_equal(text, "one");
	free(text);
	write_file("token", "second");
	assert_int_equal(kube_secret_read(&secret, &text, &n), 0);
	assert_string_equal(text, "second");
	assert_int_equal(n, 6);
	free(text);
	big = malloc(KUBE_SECRET_MAX + 2);
	memset(big, 'x', KUBE_SECRET_MAX + 1);
	big[KUBE_SECRET_MAX + 1] = 0;
	write_file("token", big);
	assert_int_equal(kube_secret_read(&secret, &text, &n), -EFBIG);
	free(big);
	unlink(secret.path);
	assert_int_equal(kube_secret_read(&secret, &text, &n), -ENOENT);
	free(secret.path);
	free(secret.dir);
}

static int make_dir(void **state)
{
	log_set_level(LOG_LEVEL_ERROR);
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = {"config", "json", "token"};
	char path[256];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, clear, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server_url_is_taken_apart),
		TEST(a_bad_server_url_is_refused),
		TEST(without_a_cluster_there_is_nothing_to_discover),
		TEST(a_pod_finds_the_api_by_environment_and_service_account),
		TEST(the_node_comes_from_the_option_the_environment_or_the_host),
		TEST(a_kubeconfig_gives_the_current_contexts_cluster_and_user),
		TEST(kubeconfig_may_be_json_and_come_from_the_environment),
		TEST(what_the_sandbox_forbids_is_refused),
		TEST(a_broken_kubeconfig_is_an_error),
		TEST(a_kubelet_gets_the_accounts_token_by_https_alone),
		TEST(secrets_are_read_anew_and_bounded),
	};

	return cmocka_run_group_tests_name("kube options", tests, make_dir, remove_dir);
}
