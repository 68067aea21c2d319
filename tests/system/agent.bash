# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Functions for the system tests that run the loader and the collector; source it after
# tests/lib.sh. Programs are taken from $KEYHOLE_BUILD (default: build/ in the repository).

# shellcheck disable=SC2154,SC2034,SC2120 # what is lib.sh's, and what the tests use
repo=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
build=$(readlink -f "${KEYHOLE_BUILD:-$repo/build}") || build=
unset KEYHOLE_BUILD # to the collector it would be a variable of its own, misspelt
loader_bin=$build/loader/keyhole-loader collector_bin=$build/collector/keyhole-collector
traffic_bin=$build/tests/system/traffic traffic32_bin=$build/tests/system/traffic32
python=/usr/bin/python3 # Debian's, whose modules and whose executable's name are known

# As the manifests lay it out: the collector's group may use the socket, nobody else.
socket_dir=$scratch/run socket=$scratch/run/loader.sock
chmod 711 "$scratch"
mkdir "$socket_dir"
chgrp 65532 "$socket_dir"
chmod 2770 "$socket_dir"

loader=0 collector=0 loader_log=$scratch/loader.log collector_log=$scratch/collector.log
metrics_port=$(free_port)
metrics=$scratch/metrics

need() { # PROGRAM...: without them there is nothing to test
	local program
	for program in "$@"; do
		if ! command -v "$program" > /dev/null; then
			fail "$program is there" "install what tests/run installs, build into $build"
			summary
			exit 1
		fi
	done
}

need_root() {
	[ "$(id -u)" = 0 ] && return
	fail "this test runs as root" "uid $(id -u): BPF programs are loaded and cgroups made"
	summary
	exit 1
}

# ---- loader and collector ----

start_loader() { # [OPTION...]: returns when it is ready
	start "$loader_log" two_caps "$loader_bin" --socket "$socket" "$@"
	loader=$started
	wait_for "${KEYHOLE_SLOW:+1}30" grep -q 'sandbox:\|--no-sandbox' "$loader_log"
}

# Likewise below strace, whose child is the loader: what strace leaves behind is stopped, too.
trace_loader() { # CALLS-FILE [STRACE-OPTION...]
	local calls=$1
	shift
	start "$loader_log" strace -f -qq -o "$calls" "$@" "${only_two_caps[@]}" "$loader_bin" --socket "$socket"
	wait_for 60 grep -q 'sandbox:' "$loader_log"
	loader=$(pgrep -P "$started")
	remember "$loader"
}

# The environment decides where it listens and where the loader is, so that configurations can be
# taken as they are.
run_collector() { # [NAME=VALUE...] [OPTION...]
	local set=()
	while [[ ${1:-} == [A-Z]*=* ]]; do
		set+=("$1")
		shift
	done
	become env KEYHOLE_LISTEN_ADDRESS=127.0.0.1 KEYHOLE_PROMETHEUS_PORT="$metrics_port" \
		KEYHOLE_LOADER_SOCKET="$socket" "${set[@]}" "$collector_bin" "$@"
}

start_collector() { # [NAME=VALUE...] [OPTION...]: returns when it captures
	start "$collector_log" run_collector "$@"
	collector=$started
	wait_for "${KEYHOLE_SLOW:+1}30" grep -q 'connected to loader' "$collector_log" || return
	wait_for "${KEYHOLE_SLOW:+1}20" serving
}

# BPF programs that the process holds, by number: others' are not looked at.
programs_of() { # PID
	cat "/proc/$1/fdinfo/"* 2> /dev/null | awk '$1 == "prog_id:" && $2 { print $2 }' | sort -un
}

no_programs() { # ID...: none of them is loaded any more
	local id
	for id in "$@"; do
		! bpftool prog show id "$id" > /dev/null 2>&1 || return 1
	done
}

apart() { # PID: it has a network of its own by now
	[ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}
hold_net() { # LOG: sets started, a process in a network of its own, which is there as long
	start "$1" unshare --net sleep infinity
	wait_for "${KEYHOLE_SLOW:+1}20" apart "$started"
}

# ---- what is exported ----

serving() {
	curl -sf -o /dev/null "http://127.0.0.1:$metrics_port/healthz"
}

scrape() { # [FILE]: the metrics as they are now
	curl -sf --max-time 60 "http://127.0.0.1:$metrics_port/metrics" > "${1:-$metrics}"
}

# A sample's sum, of a scrape made for it.
now_sum() { # NAME [REGEX...]
	scrape && metric_sum "$metrics" "$@"
}

reached() { # WANT NAME [REGEX...]
	local want=$1 got
	shift
	got=$(now_sum "$@") || return 1
	awk -v g="$got" -v w="$want" 'BEGIN { exit !(g >= w) }'
}

# The sum becomes exactly that, and stays so.
counts() { # TEST-NAME WANT NAME [REGEX...]
	local test=$1 want=$2
	shift 2
	wait_for "${KEYHOLE_SLOW:+1}20" reached "$want" "$@" || true
	sleep 0.15 # the longest delay of a record
	is "$test" "$(now_sum "$@")" "$want"
}

served() { # TEST-NAME WANT PORT [REGEX...]: requests that servers on this port answered
	local test=$1 want=$2 port=$3
	shift 3
	counts "$test" "$want" http_server_request_duration_seconds_count "server_port=\"$port\"" "$@"
}

made() { # TEST-NAME WANT PORT [REGEX...]: requests that clients made to this port
	local test=$1 want=$2 port=$3
	shift 3
	counts "$test" "$want" http_client_request_duration_seconds_count "server_port=\"$port\"" "$@"
}

# The sum once it is one and the same for half a second: all that was done before is in it.
settled_sum() { # NAME [REGEX...]
	local was now=
	for _ in {1..40}; do
		was=$now
		now=$(now_sum "$@") && [ "$now" = "$was" ] && break
		sleep 0.5
	done
	echo "$now"
}

within() { # TEST-NAME VALUE MIN MAX
	if [[ $2 =~ ^-?[0-9.]+(e[-+]?[0-9]+)?$ ]] && awk -v v="$2" -v a="$3" -v b="$4" 'BEGIN { exit !(v + 0 >= a && v + 0 <= b) }'; then
		pass "$1"
	else
		fail "$1" "$2 is not in [$3, $4]"
	fi
}

# No record was lost, in the kernel or in the collector, whatever the reason.
nothing_lost() { # TEST-NAME
	local found
	scrape
	found=$(grep -E '^keyhole_(bpf_(exchange|part|life)_drops_total|limit_reached_total.*(waiting_room|connections|series)|records_dropped_total.*(invalid|ring_full|_part|no_room|too_long))' "$metrics" |
		grep -v ' 0$') || true
	is "$1" "$found" ""
}

says() { # TEST-NAME FILE REGEX: a line of the log, once it is written
	if wait_for "${KEYHOLE_SLOW:+1}20" grep -qE -- "$3" "$2"; then
		pass "$1"
	else
		fail "$1" "no line like: $3"$'\n'"$(tail -n 15 "$2")"
	fi
}

# ---- servers ----

# nginx in the foreground; its temporary files lie here. BODY is what stands in http {}.
start_nginx() { # DIRECTORY BODY [in_cgroup PATH]
	local dir=$1 body=$2
	shift 2
	mkdir -p "$dir"
	chmod 755 "$dir"
	cat > "$dir/nginx.conf" <<-NGINX
		daemon off; worker_processes 2; pid $dir/pid; error_log $dir/error.log; user root;
		events { worker_connections 1024; }
		http {
			access_log off; sendfile on; keepalive_requests 1000000; root $dir;
			client_body_temp_path $dir/b; proxy_temp_path $dir/p; fastcgi_temp_path $dir/f;
			uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
			$body
		}
	NGINX
	start "$dir/log" "$@" nginx -c "$dir/nginx.conf"
}

# A client whose number of requests is known: N of them one after the other on one connection.
ask() { # N URL [CURL-OPTION...]
	local n=$1 url=$2
	shift 2
	curl -s -o /dev/null "$@" "$url?[1-$n]"
}
