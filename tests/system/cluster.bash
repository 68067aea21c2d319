# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Functions for the tests that give the collector a cluster (fake_apiserver.py): a service account
# as the kubelet mounts it, and a kubeconfig. Source it after tests/lib.sh.
# shellcheck disable=SC2154 # $scratch is lib.sh's

# As the kubelet renews it: another directory behind a link. As with fsGroup, the token is of the
# collector's group, and of nobody else. The API server's certificate is in $scratch/tls.
renew_account() { # TOKEN
	local dir
	dir=$(mktemp -d "$scratch/account/..XXXX")
	chmod 755 "$dir"
	cp "$scratch/tls/ca.crt" "$dir/ca.crt"
	printf %s "$1" > "$dir/token"
	chgrp 65532 "$dir/token"
	chmod 640 "$dir/token"
	chmod 644 "$dir/ca.crt"
	ln -sfn "$(basename "$dir")" "$scratch/account/..new"
	mv -T "$scratch/account/..new" "$scratch/account/..data"
}

make_account() { # TOKEN: in $scratch/account
	mkdir -m 755 "$scratch/account"
	renew_account "$1"
	ln -s ..data/token "$scratch/account/token"
	ln -s ..data/ca.crt "$scratch/account/ca.crt"
}

# $scratch/kubeconfig for an API server on this machine.
write_kubeconfig() { # PORT CA-FILE USER: what stands below `user`, on one line
	cat > "$scratch/kubeconfig" <<-YAML
		apiVersion: v1
		kind: Config
		current-context: test
		contexts: [{name: test, context: {cluster: test, user: test}}]
		clusters: [{name: test, cluster: {server: "https://127.0.0.1:$1", certificate-authority: $2}}]
		users: [{name: test, user: {$3}}]
	YAML
}
