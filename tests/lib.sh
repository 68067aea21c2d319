# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Functions for the system tests; source it first, end with `summary`. On exit, whatever way,
# every process started with start() is stopped by its pid, and every cgroup made with
# pod_cgroup() is removed. $scratch is a directory of this test; it is kept if something failed.
# Safe under `set -euo pipefail`. Processes, privileges and cgroups are in deploy/node.sh.

scratch=$(mktemp -d "${TMPDIR:-/tmp}/keyhole-test.XXXXXX")
# In a file, not a variable, so that a function called in $(…) or (…) can add to it.
: > "$scratch/.results"
# shellcheck source=deploy/node.sh
. "$(dirname "${BASH_SOURCE[0]}")/../deploy/node.sh"

# ---- results ----

# What the tests from here on are about: a column of the table of kernels (tests/vm/matrix).
scenario() { # NAME
	scenario_now=$1
}
scenario_now=other

# With $KEYHOLE_RESULTS, each result also goes to that file, as `RESULT SCENARIO`.
result() { # ok|not|skip
	echo "$1" >> "$scratch/.results"
	[ -z "${KEYHOLE_RESULTS:-}" ] || echo "$1 $scenario_now" >> "$KEYHOLE_RESULTS"
}

pass() { # NAME
	echo "ok - $1"
	result ok
}

fail() { # NAME [WHY]
	echo "not ok - $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | tail -n 20 | sed 's/^/  # /'
	result not
}

skip() { # NAME WHY
	echo "ok - $1 # skipped: $2"
	result skip
}

# The command succeeds; what it printed is shown only if not.
ok() { # NAME CMD...
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then
		pass "$name"
	else
		fail "$name" "$(printf '%s\n%s' "command failed: $*" "$said")"
	fi
}

# The command fails.
refused() { # NAME CMD...
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then
		fail "$name" "$(printf '%s\n%s' "command succeeded: $*" "$said")"
	else
		pass "$name"
	fi
}

is() { # NAME GOT WANT
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "$(printf 'got:  %s\nwant: %s' "$2" "$3")"
	fi
}

count_results() { # ok|not|skip
	grep -c -x "$1" "$scratch/.results" || true
}

# Prints the counts; fails if a test did, or if there was none.
summary() {
	local skipped
	skipped=$(count_results skip)
	: > "$scratch/.summary"
	echo "$(count_results ok) passed, $(count_results not) failed$([ "$skipped" = 0 ] || echo ", $skipped skipped")"
	[ "$(count_results not)" = 0 ] && [ -s "$scratch/.results" ]
}

# ---- metrics ----

# Reads Prometheus or OpenMetrics text from FILE (- for standard input) and takes the samples of
# exactly that NAME whose labels, the text between the braces, match every REGEX (awk's).
metric() { # sum|count FILE NAME [REGEX...]
	# Arguments and not variables: awk would expand backslashes in these.
	awk '
	BEGIN {
		what = ARGV[1]; name = ARGV[3]
		for (i = 4; i < ARGC; i++) { want[i] = ARGV[i]; ARGV[i] = "" }
		ARGV[1] = ARGV[3] = ""
	}
	index($0, name) == 1 {
		rest = substr($0, length(name) + 1)
		labels = ""
		if (substr(rest, 1, 1) == "{") { # a value may hold a brace, or a quote after a backslash
			quoted = 0
			for (p = 2; p <= length(rest); p++) {
				c = substr(rest, p, 1)
				if (c == "\\") p++
				else if (c == "\"") quoted = !quoted
				else if (c == "}" && !quoted) break
			}
			labels = substr(rest, 2, p - 2)
			rest = substr(rest, p + 1)
		}
		if (substr(rest, 1, 1) != " ") next # a longer name
		for (i in want) if (labels !~ want[i]) next
		split(rest, field, " ")
		sum += field[1]
		count++
	}
	END { printf "%.15g\n", what == "sum" ? sum : count }' "$@"
}

metric_sum() { # FILE NAME [REGEX...]: their sum, 0 if there is none
	metric sum "$@"
}

metric_count() { # FILE NAME [REGEX...]: how many there are
	metric count "$@"
}

# ---- on exit ----

on_exit() {
	local status=$?
	trap - EXIT INT TERM
	set +e
	[ "$BASHPID" = "$$" ] || exit "$status"
	stop_all
	if [ ! -e "$scratch/.summary" ]; then
		fail "the test ended before its summary, with status $status"
		[ "$status" != 0 ] || status=1
	fi
	if [ "$status" = 0 ]; then
		rm -rf "$scratch"
	else
		echo "# logs are in $scratch"
	fi
	exit "$status"
}
trap on_exit EXIT
trap 'exit 130' INT TERM
