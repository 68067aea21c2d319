#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# DNS: BIND and Unbound, asked by dig, by the C library's resolver and over sockets that were there
# before Keyhole, with UDP and TCP. As root.
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
need "$loader_bin" "$collector_bin" curl named unbound dig unshare "$python"

# ---- the servers ----

mkdir "$scratch/bind" "$scratch/unbound"
chmod 755 "$scratch/bind" "$scratch/unbound"
named_port=$(free_port)
cat > "$scratch/bind/zone" <<-'ZONE'
	$TTL 60
	@ IN SOA ns hostmaster 1 60 60 60 60
	  IN NS ns
	ns IN A 127.0.0.1
	www IN A 192.0.2.1
	www IN AAAA 2001:db8::1
	mail IN MX 10 www
	big IN TXT "long"
ZONE
for i in {1..40}; do
	echo "big IN TXT \"$i $(printf 'x%.0s' {1..60})\"" >> "$scratch/bind/zone"
done
cat > "$scratch/bind/named.conf" <<-CONF
	options {
		directory "$scratch/bind"; pid-file none; session-keyfile none; recursion no;
		listen-on port $named_port { 127.0.0.1; }; listen-on-v6 { none; };
		dnssec-validation no; allow-query { any; }; allow-transfer { none; };
	};
	controls { };
	zone "keyhole.test" { type primary; file "zone"; };
	zone "broken.test" { type primary; file "missing"; };
CONF
start "$scratch/named.log" named -g -c "$scratch/bind/named.conf" -n 1
wait_for 60 grep -q running "$scratch/named.log"

# Unbound asks named for the one zone and knows the other itself.
unbound_port=$(free_port)
cat > "$scratch/unbound/conf" <<-CONF
	server:
		interface: 127.0.0.1@$unbound_port
		interface: 127.0.0.56@53
		do-daemonize: no
		chroot: ""
		username: ""
		pidfile: ""
		use-syslog: no
		directory: "$scratch/unbound"
		do-not-query-localhost: no
		module-config: "iterator"
		cache-max-ttl: 0
		cache-max-negative-ttl: 0
		local-zone: "test." nodefault
		local-zone: "local.test." static
		local-data: "www.local.test. 60 IN A 192.0.2.2"
	remote-control:
		control-enable: no
	stub-zone:
		name: "keyhole.test"
		stub-addr: 127.0.0.1@$named_port
CONF
start "$scratch/unbound.log" unbound -d -c "$scratch/unbound/conf"
wait_for 60 grep -q 'start of service' "$scratch/unbound.log"

# ---- before Keyhole, and after ----

early=()
for transport in udp tcp; do
	mkfifo "$scratch/go-$transport"
	start "$scratch/early-$transport.log" "$python" "$here/dns_client.py" "$named_port" \
		"early-$transport.keyhole.test" "$transport" "$scratch/go-$transport"
	wait_for 30 grep -q ready "$scratch/early-$transport.log"
	early+=("$transport")
done

everything "$scratch/config.yml"
start_loader
start_collector --config "$scratch/config.yml"
for transport in "${early[@]}"; do
	echo go > "$scratch/go-$transport"
	wait_for 60 grep -q "done" "$scratch/early-$transport.log"
	ok "a client of this protocol, $transport" "$python" "$here/dns_client.py" "$named_port" \
		"late-$transport.keyhole.test" "$transport"
done

digs() { # N PORT NAME TYPE [OPTION...]
	local n=$1 port=$2 name=$3 type=$4
	shift 4
	for ((; n; n--)); do
		dig @127.0.0.1 -p "$port" "$name" "$type" +tries=1 "$@" > "$scratch/dig.log" || true
	done
}
digs 10 "$named_port" www.keyhole.test A
digs 7 "$named_port" WWW.keyhole.test A +noedns
digs 5 "$named_port" www.keyhole.test AAAA +tcp
digs 4 "$named_port" mail.keyhole.test MX
digs 3 "$named_port" none.keyhole.test A
digs 3 "$named_port" broken.keyhole.test TYPE4711
digs 6 "$named_port" www.broken.test A
digs 8 "$named_port" www.elsewhere.test A
digs 2 "$named_port" big.keyhole.test TXT +bufsize=512 # over TCP after that
digs 9 "$unbound_port" www.local.test A
digs 5 "$unbound_port" www.local.test A +tcp
digs 2 "$unbound_port" nobody.local.test SRV
digs 10 "$unbound_port" www.keyhole.test A # which it asks named for, each time

# The C library's resolver asks port 53 of whom /etc/resolv.conf names: A and AAAA at once.
cat > "$scratch/resolv.conf" <<-CONF
	nameserver 127.0.0.56
	options timeout:10 attempts:1
CONF
chmod 644 "$scratch/resolv.conf"
resolver() { # COMMAND...
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare -m sh -c 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"' sh "$scratch/resolv.conf" "$@"
}
ok "the C library's resolver" resolver "$python" "$here/resolve.py" www.local.test.
ok "the C library's resolver, a name that is not" resolver "$python" "$here/resolve.py" libc.local.test.

# ---- nobody answers ----

# One that listens and is silent, and a port of an address where nothing listens; both are asked
# at 53, where a question alone is known to be one.
start "$scratch/silent.log" "$python" -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.54", 53))
print("ready", flush=True)
time.sleep(600)'
wait_for 30 grep -q ready "$scratch/silent.log"
start "$scratch/asked.log" dig @127.0.0.54 silent.keyhole.test +tries=1 +time=8
start "$scratch/hasty.log" dig @127.0.0.54 hasty.keyhole.test +tries=1 +time=1
start "$scratch/nobody.log" dig @127.0.0.55 nobody.keyhole.test +tries=1 +time=8

# ---- what was told ----

name() { # NAME: as a label
	echo "dns_question_name=\"${1//./\\.}\""
}
type() { # TYPE
	echo "dns_question_type=\"$1\""
}
both() { # TEST-NAME WANT PORT [REGEX...]: the same of the client and of the server
	local test=$1 want=$2 port=$3
	shift 3
	told "$test, as the client asked" "$want" dns-client "server_port=\"$port\"" "$@"
	told "$test, as the server was asked" "$want" dns-server "server_port=\"$port\"" "$@"
}

for transport in udp tcp; do
	both "$transport: a socket older than Keyhole" 20 "$named_port" "$(name "early-$transport.keyhole.test")" 'error_type="NXDOMAIN"'
	both "$transport: a socket younger than Keyhole" 20 "$named_port" "$(name "late-$transport.keyhole.test")" 'error_type="NXDOMAIN"'
done
# 27 are of dig, ten of them by way of Unbound.
told "answers, as the clients asked" 27 dns-client "server_port=\"$named_port\"" "$(name www.keyhole.test)" "$(type A)"
told "answers, as the server was asked" 27 dns-server "server_port=\"$named_port\"" "$(name www.keyhole.test)" "$(type A)"
told "answers: no failures" 0 dns-client "$(name www.keyhole.test)" 'error_type='
told "answers: dig, whatever the case of the name" 17 dns-client 'service_name="dig"' "server_port=\"$named_port\"" \
	"$(name www.keyhole.test)" "$(type A)"
told "answers: Unbound, as it asks for others" 10 dns-client 'service_name="unbound"' "server_port=\"$named_port\"" \
	"server_address=\"127\\.0\\.0\\.1\"" "$(name www.keyhole.test)" "$(type A)"
both "answers: what Unbound asks for others" 10 "$unbound_port" "$(name www.keyhole.test)" "$(type A)"
both "AAAA over TCP" 5 "$named_port" "$(name www.keyhole.test)" "$(type AAAA)"
both "MX" 4 "$named_port" "$(name mail.keyhole.test)" "$(type MX)"
both "NXDOMAIN" 3 "$named_port" "$(name none.keyhole.test)" 'error_type="NXDOMAIN"'
both "a type without a name" 3 "$named_port" "$(type TYPE4711)" 'error_type="NXDOMAIN"'
both "SERVFAIL" 6 "$named_port" "$(name www.broken.test)" 'error_type="SERVFAIL"'
both "REFUSED" 8 "$named_port" "$(name www.elsewhere.test)" 'error_type="REFUSED"'
both "too long for UDP, and once more over TCP" 4 "$named_port" "$(name big.keyhole.test)" "$(type TXT)"
both "Unbound, over UDP and TCP" 14 "$unbound_port" "$(name www.local.test)" "$(type A)"
both "Unbound, NXDOMAIN" 2 "$unbound_port" "$(name nobody.local.test)" "$(type SRV)" 'error_type="NXDOMAIN"'
for type in A AAAA; do
	both "the C library, $type" 10 53 "$(name www.local.test)" "$(type "$type")"
	told "the C library, $type: no failures" 0 dns-client "$(name www.local.test)" "$(type "$type")" 'error_type='
	both "the C library, $type, NXDOMAIN" 10 53 "$(name libc.local.test)" "$(type "$type")" 'error_type="NXDOMAIN"'
done
for who in silent hasty nobody; do
	wait_for 30 reached 1 "${metric[dns-client]}" "$(name "$who.keyhole.test")" || true
	told "nobody answers: $who" 1 dns-client "$(name "$who.keyhole.test")" 'error_type="timeout"'
done
ours='dns_question_name="[^"]*\.(keyhole|broken|elsewhere|local)\.test"'
told "that is all, of clients" 209 dns-client "$ours"
told "that is all, of servers" 206 dns-server "$ours"
all_understood "everything was understood" dns
nothing_lost "nothing was lost"
summary
