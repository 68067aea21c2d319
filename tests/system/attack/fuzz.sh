#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Every fuzz target of tests/fuzz, with AddressSanitizer and UndefinedBehaviorSanitizer, for
# KEYHOLE_FUZZ_SECONDS each (5), beginning with its corpus. What a target finds lies in $scratch.
# Built into build-fuzz/. Not where time is short: what it finds does not depend on the kernel.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
repo=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../../..")
unset KEYHOLE_BUILD
cd "$repo"

if [ -n "${KEYHOLE_SLOW:-}" ]; then
	skip "fuzz targets" "an emulated machine"
	summary
	exit
fi

# Everything that is a fuzz target, so that none can be forgotten here.
targets=()
for source in tests/fuzz/fuzz_*.c; do
	[ "$source" = tests/fuzz/fuzz_parser.c ] || targets+=("$(basename "$source" .c)")
done
# of fuzz_parser.c one for each parser
for name in $(sed -n "s/^parser_names = \[\(.*\)\]$/\1/p" collector/protocol/meson.build | tr -d "',"); do
	targets+=("fuzz_parser_$name")
done

build() {
	if [ ! -f build-fuzz/build.ninja ]; then
		rm -rf build-fuzz # half of one
		CC=clang-19 meson setup build-fuzz -Dfuzz=true -Db_lundef=false -Db_pie=false \
			-Db_sanitize=address,undefined -Dc_args=-fsanitize=fuzzer-no-link || return
	fi
	ninja -j2 -C build-fuzz "${targets[@]/#/tests/fuzz/}"
}
ok "they build with clang 19 and its sanitizers" build

before=$(git -C "$repo" status --porcelain tests/fuzz/corpus 2> /dev/null) || before=
# shellcheck disable=SC2154 # set by lib.sh
for target in "${targets[@]}"; do
	# what is new goes to the first directory; the corpus is only read
	mkdir -p "$scratch/$target/new"
	corpus=() seeds=${target#fuzz_}
	seeds=tests/fuzz/corpus/${seeds#parser_}
	[ ! -d "$seeds" ] || corpus=("$seeds")
	log=$scratch/$target/log
	if (cd "$scratch/$target" && UBSAN_OPTIONS=halt_on_error=1 "$repo/build-fuzz/tests/fuzz/$target" \
		-max_total_time="${KEYHOLE_FUZZ_SECONDS:-5}" -timeout=60 -close_fd_mask=0 \
		new "${corpus[@]/#/$repo/}") > "$log" 2>&1; then
		pass "$target$(sed -n 's/^Done \([0-9]*\) runs.*/: \1 inputs/p' "$log")"
	else
		fail "$target" "$(cat "$log")"
	fi
done
is "the corpora are as they were" \
	"$(git -C "$repo" status --porcelain tests/fuzz/corpus 2> /dev/null || true)" "$before"
summary
