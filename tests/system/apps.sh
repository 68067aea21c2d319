#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Real servers and clients are counted exactly, on both sides, under the names of their
# executables. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
need_root
handlers=$(dirname "${BASH_SOURCE[0]}")
python_name=$(basename "$(readlink -f "$python")") # as its executable is called
need "$loader_bin" "$collector_bin" nginx node curl wrk ab h2load "$python"

# While its collector is held for a third of a second, 20,000 a second have room in the ring.
start_loader --data-ring 32M
start_collector

h2c=$(free_port) web=$(free_port) proxied=$(free_port) upstream=$(free_port) py=$(free_port) js=$(free_port)
wrk=$(free_port) acceptance_h2=$(free_port) acceptance_ab=$(free_port)
here="http://127.0.0.1"

mkdir "$scratch/files" "$scratch/web"
head -c 200000 /dev/urandom > "$scratch/web/big"
echo small > "$scratch/files/small"

# ---- nginx ----

start_nginx "$scratch/web" "
	server { listen 127.0.0.1:$web;
		location /ret { return 200 'hello\n'; }
		location /boom { return 500; }
	}
	server { listen 127.0.0.1:$h2c http2; location / { return 200 'hello\n'; } }
	server { listen 127.0.0.1:$wrk; location / { return 200 'hello\n'; } }
	server { listen 127.0.0.1:$proxied;
		location / { proxy_pass $here:$upstream; proxy_http_version 1.1; proxy_set_header Connection ''; }
	}"
wait_for 30 listening "$web"

ask 30 "$here:$web/ret"
ask 7 "$here:$web/big"
ask 5 "$here:$web/absent"
ask 3 "$here:$web/boom"
served "nginx: return and files by sendfile are answers" 37 "$web" 'service_name="nginx"' 'status_code="200"'
served "nginx: 404" 5 "$web" 'status_code="404"'
served "nginx: 500 is an error of the server" 3 "$web" 'status_code="500"' 'error_type="500"'
made "curl: its requests, by its name" 37 "$web" 'service_name="curl"' 'status_code="200"'
made "curl: a 404 is an error for the client" 5 "$web" 'status_code="404"' 'error_type="404"'
counts "nginx: the length of what sendfile sent is known" $((30 * 6 + 7 * 200000)) \
	http_server_response_body_size_bytes_sum "server_port=\"$web\"" 'status_code="200"'
counts "curl: the length of what came is the same" $((30 * 6 + 7 * 200000)) \
	http_client_response_body_size_bytes_sum "server_port=\"$web\"" 'status_code="200"'

# HTTP/2's first line looks like a request of HTTP/1: it is not taken for one.
before=$(now_sum keyhole_records_dropped_total 'reason="orphan_part"')
is "nginx speaks HTTP/2" "$(curl -s --http2-prior-knowledge -o /dev/null -w '%{http_version} %{http_code}' "$here:$h2c/")" "2 200"
served "HTTP/2 is one request" 1 "$h2c" 'status_code="200"'
is "HTTP/2: no loose ends of HTTP/1" "$(now_sum keyhole_records_dropped_total 'reason="orphan_part"')" "$before"

curl -sI "$here:$web/big" > /dev/null
ask 4 "$here:$web/ret" --http1.0
served "HEAD is a method of its own" 1 "$web" 'method="HEAD"' 'status_code="200"'
counts "HEAD: no body, whatever Content-Length says" 0 \
	http_client_response_body_size_bytes_sum "server_port=\"$web\"" 'method="HEAD"'
served "HTTP/1.0 is counted with the rest" 41 "$web" 'method="GET"' 'status_code="200"'

ab -q -k -n 500 -c 5 "$here:$web/ret" > "$scratch/ab" 2>&1
served "ab -k: exactly what it sent" 541 "$web" 'method="GET"' 'status_code="200"'
made "ab: by its name" 500 "$web" 'service_name="ab"'
ab -q -n 200 -c 4 "$here:$web/ret" > "$scratch/ab" 2>&1
made "ab: a connection for each request" 700 "$web" 'service_name="ab"'

wrk -t 1 -c 4 -d 1s "$here:$wrk/" > "$scratch/wrk"
n=$(awk '/requests in/ { print $1 }' "$scratch/wrk")
for side in client server; do
	wait_for 20 reached "$n" http_${side}_request_duration_seconds_count "server_port=\"$wrk\"" || true
done
sleep 0.2
on_server=$(now_sum http_server_request_duration_seconds_count "server_port=\"$wrk\"")
within "wrk: the server answered what it counted, and at most one more on each connection" \
	"$on_server" "$n" $((n + 4))
# what it threw away unread when its time was over has no status
on_client=$(metric_sum "$metrics" http_client_request_duration_seconds_count "server_port=\"$wrk\"")
within "wrk: its own side alike" "$on_client" "$n" $((n + 4))

# ---- Python ----

start "$scratch/py.log" "$python" -m http.server --bind 127.0.0.1 --directory "$scratch/files" "$py"
start "$scratch/upstream.log" "$python" "$handlers/handlers.py" "$upstream"
wait_for 30 listening "$py"
wait_for 30 listening "$upstream"

ask 6 "$here:$py/small"
ask 2 "$here:$py/absent"
served "python http.server: what it has" 6 "$py" 'status_code="200"' 'service_name="'"$python_name"'"'
served "python http.server: what it has not" 2 "$py" 'status_code="404"'

ask 20 "$here:$upstream/slow"
served "python: a handler of 50 ms" 20 "$upstream" 'status_code="200"'
sum=http_server_request_duration_seconds_sum
# A server that loses the CPU within send(2), when the client has all of its answer already, ends later.
but_for() { # SECONDS SUM
	awk -v s="$1" -v sum="$2" 'BEGIN { print sum - s }'
}
on_server=$(metric_sum "$metrics" $sum "server_port=\"$upstream\"")
on_client=$(metric_sum "$metrics" ${sum/server/client} "server_port=\"$upstream\"")
within "python: 20 times 50 ms, as the server sees it" "$on_server" 1.0 100
within "python: the client waited as long, or longer" "$on_client" "$(but_for 0.4 "$on_server")" 100

"$python" "$handlers/handlers.py" 0 ask 9 "$here:$upstream/fast"
made "python's urllib is a client" 9 "$upstream" 'service_name="'"$python_name"'"'

head -c 3000 /dev/zero | tr '\0' x > "$scratch/body"
ask 4 "$here:$upstream/post" --data-binary "@$scratch/body"
served "POST is counted" 4 "$upstream" 'method="POST"' 'status_code="200"'
counts "POST: the server received the bodies" 12000 \
	http_server_request_body_size_bytes_sum "server_port=\"$upstream\"" 'method="POST"'

# ---- a proxy: server on one side, client on the other ----

ask 25 "$here:$proxied/fast"
ask 2 "$here:$proxied/broken"
served "proxy: as a server" 25 "$proxied" 'service_name="nginx"' 'status_code="200"'
made "proxy: as a client" 25 "$upstream" 'service_name="nginx"' 'status_code="200"'
served "proxy: a 500 passes through" 2 "$proxied" 'status_code="500"'
made "proxy: a 500 from behind" 2 "$upstream" 'service_name="nginx"' 'status_code="500"'

# ---- Node ----

start "$scratch/js.log" node "$handlers/handlers.js" "$js"
wait_for 30 listening "$js"
ask 40 "$here:$js/fast"
served "node: keep-alive" 40 "$js" 'service_name="node"' 'status_code="200"'
ask 8 "$here:$js/chunked"
counts "node: chunked answers, without what the chunks cost" $((40 * 5 + 8 * 300)) \
	http_server_response_body_size_bytes_sum "server_port=\"$js\""
counts "curl: reads them alike" $((40 * 5 + 8 * 300)) \
	http_client_response_body_size_bytes_sum "server_port=\"$js\""
ask 10 "$here:$js/slow"
served "node: a handler of 50 ms is counted" 58 "$js"
on_server=$(metric_sum "$metrics" $sum "server_port=\"$js\"")
on_client=$(metric_sum "$metrics" ${sum/server/client} "server_port=\"$js\"")
within "node: 10 times 50 ms, as the server sees it" "$on_server" 0.49 50 # its timers are off by up to 1 ms
within "node: the client waited as long, or longer" "$on_client" "$(but_for 0.3 "$on_server")" 50

ask 3 "$here:$js/post" -H 'Expect: 100-continue' --data-binary "@$scratch/body"
served "Expect: 100-continue is one request with the last status" 3 "$js" 'method="POST"' 'status_code="200"'
made "Expect: 100-continue: for the client too" 3 "$js" 'method="POST"' 'status_code="200"'
served "Expect: 100-continue: 100 is no answer" 0 "$js" 'status_code="100"'
counts "Expect: 100-continue: the body counts" 9000 \
	http_server_request_body_size_bytes_sum "server_port=\"$js\"" 'method="POST"'

node "$handlers/handlers.js" ask 12 "$here:$upstream/fast"
made "node is a client" 12 "$upstream" 'service_name="node"' 'status_code="200"'

nothing_lost "nothing was lost"

# ---- the acceptance of it all: a server in a pod's cgroup, 20,000 requests ----

pod=$(pod_cgroup 5a5a5a5a-0001-4000-8000-000000000001 "$(printf '%064d' 7)")
start_nginx "$scratch/web2" "
	server { listen 127.0.0.1:$acceptance_h2; location / { return 200 'hello\n'; } }
	server { listen 127.0.0.1:$acceptance_ab; location / { return 200 'hello\n'; } }" \
	in_cgroup "$pod"
wait_for 30 listening "$acceptance_ab"
ok "h2load makes 20,000 requests" \
	grep -q '20000 succeeded, 0 failed' <(h2load --h1 -n 20000 -c 16 "$here:$acceptance_h2/" 2>&1)
served "h2load: the server's side says 20,000" 20000 "$acceptance_h2" 'status_code="200"'
made "h2load: the client's side says 20,000" 20000 "$acceptance_h2" 'status_code="200"' 'service_name="h2load"'
ok "ab makes 20,000 requests" \
	grep -q 'Complete requests: *20000' <(ab -q -k -n 20000 -c 16 "$here:$acceptance_ab/" 2>&1)
served "ab: the server's side says 20,000" 20000 "$acceptance_ab" 'status_code="200"'
made "ab: the client's side says 20,000" 20000 "$acceptance_ab" 'status_code="200"' 'service_name="ab"'
nothing_lost "nothing was lost then either"
refused "no other series of these ports" grep "server_port=\"\($acceptance_h2\|$acceptance_ab\)\".*error_type" "$metrics"
summary
