/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubeconfig files, for use outside a cluster: the current context's cluster and user. Taken are
 * server, certificate-authority(-data), insecure-skip-tls-verify, tls-server-name, token,
 * tokenFile, client-certificate(-data), client-key(-data); relative paths are relative to the file.
 * Refused with one line are what runs a program (the sandbox forbids execve), proxies, passwords
 * and impersonation. The file is read once; the files it names are read for each request.
 */
#ifndef KEYHOLE_KUBE_KUBECONFIG_H
#define KEYHOLE_KUBE_KUBECONFIG_H

#include "options.h"

/*
 * Fills host, base, port, tls, insecure, tls_server_name and the secrets. Any failure is logged as
 * one line: -EINVAL (not YAML, or something missing), -EOPNOTSUPP (refused), -EFBIG, -ENOMEM, or
 * -errno of reading the file. Never -ENOENT without a line: -EINVAL stands for a missing file.
 */
int kubeconfig_read(struct kube_options *options, const char *path);

#endif
