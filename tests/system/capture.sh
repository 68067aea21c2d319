#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What the traffic program did is what the metrics say: for each of its scenarios, on both sides
# of each connection. As root. plays.bash says what may be set in the environment.
# shellcheck disable=SC2154 # set by what is sourced
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
# shellcheck source-path=SCRIPTDIR source=plays.bash
. "$(dirname "${BASH_SOURCE[0]}")/plays.bash"

# ---- connections and servers older than Keyhole ----

scenario older
held=(write sendmsg-3 cookie-2000 body-10m keep-alive fresh pipeline expect upgrade reset-middle
	client-closes until-close threads prefork short-lived bad-answer)
[ -z "$slow" ] || held=(write fresh threads bad-answer)

plays_held "older than Keyhole" start_both "${held[@]}"

# ---- each scenario ----

# What is hard to see is told apart, for the table of kernels.
mapfile -t hard < <("$traffic_bin" --list | cut -d' ' -f1 |
	grep -E '^(uring|zerocopy|not-resident|segments-40|many)')

scenario HTTP
plays "IPv4" "${answers[@]}" --except "$(IFS=,; echo "${hard[*]}")" "$traffic_bin" "$url"
if [ -z "$slow" ]; then
	plays "IPv6 and v4-mapped" --families ipv6,mapped "$traffic_bin" "$url"
else
	plays "IPv6 and v4-mapped" --families ipv6,mapped "$traffic_bin" "$url" write chunked reset-middle
fi

# ---- hard to see: io_uring, memory that is gone, very many connections, 32-bit callers ----

scenario hard
[ -z "$slow" ] || hard=("${hard[@]/#many/many:400}")
plays "hard" "${answers[@]}" "$traffic_bin" "$url" "${hard[@]}"
if [ -x "$traffic32_bin" ]; then
	plays "32-bit" "${answers[@]}" "$traffic32_bin" "$url" write writev-5 sendto sendmsg-3 sendmmsg fresh
else
	skip "32-bit callers" "no $traffic32_bin: it is built on x86-64 with gcc-multilib and libc6-dev-i386"
fi

stop_both "after all scenarios"
summary
