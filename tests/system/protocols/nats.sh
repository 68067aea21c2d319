#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# NATS: a real nats-server, and its C library, on connections opened before Keyhole attached and
# after; and a client that says the protocol's words itself, one call each. As root.
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
need "$loader_bin" "$collector_bin" curl cc nats-server "$python"

port=$(free_port)
start "$scratch/nats.log" nats-server -a 127.0.0.1 -p "$port"
wait_for 60 listening "$port"

cc -o "$scratch/nats_client" "$here/nats_client.c" -lnats
# One client that is there before, and goes on when it is told to.
mkfifo "$scratch/go"
start "$scratch/early.log" "$scratch/nats_client" "$port" early "$scratch/go"
wait_for 30 grep -q ready "$scratch/early.log"

everything "$scratch/config.yml"
start_loader
start_collector --config "$scratch/config.yml"
echo go > "$scratch/go"
wait_for 60 grep -q done "$scratch/early.log"
ok "a client that comes later" "$scratch/nats_client" "$port" late
ok "a client without a library" "$python" "$here/nats_client.py" "$port" bare

for when in early late bare; do
	told "$when: publications, as the client made them" 30 messaging-client "server_port=\"$port\"" \
		'messaging_operation_name="publish"' "destination_name=\"$when\\.new\""
	told "$when: publications, as the server took them" 30 messaging-server \
		'messaging_operation_name="publish"' "destination_name=\"$when\\.new\""
	told "$when: messages, as the client got them" 30 messaging-process "server_port=\"$port\"" "destination_name=\"$when\\.new\""
	told "$when: requests" 10 messaging-client 'messaging_operation_name="request"' "destination_name=\"$when\\.ask\""
	told "$when: all of them were answered" 0 messaging-client "destination_name=\"$when\\.ask\"" 'error_type='
	told "$when: requests that nobody listens to" 5 messaging-client 'messaging_operation_name="request"' \
		"destination_name=\"$when\\.none\"" 'error_type="503"'
done
all_understood "everything was understood" nats
nothing_lost "nothing was lost"
scrape
refused "no header and no password is told" grep -q s3cret "$metrics" "$collector_log"
summary
