#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# traffic_test.sh [TRAFFIC [TRAFFIC32]]: the program which plays the traffic does what it says, in every
# scenario. It checks itself (each side compares every byte, and the counts with the other's).
set -euo pipefail

traffic=${1:-${KEYHOLE_BUILD:-$(dirname "$0")/../../build}/tests/system/traffic}
traffic32=${2:-${traffic}32}
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
out=$scratch

plays() { # NAME PYTHON-CONDITION on `r` TRAFFIC-ARGUMENT...
	local name=$1 condition=$2 status=0
	shift 2
	timeout 60 "$traffic" "$@" > "$out/json" 2> "$out/err" || status=$?
	if [ $status = 77 ]; then
		skip "$name" "$(tail -n 1 "$out/err")"
	elif [ $status = 0 ] && python3 -c 'import json, sys
r = json.loads(open(sys.argv[1]).readlines()[-1])
assert r["requests"] == sum(r["methods"].values()) == len(set(r["paths"])), r
assert '"$condition"', r' "$out/json" 2>> "$out/err"; then
		pass "$name"
	else
		fail "$name" "$(tail -n 1 "$out/err")"
	fi
}

refuses() { # NAME REGEX COMMAND...
	local name=$1 regex=$2
	shift 2
	if timeout 60 "$@" > /dev/null 2> "$out/err"; then
		fail "$name" "it did not refuse"
	else
		ok "$name" grep -qE -- "$regex" "$out/err"
	fi
}

plays_all() { # PREFIX FAMILY...
	local prefix=$1 scenario family
	shift
	for scenario in $("$traffic" --list | cut -d' ' -f1); do
		for family; do
			# shellcheck disable=SC2086 # no word for IPv4
			plays "$prefix$scenario $family" 'True' "$scenario" $family
		done
	done
}

plays_all '' '' --ipv6 --mapped

plays "the number of requests is as asked for" 'r["requests"] == 7 and r["responses"] == 7' \
	write --requests 7
plays "a reset response is no whole response" 'r["requests"] == 4 and r["responses"] == 0' reset-middle
plays "noise has no request" 'r["requests"] == 0 and r["other_bytes"] == 6000' noise
plays "a non-blocking side meets EAGAIN" 'r["eagain"] > 0' nonblock-10m
plays "a HEAD has no body" 'r["response_body_bytes"] == 0' head
plays "many connections are open at once" 'r["connections"] == 400 and r["responses"] == 800' \
	many --requests 800
refuses "too few open files are an error that says so" 'hard limit is 100: raise it' \
	prlimit --nofile=100 "$traffic" many --requests 800
refuses "sides that wait for one another are not played alone" 'needs both sides' \
	"$traffic" not-resident --role server
plays "held, it waits for a line and then goes on" 'r["requests"] == 4' write --hold < <(echo)

# It must not be that these pass because nothing of what they are about was done.
# (A file per thread: in one file strace would tell a call that another thread
# interrupts in two halves.)
uses() { # NAME REGEX-of-strace's-lines TRAFFIC-ARGUMENT...
	local name=$1 regex=$2
	shift 2
	rm -f "$out"/calls.*
	strace -ff -qq -o "$out/calls" "$traffic" "$@" > /dev/null 2> "$out/err" || true
	if cat "$out"/calls.* | grep -E -- "$regex" > /dev/null; then
		pass "$name"
	else
		fail "$name" "$(tail -n 1 "$out/err")"
	fi
}
decoyed() {
	uses "io_uring: receives are waited for by the call that submits them or by another" \
		'io_uring_enter\(' uring
	uses "decoy: other bytes are read until the receive is done" \
		'read\([0-9]+, "DELETE /decoy' uring-decoy
	uses "decoy: likewise for the client" 'read\([0-9]+, "HTTP/1.1 418' uring-decoy
}
uses "zerocopy: completions are read" 'recvmsg\(.*SO_EE_ORIGIN_ZEROCOPY|recvmsg\(.*MSG_ERRQUEUE.*\) = 0' zerocopy
uses "40 segments go by one call" 'writev\(.*, 40\) += [0-9]' segments-40

port=$(free_port)
start "$out/server" "$traffic" fresh --role server --port "$port"
plays "the client's side alone" 'r["responses"] == 4' fresh --role client --port "$port"
wait_for 5 stopped "$started"
ok "the server's side counts alike" \
	grep -q '"role":"server".*"requests":4,"responses":4' "$out/server"

if "$traffic" --list | grep -q '^uring '; then
	decoyed
else
	skip "io_uring" "this build is without it"
fi
answers() { # FILE NUMBER [SCENARIO]
	printf '{"%s": {"client": {"exchanges": [["GET", "200", "", %s]]}}}' "${3:-write}" "$2" > "$out/$1"
}
answers a 4
answers b 4
ok "same answers are the same" "$(dirname "$0")/same_answers.py" "$out/a" "$out/b"
answers b 5
refuses "others are not" "not ok - write" sh -c '"$@" >&2' - "$(dirname "$0")/same_answers.py" "$out/a" "$out/b"
answers b 4 post
refuses "no answers are not" "in common" sh -c '"$@" >&2' - "$(dirname "$0")/same_answers.py" "$out/a" "$out/b"
if [ -x "$traffic32" ]; then
	is "traffic32 is a 32-bit program" "$(od -An -tx1 -j4 -N1 "$traffic32")" " 01"
	traffic=$traffic32
	plays_all "32-bit: " ''
else
	skip "32-bit callers" "no $traffic32: it is built on x86-64 with gcc-multilib and libc6-dev-i386"
fi
summary
