#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Both ends of an exchange compute one id: from the two initial sequence numbers and that of the
# request's first byte. Over loopback and between two network namespaces with both addresses and
# ports translated (DNAT and SNAT), on connections opened before Keyhole attached and after; HTTP/1,
# HTTP/2 and Redis; one server listens with a backlog of 0. The servers' ports are the higher ones, so that no port tells who opened a
# connection. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
here=$(dirname "${BASH_SOURCE[0]}")
need_root
need "$loader_bin" "$build/tests/system/exchanges" iptables nghttpd node redis-server "$python"
scenario ends

# ---- two namespaces ----

hold_net "$scratch/net.log"
near=$started
hold_net "$scratch/net.log"
far=$started
in_net() { # PID CMD...
	local pid=$1
	shift
	become nsenter --net="/proc/$pid/ns/net" "$@"
}
(in_net "$near" ip link set lo up)
(in_net "$near" ip link add veth0 type veth peer name veth1 netns "$far")
(in_net "$near" ip address add 10.77.0.1/24 dev veth0)
(in_net "$near" ip link set veth0 up)
(in_net "$far" ip address add 10.77.0.2/24 dev veth1)
(in_net "$far" ip link set veth1 up)
(in_net "$near" ip route add 10.96.0.10/32 dev veth0)
# clients of loopback, too, have the lower ports
(in_net "$near" sysctl -qw net.ipv4.ip_local_port_range="32768 60999")

paths=(loopback)
nat() { # CHAIN RULE...
	(in_net "$near" iptables -w 10 -t nat -A "$@")
}
if nat OUTPUT -d 10.96.0.10 -p tcp --dport 62000 -j DNAT --to-destination 10.77.0.2:62100 &&
	nat OUTPUT -d 10.96.0.10 -p tcp --dport 62001 -j DNAT --to-destination 10.77.0.2:62101 &&
	nat OUTPUT -d 10.96.0.10 -p tcp --dport 62002 -j DNAT --to-destination 10.77.0.2:62102 &&
	nat POSTROUTING -d 10.77.0.2 -p tcp -j SNAT --to-source 10.77.0.1:20000-20999; then
	paths+=(nat)
else
	skip "through DNAT and SNAT" "this kernel cannot translate addresses"
fi

# ---- servers, and clients that wait until they are let go ----

declare -A address=([loopback]=127.0.0.1 [nat]=10.77.0.2) asked=([loopback]=127.0.0.1 [nat]=10.96.0.10)
declare -A where=([loopback]=$near [nat]=$far)
declare -A port=([http]=62000 [http2]=62001 [redis]=62002) # as clients have it
declare -A bound=([loopback,http]=62000 [loopback,http2]=62001 [loopback,redis]=62002
	[nat,http]=62100 [nat,http2]=62101 [nat,redis]=62102)
mkdir "$scratch/files"
echo hello > "$scratch/files/small"
chmod -R a+rX "$scratch" "$scratch/files"
serve() { # PATH CMD...
	local path=$1
	shift
	start "$scratch/$path.$(basename "$1").log" in_net "${where[$path]}" "$@"
}
listens() { # PATH PORT
	(in_net "${where[$1]}" ss -Hltn "sport = :$2") | grep -q .
}
for path in "${paths[@]}"; do
	serve "$path" "$python" -B "$here/ends_peer.py" serve "${address[$path]}" "${bound[$path,http]}"
	serve "$path" nghttpd -a "${address[$path]}" --no-tls -d "$scratch/files" "${bound[$path,http2]}"
	serve "$path" redis-server --bind "${address[$path]}" --protected-mode no --port "${bound[$path,redis]}" --save '' --dir "$scratch"
	for protocol in http http2 redis; do
		wait_for "${KEYHOLE_SLOW:+1}20" listens "$path" "${bound[$path,$protocol]}"
	done
done

clients=()
client() { # AGE PATH PROTOCOL
	local name=$1-$2-$3
	mkfifo "$scratch/$name.go"
	clients+=("$name")
	if [ "$3" = http2 ]; then
		start "$scratch/$name.log" in_net "$near" node "$here/http2_client.js" "${port[$3]}" "$scratch/$name.go" "${asked[$2]}"
	else
		start "$scratch/$name.log" in_net "$near" "$python" -B "$here/ends_peer.py" "$3" "${asked[$2]}" "${port[$3]}" "$scratch/$name.go" 25
	fi
	wait_for "${KEYHOLE_SLOW:+1}30" grep -q ready "$scratch/$name.log"
}
round() { # AGE: lets its clients go, and waits for them
	local name
	for name in "${clients[@]}"; do
		echo go > "$scratch/$name.go"
	done
	for name in "${clients[@]}"; do
		wait_for "${KEYHOLE_SLOW:+1}60" grep -q "done" "$scratch/$name.log"
	done
	clients=()
}
each() { # AGE
	local path protocol
	for path in "${paths[@]}"; do
		for protocol in http http2 redis; do
			client "$1" "$path" "$protocol"
		done
	done
}

# ---- connections that are there before, then others ----

listen_to() { # FILE: exchanges into it, until no_more
	mkfifo "$1.in"
	# shellcheck disable=SC2016 # a background command's own standard input is /dev/null
	start "$1" bash -c 'exec "$@" < "$0" 2>&1' "$1.in" "$build/tests/system/exchanges" "$socket"
	listening_pid=$started
	exec 9> "$1.in"
	wait_for "${KEYHOLE_SLOW:+1}60" grep -q ready "$1"
}
no_more() {
	exec 9>&-
	wait_for "${KEYHOLE_SLOW:+1}20" ended "$listening_pid"
}
ended() { # PID
	! kill -0 "$1" 2> /dev/null
}

# Of one path and protocol: how many ids a client and a server have, once each; and of the protocol
# those that are not so. Which path it was, the server's end shows: SNAT's ports are the lower ones.
pairs() { # FILE PATH PROTOCOL
	awk -v path="$2" -v protocol="$3" -v port="${port[$3]}" '
		{ served = $2 == "server" ? $3 : $4 }
		$1 != protocol || (served != port && served != port + 100) { next }
		{ id = $8 " " $9 " " $10; ids[id]; seen[id, $2]++ }
		$2 == "server" { of[id] = $4 < 30000 ? "nat" : "loopback" }
		END {
			for (id in ids) {
				if (seen[id, "client"] != 1 || seen[id, "server"] != 1) unpaired++
				else if (of[id] == path) paired++
			}
			printf "paired=%d unpaired=%d\n", paired, unpaired
		}' "$1"
}

each early
start_loader --backend "${KEYHOLE_BACKEND:-auto}" --peer-uid 0
listen_to "$scratch/early"
round early
no_more
listen_to "$scratch/late"
each late
round late
no_more

for age in early late; do
	for path in "${paths[@]}"; do
		for protocol in http http2 redis; do
			n=25
			[ "$age" = early ] || n=26 # with the one before it says that it is ready
			is "$age, $path, $protocol: each exchange has one id at both ends" \
				"$(pairs "$scratch/$age" "$path" "$protocol")" "paired=$n unpaired=0"
		done
	done
done
stop "$loader"
summary
