# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Functions for the system tests; source it first, end with `summary`. On exit, whatever way,
# every process started with start() is stopped by its pid, and every cgroup made with
# pod_cgroup() is removed. $scratch is a directory of this test; it is kept if something failed.
# Safe under `set -euo pipefail`. Needs bash, coreutils, awk, util-linux (setpriv).

scratch=$(mktemp -d "${TMPDIR:-/tmp}/keyhole-test.XXXXXX")
# In files, not variables, so that a function called in $(…) or (…) can add to them.
: > "$scratch/.results"
: > "$scratch/.processes"
: > "$scratch/.cgroups"
: > "$scratch/.ports"

# ---- results ----

pass() { # NAME
	echo "ok - $1"
	echo ok >> "$scratch/.results"
}

fail() { # NAME [WHY]
	echo "not ok - $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | tail -n 20 | sed 's/^/  # /'
	echo not >> "$scratch/.results"
}

skip() { # NAME WHY
	echo "ok - $1 # skipped: $2"
	echo skip >> "$scratch/.results"
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

# ---- processes ----

# When the process began, in ticks since boot; with the pid it names a process for good.
# Fails if there is none, or only its corpse.
process_start() { # PID
	# The name in the second field may hold spaces and parentheses.
	local line
	line=$(sed -n 's/.*) \([^Z].*\)/\1/p' "/proc/$1/stat" 2> /dev/null) && [ -n "$line" ] || return 1
	cut -d' ' -f20 <<< "$line"
}

# Runs CMD in the background with both outputs in LOG, sets $started to its pid. CMD may begin
# with in_cgroup, two_caps or unprivileged: the pid is the command's own.
start() { # LOG CMD...
	local log=$1
	shift
	"$@" > "$log" 2>&1 < /dev/null &
	started=$!
	echo "$started $(process_start "$started")" >> "$scratch/.processes"
}

stopped() { # PID: it has ended
	! process_start "$1" > /dev/null
}

# Ends a process in order, after five seconds by force. Fails only if it survives that.
stop() { # PID
	kill "$1" 2> /dev/null || true
	wait_for 5 stopped "$1" || kill -KILL "$1" 2> /dev/null || true
	wait_for 5 stopped "$1"
}

# Polls until the command succeeds; fails after that time.
wait_for() { # SECONDS CMD...
	local end=$((SECONDS + $1 + 1))
	shift
	until "$@" > /dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

listening() { # PORT: a TCP socket listens there
	local hex
	hex=$(printf '%04X' "$1")
	cat /proc/net/tcp /proc/net/tcp6 2> /dev/null | awk -v p=":$hex$" '$4 == "0A" && $2 ~ p { f = 1 } END { exit !f }'
}

# A TCP port that nothing uses now, never the same twice in a test; below the ephemeral range.
free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		grep -qx "$port" "$scratch/.ports" && continue
		cat /proc/net/tcp /proc/net/tcp6 2> /dev/null | grep -qi ":$(printf '%04X' "$port") " && continue
		echo "$port" | tee -a "$scratch/.ports"
		return
	done
}

# ---- privileges ----

# The next functions become the command: a shell that start(), $(…) or (…) made is replaced, the
# test's own is not. in_cgroup comes before the others, as it has to be root still.
become() { # CMD...
	if [ "$BASHPID" = "$$" ]; then
		"$@"
	elif [ "$(type -t "$1")" = function ]; then
		"$@"
	else
		exec "$@"
	fi
}

# Exactly CAP_BPF and CAP_PERFMON, and no way to any other.
two_caps() { # CMD...
	become setpriv --bounding-set=-all,+bpf,+perfmon --inh-caps=-all,+bpf,+perfmon \
		--ambient-caps=-all,+bpf,+perfmon "$@"
}

# Another user, without capability and without a way to one.
unprivileged() { # UID CMD...
	local uid=$1
	shift
	become setpriv --reuid="$uid" --regid="$uid" --clear-groups --no-new-privs \
		--bounding-set=-all --inh-caps=-all --ambient-caps=-all "$@"
}

# ---- cgroups ----

cgroup_shape() { # v2, hybrid or v1
	if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
		echo v2
	elif [ -e /sys/fs/cgroup/unified/cgroup.procs ]; then
		echo hybrid
	else
		echo v1
	fi
}

# The hierarchies in which the kubelet makes a pod's cgroups. On a hybrid host v2 is only
# systemd's: there the pods' processes stay in its root.
cgroup_roots() {
	local controller
	if [ "$(cgroup_shape)" = v2 ]; then
		echo /sys/fs/cgroup
		return
	fi
	for controller in memory pids cpu; do
		[ ! -e "/sys/fs/cgroup/$controller/cgroup.procs" ] || readlink -f "/sys/fs/cgroup/$controller"
	done
}

# Makes directories one by one and remembers those which were not there.
make_cgroup() { # ROOT PATH
	local dir=$1 name
	# shellcheck disable=SC2086 # split at the slashes
	for name in ${2//\// }; do
		dir=$dir/$name
		[ -d "$dir" ] && continue
		mkdir "$dir" || return
		echo "$dir" >> "$scratch/.cgroups"
	done
}

# Makes a container's cgroup as a kubelet with the cgroupfs driver does, and prints its path
# below the hierarchies' roots.
pod_cgroup() { # POD_UID CONTAINER_ID [besteffort|burstable|guaranteed]
	local path root
	case ${3:-besteffort} in
	guaranteed) path=/kubepods/pod$1/$2 ;;
	besteffort | burstable) path=/kubepods/${3:-besteffort}/pod$1/$2 ;;
	*) echo "pod_cgroup: no QoS class '$3'" >&2; return 1 ;;
	esac
	for root in $(cgroup_roots); do
		make_cgroup "$root" "$path" || return
	done
	echo "$path"
}

# Runs the command in a cgroup that pod_cgroup() printed.
in_cgroup() { # PATH CMD...
	local path=$1 root
	if [ "$BASHPID" = "$$" ]; then
		(in_cgroup "$@")
		return
	fi
	shift
	for root in $(cgroup_roots); do
		echo "$BASHPID" > "$root$path/cgroup.procs" || exit 125
	done
	become "$@"
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

stop_all() {
	local pid began dir
	while read -r pid began; do
		[ "$(process_start "$pid")" != "$began" ] || stop "$pid" || true
	done < <(tac "$scratch/.processes")
	while read -r dir; do # whoever is in a cgroup of ours was started by ours
		while read -r pid; do
			stop "$pid" || true
		done < "$dir/cgroup.procs"
		wait_for 5 rmdir "$dir" || echo "# cannot remove $dir" >&2
	done < <(tac "$scratch/.cgroups")
}

on_exit() {
	local status=$?
	trap - EXIT INT TERM
	set +e
	[ "$BASHPID" = "$$" ] || exit "$status"
	stop_all
	if [ ! -e "$scratch/.summary" ]; then
		echo "not ok - the test ended before its summary, with status $status"
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
