#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Memory of a process's own, that is no file's: what stays of the start. The bounds are far above
# what it is, and below what it was while libbpf's objects and whole tables stayed. After it was
# given back, both do their work. As root.
#
# KEYHOLE_BUILD: where the programs were built (default: build/). KEYHOLE_SLOW=1: in an emulated
# machine; longer waits.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
scenario resident
need_root
need "$loader_bin" "$collector_bin" nginx curl

own() { # PID: KiB
	awk '/^RssAnon/ { print $2 }' "/proc/$1/status"
}

below() { # PID KIB
	[ "$(own "$1")" -lt "$2" ]
}

holds_little() { # TEST-NAME PID KIB
	if wait_for 20 below "$2" "$3"; then
		pass "$1"
	else
		fail "$1" "$(own "$2") KiB, and not below $3"
	fi
}

start_loader
holds_little "the loader, once it serves" "$loader" 768
ok "it still has its programs" test -n "$(programs_of "$loader")"
start_collector
holds_little "a collector without work" "$collector" 3072

port=$(free_port)
start_nginx "$scratch/web" "server { listen 127.0.0.1:$port; location / { return 200 'hello\n'; } }"
wait_for 30 listening "$port"
ask 100 "http://127.0.0.1:$port/"
served "all is captured" 100 "$port"
stop "$collector"
start_collector
ask 100 "http://127.0.0.1:$port/"
served "and by the next collector" 100 "$port"
holds_little "the loader, which told it all again" "$loader" 768
summary
