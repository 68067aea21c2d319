# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A control plane of one node: Debian's etcd, kube-apiserver and kube-controller-manager of
# tests/kubernetes/build, containerd, and kubelet.py in place of the kubelet. Source it after
# tests/lib.sh, in network and mount namespaces of the test's own, with $programs set.
# shellcheck disable=SC2154,SC2034 # what is lib.sh's, and what the tests use

etcd_port=$(free_port) peer_port=$(free_port) api_port=$(free_port)
admin_token=$(< /proc/sys/kernel/random/uuid)
export HOME=$scratch/home # kubectl's cache
mkdir -p "$HOME" "$scratch/tls" "$scratch/kubelet"

kubectl=("$programs/kubectl" --kubeconfig "$scratch/admin.conf")
kubectl() {
	"${kubectl[@]}" "$@"
}

# The API server's authority and certificate, and the key that signs service accounts' tokens.
make_certificates() (
	cd "$scratch/tls" || exit
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test \
		-keyout ca.key -out ca.crt
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=kube-apiserver \
		-keyout api.key -out api.csr
	openssl x509 -req -in api.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out api.crt \
		-extfile <(echo subjectAltName=IP:127.0.0.1)
	openssl genrsa -out accounts.key 2048
) 2> /dev/null

start_etcd() {
	start "$scratch/etcd.log" etcd --data-dir "$scratch/etcd" --listen-peer-urls "http://127.0.0.1:$peer_port" \
		--listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port"
	wait_for 20 listening "$etcd_port"
}

api_ready() {
	curl -sf --cacert "$scratch/tls/ca.crt" "https://127.0.0.1:$api_port/readyz" -o /dev/null
}

start_api() {
	start "$scratch/apiserver.log" "$programs/kube-apiserver" --etcd-servers "http://127.0.0.1:$etcd_port" \
		--bind-address 127.0.0.1 --secure-port "$api_port" --advertise-address 10.88.0.1 \
		--endpoint-reconciler-type none --service-cluster-ip-range 10.96.0.0/24 \
		--tls-cert-file "$scratch/tls/api.crt" --tls-private-key-file "$scratch/tls/api.key" \
		--authorization-mode RBAC --token-auth-file "$scratch/tokens" --anonymous-auth \
		--service-account-key-file "$scratch/tls/accounts.key" \
		--service-account-signing-key-file "$scratch/tls/accounts.key" \
		--service-account-issuer https://kubernetes.default.svc \
		--audit-policy-file "$scratch/audit.yaml" --audit-log-path "$scratch/audit.log"
	echo "$started" > "$scratch/api.pid" # whoever calls may be a $(…)
	disown "$started"                    # with a watch open it ends by force, of which bash would tell
	wait_for 90 api_ready
}

restart_api() {
	stop "$(< "$scratch/api.pid")" && start_api
}

start_controllers() {
	# Without heartbeats, of which kubelet.py has none, the node's own would take its pods away.
	start "$scratch/controllers.log" "$programs/kube-controller-manager" --kubeconfig "$scratch/admin.conf" \
		--controllers '*,-nodelifecycle' --leader-elect=false --bind-address 127.0.0.1 --port 0 \
		--secure-port "$(free_port)" --cert-dir "$scratch/tls" --root-ca-file "$scratch/tls/ca.crt" \
		--service-account-private-key-file "$scratch/tls/accounts.key"
}

start_containerd() {
	cat > "$scratch/containerd.toml" <<-TOML
		version = 2
		root = "$scratch/containerd"
		state = "/run/containerd"
		disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
	TOML
	start "$scratch/containerd.log" containerd --config "$scratch/containerd.toml"
	wait_for 20 ctr version
}

start_kubelet() {
	mkdir -p "$scratch/root/"{bin,proc,dev,sys,tmp}
	cp "$(command -v busybox)" "$scratch/root/bin/busybox"
	chroot "$scratch/root" /bin/busybox --install -s /bin
	start "$scratch/kubelet.log" /usr/bin/python3 "$here/kubelet.py" --node n1 --port "$api_port" \
		--ca "$scratch/tls/ca.crt" --token "$admin_token" --root "$scratch/root" --dir "$scratch/kubelet"
	kubelet_pid=$started
}

start_cluster() {
	make_certificates
	echo "$admin_token,admin,admin,system:masters" > "$scratch/tokens"
	# The account's requests are told by user and by name; the others are of no interest.
	cat > "$scratch/audit.yaml" <<-YAML
		apiVersion: audit.k8s.io/v1
		kind: Policy
		rules:
		  - {level: None, users: [admin, "system:apiserver"]}
		  - {level: Metadata}
	YAML
	cat > "$scratch/admin.conf" <<-YAML
		apiVersion: v1
		kind: Config
		current-context: test
		contexts: [{name: test, context: {cluster: test, user: admin}}]
		clusters: [{name: test, cluster: {server: "https://127.0.0.1:$api_port", certificate-authority: $scratch/tls/ca.crt}}]
		users: [{name: admin, user: {token: $admin_token}}]
	YAML
	start_etcd && start_api && start_controllers && start_containerd
}

# A token of Keyhole's account, which lives as long as the secret of that name.
new_token() { # SECRET
	kubectl -n keyhole create secret generic "$1" > /dev/null
	kubectl create --raw /api/v1/namespaces/keyhole/serviceaccounts/keyhole/token -f - <<-JSON | jq -r .status.token
		{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": null,
		"expirationSeconds": 3600, "boundObjectRef": {"apiVersion": "v1", "kind": "Secret", "name": "$1"}}}
	JSON
}
