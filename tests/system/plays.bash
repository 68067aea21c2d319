# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Functions for the tests that play the traffic program's scenarios (capture.sh, namespaces.sh):
# played.py compares the metrics with what was done. Source it after tests/lib.sh and agent.bash.
#
# KEYHOLE_BUILD: where the programs were built (default: build/). KEYHOLE_BACKEND: of the loader.
# KEYHOLE_SLOW=1: in an emulated machine; longer waits, and what only repeats is left out.
# KEYHOLE_ANSWERS: a file for what the metrics said (played.py --answers).
# shellcheck disable=SC2154,SC2034 # what is lib.sh's and agent.bash's, and what the tests use
need_root
need "$loader_bin" "$collector_bin" "$traffic_bin" "$python" unshare setpriv

played=$(dirname "${BASH_SOURCE[0]}")/played.py
slow=${KEYHOLE_SLOW:-}
backend=${KEYHOLE_BACKEND:-auto}
answers=() # what the metrics said, to be compared with another backend's
[ -z "${KEYHOLE_ANSWERS:-}" ] || answers=(--answers "$KEYHOLE_ANSWERS")
patience=20
[ -z "$slow" ] || patience=60

# played.py's results become ours; what else it says is a failure.
results_of() { # PREFIX
	local line ok=ok name='' why='' last=''
	while IFS= read -r line; do
		case $line in
		"  # "*) why+=${line#  \# }$'\n'; continue ;;
		esac
		result_is "$1" "$ok" "$name" "$why"
		[ -z "$name" ] || last=$name
		name='' why=''
		case $line in
		"ok - "*) ok=ok name=${line#ok - } ;;
		"not ok - "*) ok='' name=${line#not ok - } ;;
		*) ok='' name='played.py says nothing else' why=$line ;;
		esac
	done
	result_is "$1" "$ok" "$name" "$why"
	# its last word: without it, it was stopped or died
	[ "${name:-$last}" = "nothing was dropped" ] || fail "$1: played.py ends" "it said last: ${name:-$last}"
}

result_is() { # PREFIX OK NAME WHY
	[ -n "$3" ] || return 0
	if [[ $3 = *' # skipped: '* ]]; then
		skip "$1: ${3%% # skipped: *}" "${3#* # skipped: }"
	elif [ -n "$2" ]; then
		pass "$1: $3"
	else
		fail "$1: $3" "$4"
	fi
}

# As the loader said: what "auto" has led to.
running_backend() {
	sed -n 's/.*, backend \([a-z+]*\)[,;].*/\1/p' "$loader_log"
}

# Plays scenarios while loader and collector run.
plays() { # PREFIX PLAYED-ARGUMENT...
	local prefix=$1
	shift
	results_of "$prefix" < <(
		"$python" "$played" --patience "$patience" --backend "$(running_backend)" \
			--loader "$loader" "$@" 2>&1 || true
	)
}

url=http://127.0.0.1:$metrics_port/metrics

start_both() { # [LOADER-OPTION...]
	: > "$loader_log"
	: > "$collector_log"
	# shellcheck disable=SC2119 # no options for the collector
	if ! start_loader --backend "$backend" "$@" || ! start_collector; then
		fail "loader and collector start" "$(cat "$loader_log" "$collector_log")"
		summary
		exit 1
	fi
}

# Plays what is open before Keyhole starts, by the command given.
plays_held() { # PREFIX START-COMMAND SCENARIO...
	local prefix=$1 begin=$2 holder
	shift 2
	rm -f "$scratch/go"
	mkfifo "$scratch/go"
	# shellcheck disable=SC2016 # expanded by that shell
	start "$scratch/held" bash -c 'exec "$@" < "$0"' "$scratch/go" \
		"$python" "$played" --patience "$patience" --hold "$traffic_bin" "$url" "$@"
	holder=$started
	exec 9> "$scratch/go"
	ok "$prefix: open before" wait_for "${KEYHOLE_SLOW:+1}60" grep -q '^held' "$scratch/held"
	"$begin"
	running_backend >&9
	exec 9>&-
	wait_for 240 stopped "$holder" || true
	results_of "$prefix" < <(grep -v '^held' "$scratch/held")
}

stop_both() { # WHEN
	ok "$1: the collector is still the same" process_start "$collector"
	ok "$1: the loader is still the same" process_start "$loader"
	stop "$collector"
	stop "$loader"
}
