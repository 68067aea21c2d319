#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The functions of tests/lib.sh keep their promises. As root; leaves nothing behind.
#
# shellcheck disable=SC2016 # what is in single quotes is for an inner test to expand
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
lib=$(readlink -f "${BASH_SOURCE[0]%/*}/../lib.sh")

inner() { # SCRIPT: a test of its own; prints what it printed, and its status
	local status=0
	TMPDIR=$scratch bash -euo pipefail -c ". '$lib'; $1" 2>&1 || status=$?
	echo "status $status"
}
capabilities() { # Eff|Bnd... of the status in FILE
	sed -n "s/^Cap$1:\t0*//p" "$2"
}

# results
said=$(inner 'ok a true; ok b false; is c 1 2; refused d false; skip e why; summary')
ok "a failure is named and shown" grep -q '^not ok - b$' <<< "$said"
ok "a failed command is told" grep -q '# command failed: false' <<< "$said"
ok "results are counted" grep -q '^2 passed, 2 failed, 1 skipped$' <<< "$said"
ok "a failure is the exit status" grep -q '^status 1$' <<< "$said"
is "a test that dies before its summary fails" \
	"$(inner 'ok a true; exit 0' | grep -c -e '^not ok' -e '^status 1')" 2
is "a test without failure leaves no directory" \
	"$(inner 'ok a true; echo $scratch; summary' | sed -n 2p | xargs ls -d 2>&1 | grep -c 'No such')" 1

# processes
start "$scratch/sleep" sleep 100
pid=$started
is "the pid is the command's" "$(cat "/proc/$pid/comm")" sleep
stop "$pid"
ok "a process stopped is gone" stopped "$pid"
said=$(inner 'start /dev/null sleep 100; echo pid $started; start /dev/null bash -c "trap : TERM; while :; do sleep 1; done"; echo pid $started; exit 3')
while read -r pid; do
	ok "what a dying test started is stopped" stopped "$pid"
done < <(sed -n 's/^pid //p' <<< "$said")
refused "waiting ends" wait_for 1 false
port=$(free_port)
refused "a free port has no listener" listening "$port"
start "$scratch/http" python3 -m http.server --bind 127.0.0.1 "$port"
ok "a listener is seen" wait_for 30 listening "$port"
stop "$started"

# metrics
cat > "$scratch/metrics" <<'METRICS'
# TYPE a counter
a_total{x="1",y="q\"},{b"} 5 1700000000000
a_total{x="2",y="c"} 1.5e1
a_total_more{x="1"} 100
a_total 2
METRICS
is "samples are summed" "$(metric_sum "$scratch/metrics" a_total)" 22
is "labels select" "$(metric_sum "$scratch/metrics" a_total 'x="1"')" 5
is "every pattern has to match" "$(metric_sum "$scratch/metrics" a_total 'x="1"' 'y="c"')" 0
is "patterns are regular expressions" "$(metric_sum "$scratch/metrics" a_total 'x="[12]"')" 20
is "a dot can be escaped" "$(echo 'b{x="1.5"} 1' | metric_sum - b 'x="1\.5"')" 1
is "samples are counted" "$(metric_count "$scratch/metrics" a_total)" 3

if [ "$(id -u)" != 0 ]; then
	skip "privileges and cgroups" "not root"
	summary
	exit
fi

# privileges
two_caps cat /proc/self/status > "$scratch/status"
is "two_caps gives two" "$(capabilities Eff "$scratch/status")" c000000000
is "two_caps leaves no way to more" "$(capabilities Bnd "$scratch/status")" c000000000
unprivileged 65532 cat /proc/self/status > "$scratch/status"
is "unprivileged has none" "$(capabilities Eff "$scratch/status")$(capabilities Bnd "$scratch/status")" ""
is "unprivileged is somebody else" "$(sed -n 's/^Uid:\t//p' "$scratch/status")" $'65532\t65532\t65532\t65532'

# cgroups
uid=0f0e0d0c-1111-2222-3333-$(printf '%012x' $$)
for qos in besteffort burstable guaranteed; do
	path=$(pod_cgroup "$uid" "c-$qos" "$qos")
	start "$scratch/in" in_cgroup "$path" two_caps sleep 100
	wait_for 10 grep -q sleep "/proc/$started/comm"
	is "$qos: a process is where the kubelet would have it ($(cgroup_shape))" \
		"$(grep -c ":$path$" "/proc/$started/cgroup")" "$(cgroup_roots | wc -l)"
	is "$qos: in_cgroup takes two_caps" \
		"$(capabilities Eff "/proc/$started/status")" c000000000
done
is "the test's own shell stays where it was" "$(grep -c kubepods /proc/$$/cgroup)" 0
in_cgroup "$path" true
is "also after one in the foreground" "$(grep -c kubepods /proc/$$/cgroup)" 0
said=$(inner "p=\$(pod_cgroup $uid left); start /dev/null in_cgroup \$p sleep 100; exit 3")
is "a dying test removes its cgroups" "$(find "$(cgroup_roots | head -n 1)" -name left)" ""
summary
