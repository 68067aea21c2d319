#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/verifier/budget.sh [--update[=FILE]] [BUILD]
#
# No BPF program costs the verifier more than bpf/verifier.budget has for the kernel on which this
# runs. As root, natively or by tests/vm/run. BUILD is where the programs were built (default:
# $KEYHOLE_BUILD, or build/ in the repository).
#   --update  measures and rewrites this kernel's rows instead; to FILE, the other rows as they
#             are, if one is named. tests/verifier/update does it for every kernel there is.
set -euo pipefail

# What a row may be exceeded by. The program's own instructions come from bpf/ and the compiler
# only, not from the kernel: none. The verifier's work differs a little between point releases.
slack_insns=0 slack_percent=5
slack_least=10 # 5 % of a few states is no state
# A row that is that much too high is told, and so is a program beyond that part of the limit.
lower_percent=25 near_percent=50
verifier_limit=1000000 # instructions processed, BPF_COMPLEXITY_LIMIT_INSNS

usage() {
	sed -n 's/^# \(tests\/verifier\/budget.sh .*\)/usage: \1/p' "${BASH_SOURCE[0]}" >&2
	exit 2
}

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
budget=$repo/bpf/verifier.budget build=${KEYHOLE_BUILD:-$repo/build} update=''
case ${1:-} in
--update) update=$budget && shift ;;
--update=?*) update=${1#*=} && shift ;;
-*) usage ;;
esac
[ $# -le 1 ] || usage
build=${1:-$build}

# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$repo/tests/lib.sh"
scenario budget
series=$(uname -r | sed 's/^\([0-9]*\.[0-9]*\).*/\1/')

stop_here() { # TEST-NAME WHY
	fail "$1" "$2"
	summary || exit 1
}

rows() { # [SERIES]: of the budget
	awk -v s="${1:-}" '!/^(#|built |$)/ && (s == "" || $1 == s)' "$budget"
}

order=(env LC_ALL=C sort '-k1,1V' '-k2b,2' '-k3b,3')

# ---- what this kernel's verifier says ----

[ "$(id -u)" = 0 ] || stop_here "this test runs as root" "uid $(id -u): BPF programs are loaded"
[ -x "$build/tests/verifier/measure" ] ||
	stop_here "tests/verifier/measure is built" "not in $build: meson setup build && ninja -C build"
[ -f "$budget" ] || stop_here "there is a budget" "no file $budget"

status=0
two_caps "$build/tests/verifier/measure" > "$scratch/measured" 2> "$scratch/errors" || status=$?
built=$(sed -n 's/^built //p' "$scratch/measured")
budget_built=$(sed -n 's/^built //p' "$budget")
if [ "$status" = 77 ] && [ -z "$(rows "$series")" ]; then
	skip "Linux $series: programs within their budget" "$(cat "$scratch/errors" "$scratch/measured")"
	summary
	exit
elif [ "$status" != 0 ]; then
	stop_here "the programs load" "$(cat "$scratch/errors" "$scratch/measured")"
fi

# ---- --update ----

rewrite() {
	sed '/^[^#]/,$d' "$budget"
	echo "built $built"
	{
		# what this kernel has not got, another of its series may have
		rows | awk -v s="$series" '
			NR == FNR { if ($1 == "without") without[$2]; next }
			$1 != s || $2 in without' "$scratch/measured" -
		awk -v s="$series" '$1 != "built" && $1 != "without" { print s, $0 }' "$scratch/measured"
	} | "${order[@]}" | awk '{ printf "%-5s %-16s %-15s %6d %8d %7d %7d\n", $1, $2, $3, $4, $5, $6, $7 }'
}

if [ -n "$update" ]; then
	[ "${budget_built:-$built}" = "$built" ] ||
		stop_here "rows of one file are of one compiler and architecture" \
			"$budget is for $budget_built, this build is $built; to start anew, remove its rows and its line \"built\""
	rewrite > "$scratch/new"
	diff -U0 "$budget" "$scratch/new" | sed '1,2d' || true
	ok "the rows of Linux $series are what was measured" cp "$scratch/new" "$update"
	summary
	exit
fi

# ---- the comparison ----

rows > "$scratch/rows"
wrong=$(awk 'NF != 7 || ($4 $5 $6 $7) !~ /^[0-9]+$/ || seen[$1, $2, $3]++' "$scratch/rows")
is "each row has seven columns, and there is one for a program" "$wrong" ""
ok "the rows are in order" "${order[@]}" -c "$scratch/rows"
if [ "$built" != "$budget_built" ]; then
	skip "Linux $series: programs within their budget" \
		"the budget is for $budget_built, this build is $built"
	summary
	exit
elif [ -z "$(rows "$series")" ]; then
	skip "Linux $series: programs within their budget" "the budget knows no Linux $series"
	summary
	exit
fi

# Lines `pass|fail|skip|note TAB NAME TAB WHY`.
awk -v series="$series" -v slack_insns="$slack_insns" -v slack_percent="$slack_percent" \
	-v slack_least="$slack_least" -v lower_percent="$lower_percent" -v near_percent="$near_percent" \
	-v limit="$verifier_limit" '
function say(verdict, name, why) { printf "%s\t%s\t%s\n", verdict, name, why }
function most(a, b) { return a > b ? a : b }
function allowed(column, row) {
	return row + (column == 1 ? slack_insns : most(slack_least, row * slack_percent / 100))
}
function compare(backend, program,    got, row, i, over, under) {
	split(measured[backend, program], got, " ")
	split(budget[backend, program], row, " ")
	for (i = 1; i <= 4; i++) {
		if (got[i] > allowed(i, row[i]))
			over = over (over ? "; " : "") what[i] " " got[i] ", budget " row[i] \
				sprintf(" (+%.1f %%, %s is allowed)", 100 * (got[i] - row[i]) / most(row[i], 1), \
					i == 1 ? slack_insns : slack_percent " %")
		if (row[i] - got[i] > most(slack_least, row[i] * lower_percent / 100))
			under = under (under ? "; " : "") what[i] " " got[i] ", budget " row[i]
	}
	say(over ? "fail" : "pass", backend " " program ": within its budget", over)
	if (under) say("note", backend " " program, "could be lowered: " under)
	if (got[2] > limit * near_percent / 100)
		say("note", backend " " program, "processed " got[2] " of the " limit " that the verifier allows")
}
BEGIN { split("instructions,processed,total states,peak states", what, ",") }
FILENAME == ARGV[1] && $1 == "without" {
	name = $2
	sub(/^without [^ ]+ /, "")
	without[name] = $0
	next
}
FILENAME == ARGV[1] && $1 != "built" {
	measured[$1, $2] = $3 " " $4 " " $5 " " $6
	ran[$1]
	order[++n] = $1 SUBSEP $2
}
FILENAME == ARGV[2] && $1 == series { budget[$2, $3] = $4 " " $5 " " $6 " " $7; known[$2] }
END {
	for (i = 1; i <= n; i++) {
		split(order[i], key, SUBSEP)
		if (order[i] in budget)
			compare(key[1], key[2])
		else if (key[1] in known)
			say("fail", key[1] " " key[2] ": has a budget", "no row for Linux " series)
	}
	for (b in ran) if (!(b in known))
		say("skip", b ": programs within their budget", "the budget does not know it for Linux " series)
	for (b in known) {
		if (b in without)
			say("skip", b ": programs within their budget", "not here: " without[b])
		else if (!(b in ran))
			say("fail", b ": exists", "the budget has rows for a backend that Keyhole has not")
	}
	for (row in budget) {
		split(row, key, SUBSEP)
		if (key[1] in ran && !(row in measured))
			say("fail", key[1] " " key[2] ": exists", "the budget has a row for it, but it is not loaded on Linux " series)
	}
}' "$scratch/measured" "$scratch/rows" > "$scratch/verdicts"
failed=0
while IFS=$'\t' read -r verdict name why; do
	case $verdict in
	pass) pass "$name" ;;
	fail) fail "$name" "$why" && failed=1 ;;
	skip) skip "$name" "$why" ;;
	note) echo "# $name: $why" ;;
	esac
done < "$scratch/verdicts"
[ "$failed" = 0 ] || echo "# if that is meant: tests/verifier/update, and say why in the commit"
summary
