#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Run by tests/vm/run: does the machine have what the system tests need? The first argument, if
# any, is what `uname -r` must begin with.
set -euo pipefail

uname -r
case $(uname -r) in
"${1:-}"*) ;;
*) echo "expected a kernel $1" >&2; exit 1 ;;
esac
[ "$(id -u)" = 0 ]
[ -r /sys/kernel/btf/vmlinux ]
cmp <(echo a) <(echo a)

mkdir /run/www
echo hello > /run/www/file
cd /run/www
python3 -m http.server --bind 127.0.0.1 8000 > /run/www.log 2>&1 &
server=$!
for _ in $(seq 300); do
	curl -s -o /dev/null http://127.0.0.1:8000/ && break
	sleep 0.1
done
[ "$(curl -s http://127.0.0.1:8000/file)" = hello ]
kill "$server"
echo "http over loopback: ok"

mkdir -p /sys/fs/cgroup/kubepods/pod1/c1
sleep 60 &
echo $! > /sys/fs/cgroup/kubepods/pod1/c1/cgroup.procs
[ "$(cat /proc/$!/cgroup)" = 0::/kubepods/pod1/c1 ]
kill $!
echo "cgroup2: ok"
