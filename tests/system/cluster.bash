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

# In a pod the account's directory is at a fixed path: it is put there for this process alone.
# shellcheck disable=SC2016 # for the inner shell
in_cluster() { # ADDRESS PORT NODE CMD...
	local address=$1 port=$2 node=$3
	shift 3
	become unshare --mount --propagation private sh -c '
		mount -t tmpfs -o mode=755 none /var/run &&
		mkdir -p /var/run/secrets/kubernetes.io/serviceaccount &&
		mount --bind "$0" /var/run/secrets/kubernetes.io/serviceaccount && exec "$@"' "$scratch/account" \
		env KUBERNETES_SERVICE_HOST="$address" KUBERNETES_SERVICE_PORT="$port" NODE_NAME="$node" "$@"
}
