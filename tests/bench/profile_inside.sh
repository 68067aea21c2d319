#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# profile_inside.sh BUILD without|with: run by profile.sh in a machine that counts instructions. Says
# which function stands where, then keeps nginx busy until the machine is switched off.
set -euo pipefail
export BENCH_BUILD=$1 KEYHOLE_SLOW=1
# shellcheck source-path=SCRIPTDIR source=lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source-path=SCRIPTDIR source=machine.bash
. "$(dirname "$0")/machine.bash"

[ "$2" = without ] || agent_up
load 2000 > /dev/null # nothing is read from the disk any more; names, routes and series are there
sysctl -q -w kernel.kptr_restrict=0 net.core.bpf_jit_kallsyms=1
cat /proc/kallsyms > /vmout/kallsyms
mv /vmout/kallsyms /vmout/functions
while :; do
	load 20000
done
