#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# AMQP 1.0: rhea as server and client, on connections opened before Keyhole attached and after. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
# shellcheck source-path=SCRIPTDIR source=protocol.bash
. "$(dirname "${BASH_SOURCE[0]}")/protocol.bash"
here=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")")
need_root
need "$loader_bin" "$collector_bin" curl node npm

mkdir "$scratch/node_modules"
for package in rhea@3.0.5 debug@4.4.3 ms@2.1.3; do
	if ! dir=$("$here/../../deploy/npm_package" "$package" 2> /dev/null); then
		skip "AMQP 1.0" "$package is not to be had from npm"
		summary
		exit
	fi
	cp -r "$dir" "$scratch/node_modules/${package%@*}"
done
cp "$here/amqp1_peer.js" "$scratch"
peer() {
	node "$scratch/amqp1_peer.js" "$@"
}

port=$(free_port)
start "$scratch/server.log" node "$scratch/amqp1_peer.js" server "$port"
wait_for 60 listening "$port"
mkfifo "$scratch/go"
start "$scratch/early.log" node "$scratch/amqp1_peer.js" client "$port" early "$scratch/go"
wait_for 60 grep -q ready "$scratch/early.log"

everything "$scratch/config.yml"
start_loader
start_collector --config "$scratch/config.yml"

# WHEN DESTINATION-REGEX...: as many as amqp1_peer.js makes; of the destinations' ends, "" for all.
sides() {
	local when=$1 side
	for side in client server; do
		published() { # WANT ADDRESS [ERROR]
			told "$when, $side: publish to $2 ${3:+fails: $3}" "$1" "messaging-$side" \
				'messaging_system_name="amqp"' 'messaging_operation_name="publish"' 'messaging_operation_type="send"' ${named:+"destination_name=\"$2\""} \
				${3:+"error_type=\"$3\""}
		}
		[ -z "$named" ] || published 21 "$when"
		[ -z "$named" ] || published 6 "$when.sure"
		[ -n "$named" ] || published 32 any
		published 3 "$when.bad" amqp:not-allowed
		published 2 "$when.gone" released
		told "$when, $side: a link refused" 1 "messaging-$side" 'messaging_operation_name="detach"' \
			"destination_name=\"$when.none\"" 'error_type="amqp:not-found"'
	done
	for side in process server; do
		delivered() { # WANT [ERROR]
			told "$when, $side: delivered ${2:-}" "$1" "messaging-$side" 'messaging_operation_name="deliver"' \
				'messaging_system_name="amqp"' 'messaging_operation_type="process"' ${named:+"destination_name=\"$when.out\""} ${2:+"error_type=\"$2\""}
		}
		delivered 10
		delivered 2 rejected
		delivered 1 released
	done
}

echo go > "$scratch/go"
ok "a client that was there before" wait_for 60 grep -q "done" "$scratch/early.log"
named='' # its links were attached unseen: their addresses are not known
sides early
ok "a client that comes later" peer client "$port" late
named=1
sides late
scrape
refused "no body, and no description of an error, is told" grep -q 'a secret' "$metrics"
all_understood "everything was understood" amqp1
nothing_lost "nothing was lost"
summary
