/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the Kubernetes API is and how to speak to it: found inside a pod, or read from a
 * kubeconfig file. Read once, before the sandbox is entered.
 *
 * What the sandbox has to leave open afterwards:
 * - the directories that kube_options_paths() names (read). Directories, because a token is
 *   rotated by swapping a symbolic link to a new directory beside it: a rule on today's file would
 *   not cover tomorrow's;
 * - a TCP connection to `port` of `host` (the only one);
 * - if `host` is a name and not an address: DNS. libcurl resolves in a thread of its own (clone3,
 *   mmap, futex), and getaddrinfo() opens AF_NETLINK and UDP sockets to port 53;
 * - unusual system calls of libcurl and OpenSSL: socketpair or pipe2 and eventfd2 (wake-ups),
 *   getsockname, getpeername, getsockopt, setsockopt (TCP_NODELAY, TCP_KEEPIDLE, ...), getrandom,
 *   poll, ioctl(FIONBIO), sendto and recvfrom (as send and recv). No file is ever written.
 */
#ifndef KEYHOLE_KUBE_OPTIONS_H
#define KEYHOLE_KUBE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode.h"

#define KUBE_SECRET_MAX (1u << 20) /* bytes of a token, CA, certificate, key or kubeconfig */

#define KUBE_SERVICE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

/* A file that is read anew for each request, or bytes that were given inline, or neither. */
struct kube_secret {
	char *path; /* NULL: not from a file */
	char *dir;  /* of path */
	char *data; /* NULL: not given */
	size_t n;
};

struct kube_options {
	char *host;            /* name or address, IPv6 without brackets */
	char *base;            /* "https://host:port[/prefix]", no '/' at the end */
	char *node;            /* pods of this node; NULL: the pods of the whole cluster */
	char *tls_server_name; /* what the certificate must say; NULL: host */
	uint16_t port;
	bool tls;
	bool insecure;                           /* the certificate is not verified */
	struct kube_secret ca, token, cert, key; /* no CA: the system's */

	unsigned
		poll_ms; /* not 0: this is a kubelet, whose list is read each time so much passed */
	const struct kube_keep *keep; /* never NULL; not owned */
	size_t pods_max;
	/* For tests; 0 in any of them takes the default. */
	unsigned backoff_min_ms, backoff_max_ms; /* 500, 30000 */
	unsigned watch_min_s, watch_max_s;       /* 240, 480 */
	unsigned watch_grace_ms;                 /* 30000 beyond the watch's own end */
	unsigned list_limit;                     /* 250 objects a page */
	unsigned body_max;                       /* KUBE_BODY_MAX */
	bool no_stream;                          /* lists, also where streams are offered */
	unsigned list_idle_ms;                   /* 15000 without a byte of a list */
};

/*
 * Finds the API: the kubeconfig file if `kubeconfig` or else the environment variable KUBECONFIG
 * names one, else from inside a pod by KUBERNETES_SERVICE_HOST and _PORT and `account_dir`
 * (NULL: KUBE_SERVICE_ACCOUNT_DIR). The node is `node`, else NODE_NAME or K8S_NODE_NAME of the
 * environment, else the host's name; node "*" asks for all pods of the cluster.
 *
 * Returns 0 (free with kube_options_free()); -ENOENT: there is no cluster here, nothing is logged;
 * any other -errno: one line was logged.
 */
int kube_options_discover(struct kube_options *options, const char *kubeconfig, const char *node,
			  const char *account_dir);
void kube_options_free(struct kube_options *options);

/* The kubelet of this node, whose /pods can be read in place of the API. "" or NULL: not given. */
struct kube_kubelet {
	const char *url;     /* "https://address:10250" */
	const char *ca_file; /* that its certificate is verified by; not given: the account's */
	bool insecure;       /* its certificate is not verified */
	unsigned poll_ms;
};

/* As kube_options_discover(), with the account's token. Any failure is logged as one line. */
int kube_options_kubelet(struct kube_options *options, const struct kube_kubelet *kubelet,
			 const char *node, const char *account_dir);

/*
 * Takes "https://host[:port][/prefix]" apart, into host, port, tls and base. Returns 0 or -EINVAL.
 */
int kube_options_set_server(struct kube_options *options, const char *url);

/* Paths that must stay readable. Returns how many were stored, or -ENOSPC. */
#define KUBE_PATHS_MAX 16
int kube_options_paths(const struct kube_options *options, const char *paths[], size_t n);

/* True if `host` is a name, so that DNS is needed. */
bool kube_options_needs_dns(const struct kube_options *options);

/* Sets a secret from a file's path, or from bytes (copied). Returns 0 or -ENOMEM. */
int kube_secret_set_path(struct kube_secret *secret, const char *path);
int kube_secret_set_data(struct kube_secret *secret, const char *data, size_t n);

/*
 * The secret's bytes, read from its file or copied, NUL-terminated; the caller frees *out. The
 * descriptor is closed at once. -ENOENT if neither path nor data is set; -EFBIG; -errno of the
 * read.
 */
int kube_secret_read(const struct kube_secret *secret, char **out, size_t *n);

#endif
