#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Collectors of three nodes (network namespaces on a bridge) tell each other which trace a call is
# of: only that part of them, each in the collector's sandbox (teller.c). Their addresses come from
# one name, as a headless Service's do. As root.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
# shellcheck disable=SC2154 # set by agent.bash
teller=$build/tests/system/teller
need_root
need "$teller" ip unshare nsenter openssl

# ---- three nodes and what they share ----

# shellcheck disable=SC2154 # set by lib.sh
mkdir -m 755 "$scratch/secret" "$scratch/other"
chmod 755 "$scratch"
openssl rand -hex 32 > "$scratch/secret/key"
openssl rand 32 > "$scratch/other/key"
printf '%s\n' '127.0.0.1 localhost' '10.99.0.1 peers' '10.99.0.2 peers' '10.99.0.3 peers' > "$scratch/hosts"
chmod 644 "$scratch"/*/key "$scratch/hosts"

declare -A ns to from
hub() {
	nsenter --net="/proc/${ns[hub]}/ns/net" "$@"
}
at() { # NODE CMD...: becomes it; names are looked up in $scratch/hosts
	# shellcheck disable=SC2016 # for the inner shell
	become nsenter --net="/proc/${ns[$1]}/ns/net" unshare --mount sh -c \
		'mount --bind "$0" /etc/hosts && exec "$@"' "$scratch/hosts" "${@:2}"
}
for node in hub a b c d; do
	hold_net "$scratch/$node.ns"
	ns[$node]=$started
done
hub ip link add bridge type bridge
hub ip link set bridge up
i=0
for node in a b c d; do
	i=$((i + 1))
	hub ip link add "to-$node" type veth peer name eth0 netns "${ns[$node]}"
	hub ip link set "to-$node" master bridge up
	nsenter --net="/proc/${ns[$node]}/ns/net" sh -ec "
		ip link set lo up; ip address add 10.99.0.$i/24 dev eth0; ip link set eth0 up"
done

start_teller() { # NODE SECRET-DIRECTORY RATE ENDPOINT...
	local node=$1 secret=$2 fd
	mkfifo "$scratch/$node.to" "$scratch/$node.from"
	exec {fd}<> "$scratch/$node.to"
	to[$node]=$fd
	exec {fd}<> "$scratch/$node.from"
	from[$node]=$fd
	# shellcheck disable=SC2016 # for the inner shell
	start "$scratch/$node.log" at "$node" sh -c 'exec "$@" < "$0.to" > "$0.from"' "$scratch/$node" \
		"$teller" :9467 "$scratch/$secret/key" "${@:3}"
}
tell() { # NODE WORD...: prints the answer
	local answer
	echo "${*:2}" >&"${to[$1]}"
	read -r -t 20 answer <&"${from[$1]}" || answer='no answer'
	echo "$answer"
}
comes() { # NODE WORD... ANSWER
	[ "$(tell "${@:1:$#-1}")" = "${*: -1}" ]
}
becomes() { # TEST-NAME NODE WORD... ANSWER
	local name=$1
	shift
	wait_for 20 comes "$@" || true
	is "$name" "$(tell "${@:1:$#-1}")" "${*: -1}"
}

for node in a b c; do
	start_teller $node secret 1048576 peers:9467
done
for node in a b c; do
	becomes "$node: the other two addresses of the name are its peers, its own is not" $node count peers 2
done

# ---- what one tells, the others know ----

trace=4bf92f3577b34da6a3ce929d0e0e4736
tell a put 00f067aa0ba902b7 $trace 01 > /dev/null
for node in b c; do
	becomes "$node knows what a told" $node find 00f067aa0ba902b7 "$trace 01"
done
is "a does not hear itself" "$(tell a find 00f067aa0ba902b7) $(tell a count own)" "unknown 0"
tell b put 00f067aa0ba902b8 $trace 00 > /dev/null
becomes "a knows what b told" a find 00f067aa0ba902b8 "$trace 00"

tell a burst 10000 > /dev/null
becomes "10,000 calls are told" a count records_sent 10001
is "in no more datagrams than they take, one to each peer" "$(tell a count sent)" $((2 * (1 + 218)))
declare -A due=([b]=219 [c]=220) # b told one, too
arrived() { # NODE
	[ $(($(tell "$1" count taken) + $(tell "$1" count socket_full))) = "${due[$1]}" ]
}
for node in b c; do
	ok "$node took each datagram, or the kernel says that it had no place" wait_for 30 arrived $node
	is "$node knows the first" "$(tell $node find 0000000000000001)" "00000000000000010000000000000000 01"
	[ "$(tell $node count socket_full)" != 0 ] ||
		is "$node knows the last" "$(tell $node find 0000000000002710)" "00000000000027100000000000000000 01"
	is "$node refused none" "$(for why in length version mac record own clock replay senders; do tell $node count $why; done | paste -sd ' ')" \
		"0 0 0 0 0 0 0 0"
done

# ---- one that has another secret, and little to spend ----

start_teller d other 1200 peers:9467
becomes "d finds all three" d count peers 3
taken=$(tell a count taken)
tell d burst 460 > /dev/null
becomes "d may send but one datagram, and counts the other nine" d count rate $((460 - 46))
becomes "a refuses it: it was not made with the secret" a count mac 1
is "and took nothing" "$(tell a count taken) $(tell a find 00000000000001cc)" "$taken unknown"

# ---- another secret, and one node less; both are seen within 30 s ----

openssl rand -hex 32 > "$scratch/new"
cat "$scratch/new" > "$scratch/secret/key"
grep -v 10.99.0.3 "$scratch/hosts" > "$scratch/hosts.new"
cat "$scratch/hosts.new" > "$scratch/hosts" # the same file, which is mounted
for node in a b; do
	ok "$node: the secret was replaced" wait_for 45 grep -q 'another secret' "$scratch/$node.log"
done
for node in a b; do
	ok "$node: one peer is left" wait_for 45 comes $node count peers 1
done
tell a put 00f067aa0ba902b9 $trace 01 > /dev/null
becomes "b knows what a told with the new secret" b find 00f067aa0ba902b9 "$trace 01"

# ---- a name that is not there ----

echo 127.0.0.1 localhost > "$scratch/hosts"
stop "$started"
rm "$scratch"/d.{to,from}
start_teller d secret 1048576 none.invalid:9467
becomes "a name that cannot be looked up is counted" d count resolve_failures 1
says "and said" "$scratch/d.log" 'peers at "none.invalid" cannot be looked up'
tell d put 00f067aa0ba902b7 $trace 01 > /dev/null
becomes "nobody is told" d count no_peers 1

summary
