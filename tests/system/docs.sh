#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What the documentation says is so: it names each metric, label and limit that there is, and no
# other; and each test that SECURITY.md rests on exists. As root.
# shellcheck disable=SC2016,SC2119 # pages are full of backticks; functions whose arguments are optional
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "$0")/agent.bash"
# shellcheck disable=SC2154 # set by agent.bash
need_root
need curl

here=$repo/tests/system docs=$repo/docs

# ---- a scrape with everything in it ----

# With a cluster (an empty one), routes, and requests that both sides are seen of.
start "$scratch/api.log" "$python" "$here/fake_apiserver.py" --port-file "$scratch/api.port"
wait_for 20 test -s "$scratch/api.port"
printf '%s\n' "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:$(cat "$scratch/api.port")'}}]" \
	'contexts: [{name: c, context: {cluster: c}}]' 'current-context: c' > "$scratch/kubeconfig"
printf '%s\n' 'routes: {patterns: [/]}' 'keyhole:' '  time_to_first_byte: true' \
	'  server_address_from_host: true' '  peers: [services, pods]' \
	'attributes: {select: {http_server_request_duration: {include: ["*"]}}}' 'metrics: {features: ["*"]}' > "$scratch/c.yml"
mkdir -m 755 "$scratch/web" "$scratch/secret"
printf '%064d' 1 > "$scratch/secret/key"
port=$(free_port)
start_loader
start_collector KEYHOLE_MEMORY_LIMIT=$((1 << 30)) KEYHOLE_TRACES_PEERS_ENDPOINTS="127.0.0.1:$(free_port)" KEYHOLE_TRACES_PEERS_LISTEN=":$(free_port)" \
	KEYHOLE_TRACES_PEERS_SECRET_FILE="$scratch/secret/key" KUBECONFIG="$scratch/kubeconfig" OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9 \
	KEYHOLE_SHUTDOWN_TIMEOUT=1s --config "$scratch/c.yml"
start "$scratch/web.log" "$python" -m http.server --bind 127.0.0.1 --directory "$scratch/web" "$port"
wait_for 30 listening "$port"
ask 3 "http://127.0.0.1:$port/"
ask 1 "http://127.0.0.1:$port/none"
served "there is something to scrape" 4 "$port"
scrape

# ---- docs/metrics.md ----

same() { # TEST-NAME FILE FILE: sorted lists
	is "$1" "$(comm -3 "$2" "$3" | sed 's/^\t/only the page has: /; t; s/^/only the programs have: /')" ""
}
sed -n 's/^# TYPE \([^ ]*\) \([a-z]*\)$/\1 \2/p' "$metrics" | sort -u > "$scratch/metrics.there"
sed -n 's/^| `\([a-z_]*\)` | \(counter\|gauge\|histogram\) | .*/\1 \2/p' "$docs/metrics.md" | sort -u > "$scratch/metrics.told"
ok "there are metrics of all kinds" grep -q '^target_info gauge$' "$scratch/metrics.there"
same "metrics.md: each metric and its type, and no other" "$scratch/metrics.there" "$scratch/metrics.told"

grep -v '^#' "$metrics" | grep -o '[{,][a-z_0-9]*="' | tr -d '{,="' | sort -u > "$scratch/labels.there"
grep -o '^| `[a-z_0-9]*` |' "$docs/metrics.md" | tr -d '|` ' | sort -u > "$scratch/labels.told"
is "metrics.md: each label" "$(comm -23 "$scratch/labels.there" "$scratch/labels.told")" ""
"$collector_bin" --print-config-reference | sed -n '/^## Attributes/,/^## Filters/p' > "$scratch/attributes"
table() { # COLUMN...: of the table of attributes, sorted by label; of spans alone, none
	sed -n 's/^| `[a-z0-9._]*` | //p' "$scratch/attributes" | tr -d '`' |
		awk -F ' *[|] ' -v OFS=: "\$2 { print $1 }" | sort
}
table '$1' > "$scratch/attributes.there"
sed -n '/^### Labels/,/^### Older/s/^| `\([a-z_0-9]*\)` |.*/\1/p' "$docs/metrics.md" | grep -vx 'le\|otel_metric_overflow' |
	sort > "$scratch/attributes.told"
ok "there are attributes" grep -qx url_path "$scratch/attributes.there"
same "metrics.md: each attribute, and no other" "$scratch/attributes.there" "$scratch/attributes.told"

# Beyla's target_info has these labels; "absent" is said of those that Keyhole's has not.
sed -n "/^### Where .target_info. differs/,/^## /p" "$docs/metrics.md" > "$scratch/differs"
sed -n 's/^| `\([a-z_0-9]*\)` |.*| absent.*/\1/p' "$scratch/differs" | sort > "$scratch/absent.told"
printf '%s\n' host_id host_name service_name service_namespace instance job telemetry_sdk_{language,name,version} \
	telemetry_distro_{name,version} source os_type k8s_{namespace,pod,container,node,deployment,replicaset,statefulset}_name \
	k8s_{job,cronjob,daemonset,cluster,owner}_name k8s_pod_{uid,start_time} k8s_kind container_{id,name} | sort > "$scratch/beyla.target_info"
table '$1, $2' | sed -n 's/:.*target_info.*//p' > "$scratch/target_info.there"
same "metrics.md: which labels of Beyla's target_info are absent" \
	<(comm -23 "$scratch/beyla.target_info" "$scratch/target_info.there") "$scratch/absent.told"
# Of all metrics that can have them: server_address and server_port are of some.
table '$1, $2' | sed -n 's/:opt-in: [^;]*\(; default: target_info\)\{0,1\}$//p' > "$scratch/opt-in.there"
grep '\*[Oo]pt-in' "$docs/metrics.md" | sed -n 's/^| `\([a-z_0-9]*\)` |.*/\1/p' | grep -vx 'server_address\|server_port' |
	sort > "$scratch/opt-in.told"
same "metrics.md: which are opt-in" "$scratch/opt-in.there" "$scratch/opt-in.told"
labels_of() { # METRIC: of all its series, each once
	grep "^$1_count{" "$metrics" | grep -o '[{,][a-z_0-9]*="' | tr -d '{,="' | sort -u
}
is "opt-in labels are not there unless asked for" \
	"$(labels_of http_server_request_body_size_bytes | comm -12 - "$scratch/opt-in.there")" ""
is "and there if they are" "$(labels_of http_server_request_duration_seconds | comm -12 - "$scratch/opt-in.there" | paste -sd ' ')" \
	"client_address host_name keyhole_process_host_pid process_pid url_path"

# Each word that Keyhole's own metrics have as a label's value, but for its version.
grep '^keyhole_[a-z_]*{[a-z]*="[^"]*"}' "$metrics" | grep -v '^keyhole_build_info' |
	sed 's/.*{\(.*\)}.*/\1/' | sort -u > "$scratch/values"
untold=
while read -r value; do
	word=$(cut -d'"' -f2 <<< "$value")
	grep -q -F -e "$value" -e "\`$word\`" "$docs/metrics.md" "$docs/limits.md" || untold+=" $value"
done < "$scratch/values"
is "metrics.md and limits.md: each value of a label" "$untold" ""

# ---- docs/traces.md ----

sed -n 's/^| `\([a-z0-9._]*\)` | `[^|]* |[^|]*| [a-z].*/\1/p' "$scratch/attributes" | sort > "$scratch/spans.there"
ok "there are attributes of spans" grep -qx url.full "$scratch/spans.there"
sed -n '/^| attributes | of |/,/^$/p' "$docs/traces.md" | grep '^|' | cut -d'|' -f2 | grep -o '`[^`]*`' | tr -d '`' | sort -u > "$scratch/spans.told"
same "traces.md: each attribute of a span, and no other" "$scratch/spans.there" "$scratch/spans.told"

# ---- docs/performance.md ----

is "performance.md: made by tests/bench/table of what was measured" \
	"$("$repo/tests/bench/table" page "$docs/performance.txt" | diff - "$docs/performance.md")" ""
ok "performance.txt: each row has its figure" "$repo/tests/bench/table" check "$docs/performance.txt"

# ---- docs/limits.md ----

sed -n '/---- limits/,/---- records/s/^#define \(KH_[A-Z_]*\) \([0-9]*\).*/\1 \2/p' "$repo/bpf/events.h" | sort > "$scratch/limits.there"
sed -n 's/^| `\(KH_[A-Z_]*\)` | \([0-9]*\) | .*/\1 \2/p' "$docs/limits.md" | sort > "$scratch/limits.told"
ok "there are limits in bpf/events.h" test -s "$scratch/limits.there"
same "limits.md: each limit of bpf/events.h and its value" "$scratch/limits.there" "$scratch/limits.told"

"$loader_bin" --help | sed -n 's/^  \(--[a-z-]*\) VALUE .*\[\([0-9]*[0-9KMG]\)\]$/\1 \2/p' | grep -v peer-uid | sort > "$scratch/options.there"
sed -n 's/^| `\(--[a-z-]*\)` | `\([0-9]*[KMG]*\)` | .*/\1 \2/p' "$docs/limits.md" | sort > "$scratch/options.told"
ok "the loader has options" test -s "$scratch/options.there"
same "limits.md: each limit among the loader's options and its default" "$scratch/options.there" "$scratch/options.told"

# 16 KiB stands there as (16 << 10) or (16u << 10).
wrong=
while read -r name value unit; do
	case $unit in
	KiB) value="\\(${value}u? << 10\\)" ;;
	MiB) value="\\(${value}u?l?l? << 20\\)" ;;
	esac
	grep -rqE "^#define $name $value( |\$)" "$repo/collector" || wrong+=" $name"
done < <(sed -n 's/^| `\([A-Z][A-Z0-9_]*\)` | \([0-9]*\)\( [KM]iB\)\? | .*/\1 \2\3/p' "$docs/limits.md" | grep -v ^KH_)
is "limits.md: each limit of the collector has the value in its header" "$wrong" ""
untold=
while read -r limit; do
	grep -q "limit=\"$limit\"" "$docs/limits.md" || untold+=" $limit"
done < <(sed -n 's/^keyhole_limit_reached_total{limit="\([a-z_]*\)"}.*/\1/p' "$metrics")
is "limits.md: each limit that is counted" "$untold" ""

# ---- docs/configuration.md ----

"$collector_bin" --print-config-reference > "$scratch/configuration.md"
ok "configuration.md is what the collector prints" diff "$docs/configuration.md" "$scratch/configuration.md"
"$collector_bin" --print-config-schema > "$scratch/configuration.schema.json"
ok "configuration.schema.json is what the collector prints" diff "$docs/configuration.schema.json" "$scratch/configuration.schema.json"
is "configuration.schema.json takes what the collector takes, and no other" "$("$python" "$here/schema.py" \
	"$docs/configuration.schema.json" "$repo/tests/unit/config/beyla.keys" "$collector_bin" 2>&1)" ""
is "metrics.md and limits.md name only keys that there are" "$(grep -ohE '`(keyhole|routes|prometheus_export|discovery|attributes)\.[a-z_.]*`' \
	"$docs/metrics.md" "$docs/limits.md" "$repo/README.md" | sort -u | grep -vFf "$docs/configuration.md" || true)" ""

# ---- README.md and SECURITY.md ----

# `path`: "what a test's name begins with", or `path`: `function`.
untold=''
while IFS=: read -r path name; do
	name=${name# }
	case $name in
	\"*) name=${name%\"} ;;                   # its quotation mark too: no comment will do
	*) name="static void $(tr -d '`' <<< "$name")(" ;; # a test of cmocka
	esac
	grep -qF -- "$name" "$repo/$path" 2> /dev/null || untold+=" $path:$name;"
done < <(grep -oE '`tests/[a-z_/.]*`: ("[^"]*"|`[a-z_]*`)' "$repo/SECURITY.md" | sed 's/^`\([^`]*\)`/\1/')
is "SECURITY.md: each test that it names exists" "$untold" ""
is "SECURITY.md: each clause names a test, and each link is understood" "$(awk '
	/^[0-9]+\. / { clause = $1; clauses[++n] = clause }
	/^ *- `tests\// { links[clause]++; if ($0 !~ /`: ("[^"]*"|`[a-z_]*`)$/) print "no link: " $0 }
	END { for (i = 1; i <= n; i++) if (!links[clauses[i]]) print "no test: " clauses[i]; if (n < 12) print n " clauses" }' \
	"$repo/SECURITY.md")" ""

missing=
for path in $(grep -ohE '\]\([A-Za-z/._-]*\)' "$repo/README.md" "$repo/SECURITY.md" | tr -d ']()') \
	$(grep -ohE '`(deploy|tests|docs|bpf|loader|collector|policy|ipc)/[a-z_/.-]*`' "$repo/README.md" "$repo/SECURITY.md" "$docs/architecture.md" | tr -d '`'); do
	[ -e "$repo/$path" ] || missing+=" $path"
done
is "each file that the pages name exists" "$missing" ""

summary
