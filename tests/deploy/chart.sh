#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The Helm chart, deploy/manifests and deploy/policies: what they render, and where that deviates
# from the Pod Security Standards. Prints the deviations. Needs no cluster.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
build=${KEYHOLE_BUILD:-$repo/build}
chart=$repo/deploy/helm/keyhole
export PYTHONDONTWRITEBYTECODE=1

helm() {
	"$here/helm" "$@"
}
if ! helm version > "$scratch/helm" 2>&1; then
	skip "the chart" "no Helm: $(tail -n 1 "$scratch/helm")"
	summary
	exit
fi
look() { # QUESTION FILE...
	/usr/bin/python3 "$here/look.py" "$@" || echo "look.py $1 failed"
}
deviations() { # LEVEL FILE
	/usr/bin/python3 "$here/pod_security.py" "$@" || true
}
render() { # OUT ARGUMENT...
	local out=$1
	shift
	helm template keyhole "$chart" --namespace keyhole "$@" > "$out" 2> "$scratch/said" || cat "$scratch/said" >&2
}

# ---- the chart itself ----

ok "helm lint --strict" helm lint --strict "$chart"
is "appVersion is the version of the build" \
	"$(sed -n 's/^appVersion: "\(.*\)"$/\1/p' "$chart/Chart.yaml")" \
	"$(sed -n "s/^\tversion: '\(.*\)',$/\1/p" "$repo/meson.build")"
for role in loader collector; do
	"$build/policy/keyhole-seccomp-profile" "$role" > "$scratch/$role.json"
	ok "files/$role.json is what policy/ emits" diff "$chart/files/$role.json" "$scratch/$role.json"
done

# A value that the chart does not know, at every level; and values of the wrong kind.
for typo in layuot=pod image.regsitry=x image.loader.digset=x loader.runAsRoot=true collector.extraArg=x \
	config.date=x rbac.service=true rbac.services=maybe seccompProfile.typ=x networkPolicy.enable=true tracePeers.enable=true tracePeers.port=0 tracePeers=null otlp.endpont=x otlp.endpoint=collector:4318 otlp.endpoint=ftp://x otlp=null otlp.ca=null otlp.headers.secret=x otlp.ca.key=a/b networkPolicy.apiServer.port=1 podMonitor.enable=true \
	split.csi.drvier=x serviceAccount.nam=x rbac.creat=true namespace.creat=true \
	podLabels.app\\.kubernetes\\.io/name=x commonLabels.helm\\.sh/chart=x config.data.prometheus_export.path=metrics \
	split.nodePath=/etc split.nodePath=/etc/keyhole split.nodePath=/run split.nodePath=/var/lib split.nodePath=/run/containerd \
	split.nodePath=/run/../etc split.nodePath=/run//x config.data.prometheus_export.path=$'/a\n      x: y' \
	image=null image.loader=null config=null networkPolicy.apiServer=null seccompProfile.localhost=null split.csi=null \
	layout=daemonset seccompProfile.type=Unconfined loader.runAsNonRoot=maybe loader.extraArgs[0]=fexit \
	image.loader.digest=sha256:12 split.socket=hostPath split.nodePath=run/keyhole serviceAccount.tokenExpirationSeconds=60; do
	refused "the schema refuses $typo" helm template keyhole "$chart" --set "$typo"
	helm template keyhole "$chart" --set "$typo" > /dev/null 2> "$scratch/said" || true
	ok "it is the schema that refuses $typo" grep -q "values don't meet the specifications of the schema" "$scratch/said"
done
for wrong in config.data.prometheus_export.port=0 config.data.prometheus_export.port=99999 'config.data.keyhole.peers={pods,services}' config.data.keyhole.cluster_name_from_node=true \
	layout=split,split.socket=csi config.create=false tracePeers.enabled=true otlp.ca.secretName=x otlp.endpoint=https://x,otlp.ca.secretName=x,otlp.ca.configMapName=y otlp.endpoint=http://x:99999 \
	serviceAccount.create=false seccompProfile.operator=true layout=split,split.loaderNamespace=keyhole; do
	helm template keyhole "$chart" --namespace keyhole --set "$wrong" > /dev/null 2> "$scratch/said" || true
	ok "$wrong is refused, by name" grep -qE "error calling (fail|include)|execution error|required" "$scratch/said"
done
# Each key of values.yaml is in the schema, and has a comment or stands below one.
/usr/bin/python3 - "$chart" > "$scratch/unknown" <<- 'END'
	import json, sys, yaml
	schema = json.load(open(sys.argv[1] + "/values.schema.json"))
	def walk(values, node, path):
	    node = schema["definitions"][node["$ref"].split("/")[-1]] if "$ref" in node else node
	    for key, value in values.items():
	        if key not in node.get("properties", {}):
	            if node.get("additionalProperties") is False: print(path + key)
	        elif isinstance(value, dict): walk(value, node["properties"][key], path + key + ".")
	walk(yaml.safe_load(open(sys.argv[1] + "/values.yaml")), schema, "")
	def loose(node, path):
	    if isinstance(node, dict):
	        if node.get("properties") and node.get("additionalProperties") is not False \
	                and not path.startswith("/properties/config/properties/data"): print("loose: " + path) # Keyhole's own
	        for key, value in node.items(): loose(value, path + "/" + key)
	loose(schema, "")
END
is "every value is in the schema, and every object of it is closed" "$(cat "$scratch/unknown")" ""

# ---- every combination ----

client='' cel=''
if command -v node > /dev/null; then
	client=$("$here/npm_package" @kubernetes/client-node@2.0.1 2> /dev/null) || client=
	cel=$("$here/npm_package" @marcbachmann/cel-js@8.0.0 2> /dev/null) || cel=
fi
: > "$scratch/none.yaml"
mkdir "$scratch/out"
for values in "$scratch/none.yaml" "$here"/values/*.yaml; do
	name=$(basename "$values" .yaml)
	out=$scratch/out/$name.yaml
	render "$out" --values "$values"
	ok "$name: renders" grep -q '^kind: DaemonSet$' "$out"
	ok "$name: the notes render" helm install keyhole "$chart" --namespace keyhole --dry-run=client --values "$values"
	is "$name: every label of app.kubernetes.io" "$(look unlabelled "$out")" ""
	if [ "$name" = bring-your-own ]; then
		is "$name: no ConfigMap, account, right or policy" "$(grep -cE '^kind: (ConfigMap|ServiceAccount|ClusterRole|NetworkPolicy)' "$out" || true)" 0
	else
		look config "$out" > "$scratch/keyhole.yml"
		ok "$name: the collector accepts the configuration" \
			"$build/collector/keyhole-collector" --check-config --config "$scratch/keyhole.yml"
	fi
	if [ -n "$client" ]; then
		ok "$name: only fields and types of Kubernetes' API" \
			bash -c "set -o pipefail; /usr/bin/python3 '$here/look.py' as-json '$out' | node '$here/api_types.mjs' '$client'"
	else
		skip "$name: only fields and types of Kubernetes' API" "node and npm are not both here"
	fi
	case $name in
	split-csi) is "$name: only the loader has a host path" "$(look host-paths "$out")" \
		"DaemonSet keyhole-loader/keyhole-loader: pod: volume socket" ;;
	*) is "$name: nothing of the node's in a pod" "$(look host-paths "$out")" "" ;;
	esac
	is "$name: each container is a user of its own" "$(look same-users "$out")" ""
	tokens='keyhole-collector /var/run/secrets/kubernetes.io/serviceaccount'
	case $name in
	otlp*) tokens=$'keyhole-collector /etc/keyhole-otlp\n'$tokens ;; # and certificates
	trace-peers*) tokens=$'keyhole-collector /etc/keyhole-trace-peers\n'$tokens ;; # and this secret
	esac
	is "$name: only the collector sees the token" \
		"$(look mounts "$out" | sed 's/^.*: \(keyhole-[a-z]*\): /\1 /')" "$tokens"
	is "$name: nothing to write to, but the socket's directory for the loader" \
		"$(look writable "$out" | sed 's/^.*: \(keyhole-[a-z]*\): /\1 /')" "keyhole-loader /run/keyhole"
done
is "beyla: big numbers stay numbers" "$(grep -o 'series_memory: .*' "$scratch/out/beyla.yaml")" "series_memory: 1099511627776"
is "beyla: the configuration's port is the container's" "$(grep -o 'containerPort: .*' "$scratch/out/beyla.yaml")" "containerPort: 9090"
look config "$scratch/out/none.yaml" | sed 's/prometheus_export/prometheus_exprot/' > "$scratch/keyhole.yml"
refused "a mistake in the configuration is one" "$build/collector/keyhole-collector" --check-config --config "$scratch/keyhole.yml"
is "the operator's profiles are policy/'s" "$(look profiles "$scratch/out/seccomp-operator.yaml")" \
	"$(look plain-profile "$chart/files/loader.json" "$chart/files/collector.json")"

# What depends on an option only is compared as a whole; what security rests on is named here too.
mkdir "$scratch/expected"
"$here/render" "$scratch/expected"
for expected in "$here"/expected/*.yaml; do
	ok "expected/$(basename "$expected") is what the chart renders" diff "$expected" "$scratch/expected/$(basename "$expected")"
done
has() { # TEST-NAME QUESTION VALUES LINE
	look "$2" "$scratch/out/$3.yaml" > "$scratch/answer"
	ok "$1" grep -qF -- "$4" "$scratch/answer" || sed 's/^/  # /' "$scratch/answer"
}
has "the loader is uid 65531" who-is-who none "keyhole-loader: 65531:65532, RuntimeDefault"
has "the collector is another uid" who-is-who none "keyhole-collector: 65532:65532, RuntimeDefault"
has "both share the socket by fsGroup, and nothing tells them of Services" who-is-who none "fsGroup 65532, service links False"
has "the socket's directory is in memory, and small" who-is-who none 'volume socket: {"medium": "Memory", "sizeLimit": "1Mi"}'
has "the token is not for everybody, and lives an hour" who-is-who none 'volume token: {"expirationSeconds": 3600, "mode": "0o440"}'
has "the token's life is an option" who-is-who all 'volume token: {"expirationSeconds": 600, "mode": "0o440"}'
has "both probes" who-is-who none "probes ['/healthz', '/readyz']"
for what in "seccomp keyhole/loader.json keyhole/collector.json" \
	"seccomp-operator operator/keyhole-keyhole-loader.json operator/keyhole-keyhole-collector.json"; do
	read -r name loader collector <<< "$what"
	has "$name: the loader's profile" who-is-who "$name" "keyhole-loader: 65531:65532, Localhost $loader,"
	has "$name: the collector's profile, which has no bpf(2)" who-is-who "$name" "keyhole-collector: 65532:65532, Localhost $collector,"
done
has "the loader's image is its digest; its limits are its own" who-is-who all 'registry.example:5000/a/loader@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, limits {"memory": "100Mi"}'
has "the collector's likewise" who-is-who all 'registry.example:5000/a/collector@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, limits {"memory": "200Mi"}'
has "pull secrets and the priority class are the pod's" who-is-who all 'priority system-node-critical, pull [{"name": "registry"}]'
# Policies add up: one more would permit more, so it is all of them.
is "networks: scrapes come in; the API server's ports go out, and no other" "$(look network-policy "$scratch/out/none.yaml")" \
	'keyhole/keyhole {"egress": [{"ports": [{"port": 443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP"}]}], "ingress": [{"ports": [{"port": "metrics", "protocol": "TCP"}]}], "podSelector": {"matchLabels": {"app.kubernetes.io/component": "agent", "app.kubernetes.io/instance": "keyhole", "app.kubernetes.io/name": "keyhole"}}, "policyTypes": ["Ingress", "Egress"]}'
is "networks: scrapers, server, DNS and exporters as named" "$(look network-policy "$scratch/out/all.yaml")" \
	'keyhole/keyhole-peep {"egress": [{"ports": [{"port": 6443, "protocol": "TCP"}], "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]}, {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}], "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}]}, {"ports": [{"port": 4318, "protocol": "TCP"}]}], "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}], "ports": [{"port": "metrics", "protocol": "TCP"}]}], "podSelector": {"matchLabels": {"app.kubernetes.io/component": "agent", "app.kubernetes.io/instance": "keyhole", "app.kubernetes.io/name": "peep"}}, "policyTypes": ["Ingress", "Egress"]}'
is "networks, split: the collector as in one pod; the loader has none" "$(look network-policy "$scratch/out/split.yaml")" \
	'keyhole/keyhole {"egress": [{"ports": [{"port": 443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP"}]}], "ingress": [{"ports": [{"port": "metrics", "protocol": "TCP"}]}], "podSelector": {"matchLabels": {"app.kubernetes.io/component": "collector", "app.kubernetes.io/instance": "keyhole", "app.kubernetes.io/name": "keyhole"}}, "policyTypes": ["Ingress", "Egress"]}
keyhole-loader/keyhole-loader {"podSelector": {"matchLabels": {"app.kubernetes.io/component": "loader", "app.kubernetes.io/instance": "keyhole", "app.kubernetes.io/name": "keyhole"}}, "policyTypes": ["Ingress", "Egress"]}'
labels='"app.kubernetes.io/instance": "keyhole", "app.kubernetes.io/name": "keyhole"'
for what in 'trace-peers agent 9999' 'trace-peers-split collector 9467'; do
	read -r name component port <<< "$what"
	rule_ports="\"ports\": [{\"port\": $port, \"protocol\": \"UDP\"}]"
	rule_pods="[{\"podSelector\": {\"matchLabels\": {\"app.kubernetes.io/component\": \"$component\", $labels}}}]"
	look network-policy "$scratch/out/$name.yaml" > "$scratch/answer"
	ok "networks, $name: collectors are told by collectors, at that port" \
		grep -qF -- "\"ingress\": [{\"ports\": [{\"port\": \"metrics\", \"protocol\": \"TCP\"}]}, {\"from\": $rule_pods, $rule_ports}]" "$scratch/answer"
	ok "networks, $name: and tell collectors, at that port, which needs DNS" grep -qF -- \
		"{$rule_ports, \"to\": $rule_pods}, {\"ports\": [{\"port\": 53," "$scratch/answer"
done
for what in 'otlp {"ports": [{"port": 4318, "protocol": "TCP"}], "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]}, {"ports": [{"port": 53,' \
	'otlp-split {"ports": [{"port": 80, "protocol": "TCP"}]}], "ingress"'; do # of an address there is nothing to look up
	look network-policy "$scratch/out/${what%% *}.yaml" > "$scratch/answer"
	ok "networks, ${what%% *}: the receiver's port, and DNS for its name" grep -qF -- "${what#* }" "$scratch/answer"
done
is "otlp: headers come from a Secret, and stand nowhere" "$(grep -A 3 'OTEL_EXPORTER_OTLP_HEADERS' "$scratch/out/otlp.yaml" | tr -s ' \n' ' ')" \
	' - name: OTEL_EXPORTER_OTLP_HEADERS valueFrom: secretKeyRef: {name: "otlp-token", key: "headers"} - name: OTEL_EXPORTER_OTLP_CERTIFICATE '
has "scrapes keep job and instance of the workload" pod-monitor all '"honorLabels": true'
checksum() { # SET
	helm template keyhole "$chart" --set "$1" | grep checksum/config
}
refused "another configuration is another checksum: the pods are started anew" \
	test "$(checksum config.data.log_level=debug)" = "$(checksum config.data.log_level=info)"
# Names that YAML takes for numbers or truth.
for layout in pod split,split.socket=persistentVolume split,split.socket=csi; do
	helm template 1234 "$chart" --namespace true --set "layout=$layout,podMonitor.enabled=true" --set-string \
		fullnameOverride=1234,serviceAccount.name=123,config.name=1e3,priorityClassName=0x10,split.loaderNamespace=99,split.csi.driver=12 \
		> "$scratch/odd.yaml" 2>&1 || true
	ok "odd names, layout $layout: renders" grep -q '^kind: DaemonSet$' "$scratch/odd.yaml"
	is "odd names, layout $layout: they are text" "$(look misnamed "$scratch/odd.yaml")" ""
done

# ---- rights ----

for out in "$scratch"/out/*.yaml; do
	name=$(basename "$out" .yaml) account=keyhole/keyhole resources='"pods"'
	case $name in
	bring-your-own) continue ;; # has none, see above
	all*) account=keyhole/peeper ;;
	esac
	# with rbac.services, of Services too
	! grep -q 'services: true' "$here/values/$name.yaml" 2> /dev/null || resources='"pods", "services"'
	is "$name: RBAC gives get, list and watch of pods to the collector's account, and nothing else" "$(look rules "$out")" \
		"$(printf '%s\n' "{\"apiGroups\": [\"\"], \"resources\": [$resources], \"verbs\": [\"get\", \"list\", \"watch\"]}" \
			"ClusterRoleBinding ServiceAccount $account")"
done

# ---- Pod Security Standards ----

ok "the checker finds each violation in each kind of container" "$here/test_pod_security.py"
add() { # WHO
	printf '%s: keyhole-loader: capabilities: add %s\n' "$1" BPF "$1" PERFMON
}
root() { # WHO
	echo "$1: keyhole-loader: run as non-root: runAsNonRoot is not true"
	echo "$1: keyhole-loader: run as user: runAsUser 0"
}
pod="DaemonSet keyhole/keyhole" loader="DaemonSet keyhole-loader/keyhole-loader"
for level in baseline restricted; do
	echo "# deviations from $level:"
	deviations $level "$scratch/out/none.yaml" "$scratch/out/split.yaml" | sed 's/^/#   /'
done
is "baseline: BPF and PERFMON on the loader, nothing else" "$(deviations baseline "$scratch/out/none.yaml")" "$(add "$pod")"
is "restricted: BPF and PERFMON on the loader, nothing else" "$(deviations restricted "$scratch/out/none.yaml")" "$(add "$pod")"
is "restricted, as root: BPF, PERFMON and uid 0 on the loader, nothing else" \
	"$(deviations restricted "$scratch/out/root.yaml")" "$(add "$pod"; root "$pod")"
is "restricted, split: those of the loader; the collector conforms in full" \
	"$(deviations restricted "$scratch/out/split.yaml")" "$(add "$loader"; root "$loader")"
is "restricted, split, non-root: BPF and PERFMON on the loader" \
	"$(deviations restricted "$scratch/out/split-non-root.yaml")" "$(add "$loader")"
is "restricted, split by CSI: a host path on the loader as well; the collector conforms in full" \
	"$(deviations restricted "$scratch/out/split-csi.yaml" | sort)" \
	"$( (add "$loader"; root "$loader"; echo "$loader: pod: host path: volume socket"
		echo "$loader: pod: volume types: volume socket is hostPath") | sort)"
for name in seccomp beyla bring-your-own; do
	is "restricted, $name: as the default" "$(deviations restricted "$scratch/out/$name.yaml")" "$(add "$pod")"
done

# ---- deploy/manifests ----

mkdir "$scratch/manifests"
HELM=$here/helm "$repo/deploy/manifests/render" "$scratch/manifests"
for name in keyhole split; do
	ok "deploy/manifests/$name.yaml is what the chart renders" \
		diff "$repo/deploy/manifests/$name.yaml" "$scratch/manifests/$name.yaml"
done

sidecar=$repo/deploy/manifests/sidecar.yaml
is "sidecar.yaml: baseline but for BPF and PERFMON on the loader" "$(deviations baseline "$sidecar")" "$(add "Deployment shop/shop")"
is "sidecar.yaml: Keyhole's two containers conform to restricted beyond that" \
	"$(deviations restricted "$sidecar" | grep ': keyhole-')" "$(add "Deployment shop/shop")"
is "sidecar.yaml: the images are the chart's" "$(grep -oE 'ghcr[^"]*' "$sidecar" | sort)" \
	"$(grep -oE 'ghcr[^"]*' "$repo/deploy/manifests/keyhole.yaml" | sort)"
is "sidecar.yaml: the collector knows its memory limit" "$(grep -A2 KEYHOLE_MEMORY_LIMIT "$sidecar")" \
	"$(grep -A2 KEYHOLE_MEMORY_LIMIT "$repo/deploy/manifests/keyhole.yaml")"
if [ -n "$client" ]; then
	ok "sidecar.yaml: only fields and types of Kubernetes' API" \
		bash -c "set -o pipefail; /usr/bin/python3 '$here/look.py' as-json '$sidecar' | node '$here/api_types.mjs' '$client'"
else
	skip "sidecar.yaml: only fields and types of Kubernetes' API" "node and npm are not both here"
fi

# ---- deploy/policies ----

policies=("$repo"/deploy/policies/*.yaml)
is "each policy names BPF and PERFMON, and no other capability" "$(look named "${policies[@]}" | LC_ALL=C sort)" \
	"$(printf '%s BPF PERFMON\n' K8sPSPCapabilities PolicyException SecurityContextConstraints ValidatingAdmissionPolicy)"
is "ValidatingAdmissionPolicy: denies, also what it cannot judge, in both namespaces" \
	"$(look enforcement "$repo/deploy/policies/validating-admission-policy.yaml")" \
	'Fail
Deny [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["keyhole", "keyhole-loader"]}]'
if [ -n "$client" ]; then
	ok "policies: only fields and types of Kubernetes' API" \
		bash -c "set -o pipefail; /usr/bin/python3 '$here/look.py' as-json ${policies[*]@Q} | node '$here/api_types.mjs' '$client'"
else
	skip "policies: only fields and types of Kubernetes' API" "node and npm are not both here"
fi
if [ -n "$cel" ]; then
	look admissions "$repo/deploy/policies/validating-admission-policy.yaml" "$scratch/out/none.yaml" "$scratch/out/split.yaml" |
		node "$here/admission.mjs" "$cel" > "$scratch/admitted" 2>&1 || true
	sed 's/^/# /' "$scratch/admitted"
	is "ValidatingAdmissionPolicy: lets Keyhole's pods in, and none that asks for more" \
		"$(sed -n 's/: admitted$//p' "$scratch/admitted")" \
		"$(printf 'DaemonSet keyhole%s\n' /keyhole -loader/keyhole-loader /keyhole-collector)"
	is "ValidatingAdmissionPolicy: it was asked about each" "$(wc -l < "$scratch/admitted")" 33
else
	skip "ValidatingAdmissionPolicy: lets Keyhole's pods in" "node and npm are not both here"
fi

summary
