# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Functions that do on one machine what a Kubernetes node does: run processes with exact
# privileges, in cgroups shaped as the kubelet shapes them; and take all of it away again. For
# deploy/demo and, through tests/lib.sh, for the system tests.
#
# Set $scratch to a directory of your own, then source this; call stop_all on exit.
# Safe under `set -euo pipefail`. Needs bash, coreutils, awk, util-linux (setpriv).

# In files, not variables, so that a function called in $(…) or (…) can add to them.
: > "${scratch:?set it to a directory of your own}/.processes"
: > "$scratch/.cgroups"
: > "$scratch/.ports"

# ---- processes ----

# When the process began, in ticks since boot; with the pid it names a process for good.
# Fails if there is none, or only its corpse.
process_start() { # PID
	# The name in the second field may hold spaces and parentheses.
	local line
	line=$(sed -n 's/.*) \([^Z].*\)/\1/p' "/proc/$1/stat" 2> /dev/null) && [ -n "$line" ] || return 1
	cut -d' ' -f20 <<< "$line"
}

# Has stop_all stop it too.
remember() { # PID
	echo "$1 $(process_start "$1")" >> "$scratch/.processes"
}

# Runs CMD in the background with both outputs in LOG, sets $started to its pid. CMD may begin
# with in_cgroup, two_caps or unprivileged: the pid is the command's own.
start() { # LOG CMD...
	local log=$1
	shift
	"$@" > "$log" 2>&1 < /dev/null &
	started=$!
	remember "$started"
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
only_two_caps=(setpriv --bounding-set=-all,+bpf,+perfmon --inh-caps=-all,+bpf,+perfmon
	--ambient-caps=-all,+bpf,+perfmon)

two_caps() { # CMD...
	become "${only_two_caps[@]}" "$@"
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

# ---- the end ----

# Stops what start() started and whoever else is in a cgroup of ours, and removes these.
stop_all() {
	local pid began dir
	while read -r pid began; do
		[ "$(process_start "$pid")" != "$began" ] || stop "$pid" || true
	done < <(tac "$scratch/.processes")
	while read -r dir; do # whoever is in a cgroup of ours was started by ours
		[ -d "$dir" ] || continue # the test removed it itself
		while read -r pid; do
			stop "$pid" || true
		done < "$dir/cgroup.procs"
		wait_for 5 rmdir "$dir" || echo "# cannot remove $dir" >&2
	done < <(tac "$scratch/.cgroups")
}
