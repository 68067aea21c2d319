#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A real server and a real client, on each kernel: nginx and curl are counted on both sides, also
# what they do while there is no collector, by a server and on a connection that are older than
# the loader. Short, since it also runs in emulated machines; lifecycle.sh and apps.sh have the
# rest. As root.
#
# KEYHOLE_BUILD, KEYHOLE_BACKEND, KEYHOLE_SLOW: see plays.bash.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
need_root
need "$loader_bin" "$collector_bin" "$traffic_bin" nginx curl

port=$(free_port) old=$(free_port)
url=http://127.0.0.1:$port/
backend=${KEYHOLE_BACKEND:-auto}

kill_now() { # PID
	kill -KILL "$1"
	wait "$1" 2> /dev/null || true
}

# ---- a server and a connection that are older than Keyhole ----

scenario restart
start_nginx "$scratch/web" "server { listen 127.0.0.1:$port; location / { return 200 'hello\n'; } }"
wait_for "${KEYHOLE_SLOW:+1}30" listening "$port"
mkfifo "$scratch/go"
# shellcheck disable=SC2016 # expanded by that shell
start "$scratch/held" bash -c 'exec "$@" < "$0"' "$scratch/go" "$traffic_bin" keep-alive --port "$old" \
	--requests 12 --hold
exec 9> "$scratch/go"
ok "a connection is open before Keyhole starts" wait_for "${KEYHOLE_SLOW:+1}30" grep -q ready "$scratch/held"

scenario older
declare -A midway
for mode in download upload; do
	midway[$mode]=$(free_port)
	mkfifo "$scratch/$mode.go"
	# shellcheck disable=SC2016 # expanded by that shell
	start "$scratch/$mode" bash -c 'exec "$@" < "$0"' "$scratch/$mode.go" \
		"$python" "${BASH_SOURCE[0]%/*}/midway.py" "$mode" "${midway[$mode]}" 7
done
exec 7> "$scratch/download.go" 8> "$scratch/upload.go"
ok "a download is under way before Keyhole starts" wait_for "${KEYHOLE_SLOW:+1}30" grep -q ready "$scratch/download"
ok "so is an upload" wait_for "${KEYHOLE_SLOW:+1}30" grep -q ready "$scratch/upload"

start_loader --backend "$backend"
echo 'routes: {unmatched: path}' > "$scratch/c.yml"
start_collector --config "$scratch/c.yml"
if [ -n "${KEYHOLE_RUNS:-}" ]; then
	is "the backend that runs is the one that --check names" \
		"$(sed -n 's/.*, backend \([a-z+]*\)[,;].*/\1/p' "$loader_log")" "$KEYHOLE_RUNS"
fi

# ---- the requests after a long body ----

echo go >&7
echo go >&8
exec 7>&- 8>&-
for mode in download upload; do
	served "what follows the $mode: its server" 7 "${midway[$mode]}" 'status_code="200"'
	made "what follows the $mode: its client" 7 "${midway[$mode]}" 'status_code="200"'
done

# ---- nginx and curl ----

scenario server+client
ask 20 "$url"
served "nginx: its answers" 20 "$port" 'service_name="nginx"' 'status_code="200"'
made "curl: its requests" 20 "$port" 'service_name="curl"' 'status_code="200"'
ask 6 "${url}shop/checkout"
served "the path that was asked for, as the server has it" 6 "$port" 'http_route="/shop/checkout"'
made "and as the client has it" 6 "$port" 'http_route="/shop/checkout"'
nothing_lost "nothing was lost"

# ---- whoever collects ----

scenario restart
kill_now "$collector"
ask 15 "$url"
start_collector
served "what happened while there was no collector is the next one's" 15 "$port"
made "and on the client's side" 15 "$port"

kill_now "$collector"
kill_now "$loader"
rm -f "$socket"
ask 5 "$url" # nobody sees these
start_loader --backend "$backend"
start_collector
ask 10 "$url"
served "after both were killed: new connections" 10 "$port"
echo go >&9
exec 9>&-
served "a connection from before all of them: its server" 12 "$old"
made "a connection from before all of them: its client" 12 "$old"
nothing_lost "nothing was lost then"
summary
