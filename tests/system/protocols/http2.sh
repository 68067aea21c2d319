#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# HTTP/2 in clear, and gRPC: nginx, nghttpd, Apache, grpcio and etcd, asked by curl, nghttp, h2load,
# Node.js, grpcio and etcdctl, on connections opened before Keyhole attached and after. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
# shellcheck source-path=SCRIPTDIR source=protocol.bash
. "$(dirname "${BASH_SOURCE[0]}")/protocol.bash"
here=$(dirname "${BASH_SOURCE[0]}")
need_root
need "$loader_bin" "$collector_bin" curl nginx nghttpd nghttp apache2 h2load node etcd etcdctl "$python"

# ---- servers ----

nginx=$(free_port) nghttpd=$(free_port) grpc=$(free_port) etcd=$(free_port) peer=$(free_port)
apache=$(free_port)
files=$scratch/files
mkdir "$files"
echo hello > "$files/small"
head -c 300000 /dev/zero > "$files/large"
chmod -R a+rX "$scratch" "$files"
start_nginx "$scratch/nginx" "server { listen 127.0.0.1:$nginx http2; root $files; http2_max_requests 100000; }"
start "$scratch/nghttpd.log" nghttpd -a 127.0.0.1 --no-tls -d "$files" "$nghttpd"
start "$scratch/grpc.log" "$python" -B "$here/grpc_peer.py" server "$grpc"
start "$scratch/etcd.log" etcd --data-dir "$scratch/etcd" --listen-client-urls "http://127.0.0.1:$etcd" \
	--advertise-client-urls "http://127.0.0.1:$etcd" --listen-peer-urls "http://127.0.0.1:$peer" \
	--initial-advertise-peer-urls "http://127.0.0.1:$peer" --initial-cluster "default=http://127.0.0.1:$peer"
# mpm_event of Apache 2.4 ends a connection soon after its upgrade, with requests unanswered
mkdir -m 755 "$scratch/apache"
modules=/usr/lib/apache2/modules
cat > "$scratch/apache/conf" <<-CONF
	ServerRoot $scratch/apache
	ServerName localhost
	PidFile $scratch/apache/pid
	DefaultRuntimeDir $scratch/apache
	ErrorLog $scratch/apache/error.log
	User www-data
	Group www-data
	Listen 127.0.0.1:$apache
	LoadModule mpm_worker_module $modules/mod_mpm_worker.so
	LoadModule authz_core_module $modules/mod_authz_core.so
	LoadModule http2_module $modules/mod_http2.so
	Protocols h2c http/1.1
	DocumentRoot $files
CONF
start "$scratch/apache/log" apache2 -DFOREGROUND -f "$scratch/apache/conf"
for port in "$nginx" "$nghttpd" "$grpc" "$etcd" "$apache"; do
	wait_for 60 listening "$port"
done

# ---- clients that are there before, and go on when they are told to ----

waiting=()
early() { # NAME CMD...: CMD gets a FIFO, from which it can read when it is to go on
	local name=$1
	shift
	mkfifo "$scratch/$name.go"
	start "$scratch/$name.log" "$@" "$scratch/$name.go"
	waiting+=("$name")
	wait_for 60 grep -q ready "$scratch/$name.log"
}
early nginx node "$here/http2_client.js" "$nginx"
early nghttpd node "$here/http2_client.js" "$nghttpd"
early early "$python" -B "$here/grpc_peer.py" client "$grpc" early cold
early warm "$python" -B "$here/grpc_peer.py" client "$grpc" warm warm

everything "$scratch/config.yml"
start_loader
start_collector --config "$scratch/config.yml"
for name in "${waiting[@]}"; do
	echo go > "$scratch/$name.go"
	wait_for 60 grep -q 'done' "$scratch/$name.log" || fail "$name: its client ends" "$(cat "$scratch/$name.log")"
done

# ---- HTTP/2 ----

status() { # TEST-NAME WANT PORT STATUS: on both sides
	local side
	for side in server client; do
		told "$1, $side" "$2" "http-$side" "server_port=\"$3\"" "response_status_code=\"$4\"" 'request_method="GET"'
	done
}
one_by_one() { # N URL: curl 7.88 uses no connection twice in this mode (exit status 16)
	local i
	for i in $(seq "$1"); do
		curl -s -o /dev/null --http2-prior-knowledge "$2?$i" || return
	done
}
for port in "$nginx" "$nghttpd"; do
	name=nginx
	[ "$port" = "$nginx" ] || name=nghttpd
	status "$name: a connection opened before, answers" 20 "$port" 200
	status "$name: a connection opened before, no such file" 5 "$port" 404
	ok "$name: h2load" h2load -n 300 -c 3 -m 3 "http://127.0.0.1:$port/small"
	status "$name: h2load on three connections" 320 "$port" 200
	# what each connection begins with is 60 requests, longer than its first KiB
	ok "$name: h2load, many streams" h2load -n 180 -c 3 -m 60 -H "cookie: $(printf 'c%.0s' {1..60})" \
		"http://127.0.0.1:$port/small?$(printf 'q%.0s' {1..60})"
	status "$name: h2load, many streams" 500 "$port" 200
	for path in small none large; do
		ok "$name: curl $path" one_by_one 4 "http://127.0.0.1:$port/$path"
	done
	status "$name: curl, answers" 508 "$port" 200
	status "$name: curl, no such file" 9 "$port" 404
	ok "$name: node" node "$here/http2_client.js" "$port"
	status "$name: a connection opened after, answers" 529 "$port" 200
	status "$name: a connection opened after, no such file" 14 "$port" 404
done

# ---- HTTP/1 that becomes HTTP/2 ("Upgrade: h2c"): the first request is answered 101 ----

apache_url() { # PATH...
	printf "http://127.0.0.1:$apache/%s\n" "$@"
}
for i in 1 2 3 4 5; do
	mapfile -t urls < <(apache_url "small?$i" "none?$i" "small?more$i")
	ok "apache: curl $i" curl -s --http2 -o /dev/null "${urls[0]}" -o /dev/null "${urls[1]}" -o /dev/null "${urls[2]}"
	mapfile -t urls < <(apache_url large small none)
	ok "apache: nghttp $i" nghttp -u -n "${urls[@]}"
done
status "apache: upgrades" 10 "$apache" 101
# Apache ends such a connection when it likes, and what it has not answered then has no status: how
# many of the 20 answers come is not for this test to say.
for side in server client; do
	within "apache: answers after an upgrade, $side" "$(now_sum "${metric[http-$side]}" "server_port=\"$apache\"" 'status_code="(200|404)"')" 10 20
done

# ---- gRPC ----

ok "grpcio: a client" "$python" -B "$here/grpc_peer.py" client "$grpc" late

rpc() { # TEST-NAME WANT PORT STATUS METHOD-REGEX: on both sides
	local side
	for side in server client; do
		told "$1, $side" "$2" "rpc-$side" "server_port=\"$3\"" "rpc_status_code=\"$4\"" "rpc_method=\"$5\""
	done
}
for when in early late; do
	rpc "$when: calls" 20 "$grpc" OK "$when.Shop/Buy"
	rpc "$when: calls that fail" 5 "$grpc" UNAVAILABLE "$when.Shop/Fail"
	rpc "$when: calls that the server ends" 2 "$grpc" DEADLINE_EXCEEDED "$when.Shop/Late"
	rpc "$when: streams of answers" 6 "$grpc" OK "$when.Shop/List"
	rpc "$when: streams of both" 3 "$grpc" OK "$when.Shop/Chat"
	rpc "$when: answers longer than what is captured" 3 "$grpc" OK "$when.Shop/Big"
done
# a method that there is not has no name
rpc "methods that there are not" 8 "$grpc" UNIMPLEMENTED _OTHER
# names and statuses that were told before are numbers to those who were not there
for side in server client; do
	told "warm: all calls, $side" 43 "rpc-$side" "server_port=\"$grpc\"" 'rpc_method="_OTHER",(client|server)_'
done
for side in server client; do
	told "all calls, $side" $((3 * 43)) "rpc-$side" "server_port=\"$grpc\""
done

etcdctl() {
	ETCDCTL_API=3 command etcdctl --endpoints "http://127.0.0.1:$etcd" "$@"
}
ok "etcdctl put" etcdctl put keyhole one
ok "etcdctl put" etcdctl put keyhole two
ok "etcdctl get" etcdctl get keyhole
ok "etcdctl del" etcdctl del keyhole
refused "etcdctl: a lease that there is not" etcdctl lease revoke 1234
rpc "etcd: put" 2 "$etcd" OK etcdserverpb.KV/Put
rpc "etcd: get" 1 "$etcd" OK etcdserverpb.KV/Range
rpc "etcd: del" 1 "$etcd" OK etcdserverpb.KV/DeleteRange
rpc "etcd: a failure" 1 "$etcd" NOT_FOUND etcdserverpb.Lease/LeaseRevoke
told "etcd: a failure that the server calls none" 0 rpc-server "server_port=\"$etcd\"" 'error_type='
told "etcd: a failure, to the client" 1 rpc-client "server_port=\"$etcd\"" 'error_type="NOT_FOUND"'

nothing_lost "nothing was lost"
summary
