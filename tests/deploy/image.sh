#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The images: built twice, from two places, they are the same bytes; what they hold; the SBOM.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/lib.sh
. tests/lib.sh

sources=$scratch/sources
for place in first another/place; do
	mkdir -p "$scratch/$place"
	git ls-files -z | xargs -0 cp --parents -t "$scratch/$place"
	ok "it builds in $place" "$scratch/$place/deploy/image/build" "$scratch/$place/out" "$sources"
done
one=$scratch/first/out two=$scratch/another/place/out
for role in loader collector; do
	program=$one/$role/keyhole-$role sbom=$one/$role.spdx.json
	for file in "$role/keyhole-$role" "$role.oci.tar" "$role.spdx.json"; do
		ok "two builds, the same bytes: $file" cmp "$one/$file" "$two/$file"
	done
	is "$role: nothing but its program" "$(cd "$one/$role" && find . -type f)" "./keyhole-$role"
	refused "$role: it asks for no interpreter and no library" \
		grep -E 'INTERP|NEEDED' <(readelf -ld "$program")
	ok "$role: it runs where there is nothing else" chroot "$one/$role" "/keyhole-$role" --version
	is "$role: the SBOM has the program's SHA-256" \
		"$(jq -r '.files[].checksums[] | select(.algorithm == "SHA256").checksumValue' "$sbom")" \
		"$(sha256sum "$program" | cut -d' ' -f1)"
	is "$role: the SBOM knows version and licence of all that is linked" "$(jq -r '.packages[1:][] |
		select(.versionInfo == "" or .licenseDeclared == "NOASSERTION").name' "$sbom")" ""
	ok "$role: the SBOM names libc" jq -e 'any(.packages[]; .name == "glibc")' "$sbom"
done
is "the loader's file has two capabilities" "$(getcap "$one/loader/keyhole-loader" | cut -d' ' -f2)" \
	"cap_perfmon,cap_bpf=ep"
is "the collector's file has none" "$(getcap "$one/collector/keyhole-collector")" ""
ok "the layer keeps them" grep -q SCHILY.xattr.security.capability "$one/loader.oci.tar"
summary
