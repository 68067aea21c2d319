#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Where the instructions go that machine.sh counts in the kernel: the same machine, with and without
# Keyhole, and each instruction of 500 requests by the function it is of. The 40 functions that
# Keyhole adds most to are printed to standard error.
set -euo pipefail
cd "$(dirname "$0")/../.."
requests=500
dir=$(mktemp -d)
vm=
# shellcheck disable=SC2317 # called by the trap
finish() {
	[ -z "$vm" ] || kill "$vm" 2> /dev/null || true
	wait
	rm -rf "$dir"
}
trap finish EXIT

for side in without with; do
	mkfifo "$dir/trace"
	# Of the highest 2 GiB: the kernel's text and what is compiled at run time, BPF and its trampolines
	tests/vm/run -k 6.1 -i -t 3000 -a nokaslr -o "$dir/$side" \
		-q "-monitor unix:$dir/monitor,server,nowait -dfilter 0xffffffff81000000+0x7f000000" \
		tests/bench/profile_inside.sh "$BENCH_BUILD" $side > "$dir/log" 2>&1 &
	vm=$!
	until [ -e "$dir/$side/functions" ]; do # ready
		kill -0 "$vm" 2> /dev/null || {
			cat "$dir/log" >&2
			exit 1
		}
		sleep 0.5
	done
	tests/bench/profile count "$dir" $side $requests
	wait "$vm" || true # switched off
	vm=
	rm "$dir/trace"
done
tests/bench/profile compare "$dir/without/counts" "$dir/with/counts"
