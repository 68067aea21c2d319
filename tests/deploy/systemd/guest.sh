#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/deploy/systemd/guest.sh BUILD, in the emulated machine: starts a systemd, as process 1 of a
# PID namespace, and has it run the two units as they are shipped, with the programs of BUILD.
set -euo pipefail
cd "$(dirname "$0")/../../.."
# shellcheck source=tests/lib.sh
. tests/lib.sh

build=$1
metrics=$scratch/metrics
wants=/etc/systemd/system/keyhole-test.target.wants

install -m 755 "$build/loader/keyhole-loader" "$build/collector/keyhole-collector" /usr/local/bin/
install -m 644 deploy/systemd/*.service /etc/systemd/system/
systemd-sysusers "$PWD/deploy/systemd/keyhole.sysusers"
mkdir -p "$wants"
# Nothing of what else is installed here: the two and what they ask for.
printf '[Unit]\nDefaultDependencies=no\n' > "${wants%.wants}"
for role in loader collector; do
	ln -s "/etc/systemd/system/keyhole-$role.service" "$wants/"
	mkdir "/etc/systemd/system/keyhole-$role.service.d"
	printf '[Unit]\nDefaultDependencies=no\n[Service]\nStandardError=append:/run/%s.log\n' \
		"$role" > "/etc/systemd/system/keyhole-$role.service.d/test.conf"
done

start "$scratch/systemd.log" unshare --fork --pid --mount --mount-proc --uts --ipc --cgroup \
	--kill-child env container=keyhole-test /lib/systemd/systemd --system \
	--unit=keyhole-test.target --show-status=no --log-target=console
outer=$!
# Among the processes of that systemd, which answers to no other.
inside() { # CMD...
	nsenter -t "$(pgrep -P "$outer")" -p -m "$@"
}
unit() { # ROLE PROPERTY
	inside systemctl show -P "$2" "keyhole-$1.service"
}
active() { # ROLE
	[ "$(unit "$1" ActiveState)" = active ]
}
status_of() { # ROLE FIELD: of /proc/PID/status
	inside sed -n "s/^$2:[[:space:]]*//p" "/proc/$(unit "$1" MainPID)/status"
}
of_namespace() { # ROLE NAME
	inside readlink "/proc/$(unit "$1" MainPID)/ns/$2"
}
scrape() {
	curl -s -f -o "$metrics" http://127.0.0.1:9464/metrics
}
seen() { # COUNT: so many requests to our server
	local _
	for _ in 1 2 3; do curl -s -o "$scratch/answer" "http://127.0.0.1:$port/"; done
	scrape && [ "$(metric_sum "$metrics" http_server_request_duration_seconds_count "server_port=\"$port\"")" -ge "$1" ]
}

logs() {
	local log
	for log in /run/loader.log /run/collector.log; do
		[ ! -s "$log" ] || tail -n 30 "$log" | sed "s/^/# ${log##*/}: /"
	done
}

ok "the loader is ready: it has said READY=1" wait_for 180 active loader
if ! active loader; then
	inside systemctl --no-pager status keyhole-loader.service 2>&1 | sed 's/^/# /' || true
	logs
	summary
	exit
fi
ok "the collector runs" wait_for 60 active collector
ok "the collector answers a scrape" wait_for 60 scrape
port=$(free_port)
start "$scratch/server.log" /usr/bin/python3 -m http.server --bind 127.0.0.1 --directory "$scratch" "$port"
wait_for 60 listening "$port" || true
ok "requests are measured" wait_for 60 seen 3

for role in loader collector; do
	for field in CapInh CapPrm CapEff CapAmb; do
		is "$role: $field" "$(status_of "$role" "$field")" 0000000000000000
	done
	is "$role: no_new_privs" "$(status_of "$role" NoNewPrivs)" 1
	is "$role: seccomp: systemd's filter is in force, and its own" "$(status_of "$role" Seccomp)" 2
	ok "$role: more filters than its own" test "$(status_of "$role" Seccomp_filters)" -gt 1
	refused "$role: it is no root" grep -q '^0' <(status_of "$role" Uid)
	refused "$role: a file tree of its own" \
		test "$(of_namespace "$role" mnt)" = "$(inside readlink /proc/1/ns/mnt)"
done
is "the collector's uid" "$(status_of collector Uid | cut -f1)" 65532
refused "the loader has a network of its own" \
	test "$(of_namespace loader net)" = "$(inside readlink /proc/1/ns/net)"
is "the socket is the collector's group's" "$(stat -c '%a %G' /run/keyhole/loader.sock)" "660 keyhole"
is "so is its directory" "$(stat -c '%a %G' /run/keyhole)" "750 keyhole"

before=$(unit loader MainPID)
inside kill -KILL "$before"
again() {
	active loader && [ "$(unit loader MainPID)" != "$before" ]
}
ok "a loader that is killed is started again" wait_for 120 again
have=$(metric_sum "$metrics" http_server_request_duration_seconds_count "server_port=\"$port\"")
ok "and the same collector goes on with it" wait_for 120 seen $((have + 3))
is "the collector was not restarted" "$(unit collector NRestarts)" 0
ok "the units stop in order" inside systemctl stop keyhole-collector.service keyhole-loader.service
for role in loader collector; do
	is "$role: its end was a success" "$(unit "$role" Result)" success
done
logs
summary
