#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The loader needs no perf event, no mount, no tracefs, no debugfs and nothing of /proc/PID: in a
# jail (jail.c) that kills whoever asks for one of them it starts, serves collector after
# collector and ends, and never notices. Before that, the jail is seen to kill. As root.
#
# KEYHOLE_BUILD: where the programs were built (default: build/). KEYHOLE_BACKEND: of the loader.
# KEYHOLE_SLOW=1: in an emulated machine; longer waits, and larger heads are left out.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
scenario quiet
jail=$build/tests/system/jail attempt=$build/tests/system/attempt
backend=${KEYHOLE_BACKEND:-auto}
need_root
need "$loader_bin" "$collector_bin" "$traffic_bin" "$jail" "$attempt" curl pgrep unshare

# ---- the jail lets pass what is harmless ----

status_is() { # TEST-NAME STATUS CMD...: what was printed stays in $scratch/said
	local test=$1 want=$2 status=0
	shift 2
	"$@" > "$scratch/said" 2>&1 || status=$?
	if [ "$status" = "$want" ]; then
		pass "$test"
	else
		fail "$test" "status $status and not $want: $*"$'\n'"$(cat "$scratch/said")"
	fi
}

status_is "a command's status is the jail's" 7 "$jail" sh -c 'exit 7'
status_is "files elsewhere can be read" 0 "$jail" cat /proc/version /proc/sys/kernel/ostype \
	/sys/devices/system/cpu/possible /proc/fs/../uptime
status_is "so can those of children" 0 "$jail" sh -c 'cat /proc/version | cat'
status_is "a command that is not there" 127 "$jail" /nonexistent

slay() { # PID
	kill -KILL "$1"
	wait "$1" 2> /dev/null || true
}

jailed() { # TEST-NAME CMD...: starts it in the jail; sets $jailer and $inmate to the two pids
	start "$scratch/jail.log" "$jail" "${@:2}"
	jailer=$started
	inmate=
	running() {
		inmate=$(pgrep -P "$jailer") && [ "$(cat "/proc/$inmate/comm")" != jail ]
	}
	ok "$1" wait_for "${KEYHOLE_SLOW:+1}20" running
	inmate=$(pgrep -P "$jailer") || inmate=0
}

jailed "a command runs in the jail" sleep 1000
for field in Eff Prm Bnd; do
	is "it has the two capabilities and no other: Cap$field" \
		"$(sed -n "s/^Cap$field:\t//p" "/proc/$inmate/status")" 000000c000000000
done
is "the jail does not set no_new_privs for it" \
	"$(sed -n 's/^NoNewPrivs:\t//p' "/proc/$inmate/status")" 0
ended() { # PID: told to, it ends; its status is ours
	kill "$1"
	wait_for "${KEYHOLE_SLOW:+1}30" stopped "$1" || kill -KILL "$1"
	wait "$1"
}

status_is "SIGTERM is passed on" 143 ended "$jailer"
ok "and ends the command" stopped "$inmate"
jailed "another" sleep 1000
slay "$jailer"
ok "it does not outlive a jail that was killed" wait_for "${KEYHOLE_SLOW:+1}20" stopped "$inmate"

# ---- and bites at what is not ----

status_is "without the jail the same comes back" 0 "$attempt" perf_event_open -1
for call in perf_event_open mount umount2 pivot_root fsopen fspick fsconfig fsmount move_mount \
	open_tree mount_setattr chroot unshare setns open_by_handle_at io_uring_setup; do
	status_is "$call kills" 159 "$jail" "$attempt" "$call" -1
done

# Killed for a path through that place, which is said in one line.
bites() { # TEST-NAME PLACE CMD...
	local status=0 said
	"$jail" "${@:3}" > "$scratch/said" 2>&1 || status=$?
	said=$(< "$scratch/said")
	if [ "$status" = 99 ] && [[ $said =~ (^|$'\n')"jail: killed process "[^$'\n']*" leads into $2"($|$'\n') ]]; then
		pass "$1"
	else
		fail "$1" "status $status: $said"
	fi
}

ln -s /proc "$scratch/processes"
ln -s /sys/kernel/tracing/events "$scratch/events"
bites "another process" /proc/1 cat /proc/1/status
bites "itself" /proc/self cat /proc/self/status
bites "its thread" /proc/thread-self cat /proc/thread-self/comm
bites "a link of the system to itself" /proc/self cat /proc/mounts
bites "a descriptor by name" /proc/self cat /dev/fd/0
bites "a link of a test's" /proc/1 cat "$scratch/processes/../proc//./1/status"
bites "tracefs" /sys/kernel/tracing cat /sys/kernel/tracing/trace
bites "tracefs, by a link" /sys/kernel/tracing cat "$scratch/events"
bites "tracefs, where debugfs has it" /sys/kernel/debug cat /sys/kernel/debug/tracing/trace
bites "tracefs, from within /sys" /sys/kernel/tracing sh -c 'cd /sys/kernel && : < btf/../tracing/trace'
bites "debugfs itself" /sys/kernel/debug "$attempt" openat -100 /sys/kernel/debug 0x10000
bites "a working directory below /proc" /proc/1 sh -c 'cd /proc/1 && : < status'
bites "a descriptor of a directory" /proc/1 "$attempt" openat 3 1/status 3< /proc
# shellcheck disable=SC2094 # a directory
bites "a descriptor of a process's directory" /proc/1 "$attempt" openat 3 status 3< /proc/1
bites "openat2" /proc/1 "$attempt" openat2 -100 /proc/1/status
bites "openat2, below a directory" /proc/1 "$attempt" openat2 3 /1/status 3< /proc
bites "a handle" /proc/1 "$attempt" name_to_handle_at -100 /proc/1/status
bites "a program" /proc/self "$attempt" execve /proc/self/exe
if "$attempt" open > /dev/null 2>&1; then # arm64 has neither
	bites "open" /proc/1 "$attempt" open /proc/1/status
	bites "creat" /proc/1 "$attempt" creat /proc/1/status
fi
bites "a child, whatever becomes of its parent" /proc/self sh -c 'cat /proc/self/status; exit 0'
nofollow=0x20000 # O_NOFOLLOW
[ "$(uname -m)" != aarch64 ] || nofollow=0x8000
status_is "a link that is not followed" 0 "$jail" "$attempt" openat -100 "$scratch/events" "$nofollow"

elsewhere() { # TYPE FILE: a file system of that type, mounted for this command only
	mkdir -p "$scratch/other"
	# shellcheck disable=SC2016 # expanded by that shell
	unshare --mount sh -c 'mount -t "$1" other "$2" || exit 1; exec "$3" cat "$2/$4"' - \
		"$1" "$scratch/other" "$jail" "$2"
}
status_is "a procfs elsewhere" 99 elsewhere proc 1/status
status_is "the rest of it" 0 elsewhere proc version
status_is "a tracefs elsewhere" 99 elsewhere tracefs trace
status_is "a debugfs elsewhere" 99 elsewhere debugfs nothing

# ---- the loader does not notice ----

status_is "the loader in the jail: --check" 0 "$jail" "$loader_bin" --check --backend "$backend"

ready_or_dead() {
	grep -q 'sandbox:' "$loader_log" || stopped "$jailer"
}

starts() { # TEST-NAME [OPTION...]: returns when it is ready; without it there is nothing more to test
	start "$loader_log" "$jail" "$loader_bin" --socket "$socket" --backend "$backend" "${@:2}"
	jailer=$started
	wait_for "${KEYHOLE_SLOW:+1}30" ready_or_dead || true
	loader=$(pgrep -P "$jailer") || loader=0
	if grep -q 'sandbox: on' "$loader_log" && process_start "$loader" > /dev/null; then
		remember "$loader"
		pass "$1"
		return
	fi
	fail "$1" "$(cat "$loader_log")"
	summary
	exit 1
}

ends() { # TEST-NAME
	status_is "$1" 0 ended "$jailer"
	is "$1: the jail had nothing to say" "$(grep '^jail:' "$loader_log" || true)" ""
}

plays() { # TEST-NAME SCENARIO REQUESTS: both sides of them are counted
	local port
	port=$(free_port)
	ok "$1: $2 is played" "$traffic_bin" "$2" --port "$port" --requests "$3"
	served "$1: what servers answered is counted" "$3" "$port"
	made "$1: what clients asked for is counted" "$3" "$port"
}

starts "the loader in the jail: it starts"
says "the loader in the jail: it has the backend" "$loader_log" 'backend (tracepoint|fexit)'
start_collector
plays "the first collector" write 20
plays "the first collector" fresh 12
slay "$collector"
port=$(free_port)
ok "without a collector: fresh is played" "$traffic_bin" fresh --port "$port" --requests 10
start_collector
served "the second collector: what happened before it is counted" 10 "$port"
plays "the second collector" write 20
is "the loader gave its descriptors to both" "$(grep -c 'a collector took over' "$loader_log")" 2
ok "the loader is still the same" process_start "$loader"
stop "$collector"
ends "the loader in the jail: it ends in order"

# Another size of heads makes a map by another way.
if [ -z "${KEYHOLE_SLOW:-}" ]; then
	starts "the loader in the jail: it starts, with larger heads" --request-head 4096 --response-head 1024
	start_collector
	plays "larger heads" write 20
	stop "$collector"
	ends "the loader in the jail: it ends in order, with larger heads"
fi
summary
