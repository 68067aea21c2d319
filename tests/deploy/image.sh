#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The images: built twice, from two places, they are the same bytes; what they hold; the SBOM.
# $KEYHOLE_DEBIAN_SOURCES keeps the sources of three libraries, 6 MB, for the next time.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/lib.sh
. tests/lib.sh

sources=${KEYHOLE_DEBIAN_SOURCES:-$scratch/sources}

build_in() { # PLACE
	mkdir -p "$scratch/$1"
	git ls-files -z | xargs -0 cp --parents -t "$scratch/$1"
	"$scratch/$1/deploy/image/build" "$scratch/$1/out" "$sources" > "$scratch/build.log" 2>&1
}

# What SPDX 2.3 requires of a document, its packages, files and relationships.
spdx_mistakes() { # SBOM
	jq -r '
	def text: type == "string" and length > 0;
	def expect($what; $right): if $right then empty else $what end;
	def id: text and test("^SPDXRef-[A-Za-z0-9.-]+$");
	def hex($n): text and test("^[0-9a-f]{\($n)}$");
	[.SPDXID, .packages[].SPDXID, .files[].SPDXID] as $ids |
	expect("spdxVersion"; .spdxVersion == "SPDX-2.3"),
	expect("dataLicense"; .dataLicense == "CC0-1.0"),
	expect("SPDXID"; .SPDXID == "SPDXRef-DOCUMENT"),
	expect("name"; .name | text),
	expect("documentNamespace"; .documentNamespace | text and test("^https://[^#]+$")),
	expect("created"; .creationInfo.created |
		text and test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")),
	expect("creators"; .creationInfo.creators | length > 0 and
		all(.[]; test("^(Tool|Organization|Person): "))),
	expect("an SPDXID is there twice"; ($ids | length) == ($ids | unique | length)),
	(.packages[] | .name as $n |
		expect("\($n): SPDXID"; .SPDXID | id),
		expect("\($n): name"; .name | text),
		expect("\($n): downloadLocation"; .downloadLocation | text and test("^(NOASSERTION$|https:)")),
		expect("\($n): supplier"; .supplier | text and test("^(NOASSERTION$|Organization: )")),
		expect("\($n): licences"; (.licenseConcluded | text) and (.licenseDeclared | text)),
		expect("\($n): packageVerificationCode"; .filesAnalyzed == false or
			(.packageVerificationCode.packageVerificationCodeValue | hex(40))),
		expect("\($n): externalRefs"; all(.externalRefs[]?; .referenceCategory == "PACKAGE-MANAGER"
			and .referenceType == "purl" and (.referenceLocator | test("^pkg:deb/debian/[^@]+@[^@]+$"))))),
	(.files[] | .fileName as $n |
		expect("\($n): SPDXID"; .SPDXID | id),
		expect("\($n): fileName"; .fileName | text and startswith("./")),
		expect("\($n): SHA1"; any(.checksums[]; .algorithm == "SHA1" and (.checksumValue | hex(40))))),
	(.relationships[] | . as $r |
		expect("relationship \($r)"; ($r.relationshipType |
			IN("DESCRIBES", "CONTAINS", "STATIC_LINK")) and
			($r.spdxElementId | IN($ids[])) and ($r.relatedSpdxElement | IN($ids[])))),
	(.packages[1:][].SPDXID as $p | expect("\($p): linked to nothing";
		any(.relationships[]; .relationshipType == "STATIC_LINK" and .relatedSpdxElement == $p)))
	' "$1"
}

version_of() { # SBOM SOURCE-PACKAGE: without epoch and Debian's revision
	jq -r --arg name "$2" '.packages[] | select(.name == $name).versionInfo' "$1" |
		sed 's/^[0-9]*://; s/-[^-]*$//'
}

for place in first another/place; do
	status=0
	build_in "$place" || status=$?
	if [ "$status" = 75 ]; then
		skip "the images" "no sources of libraries: $(tail -n 1 "$scratch/build.log")"
		summary
		exit
	fi
	is "it builds in $place" "$status$([ "$status" = 0 ] || cat "$scratch/build.log")" 0
done
one=$scratch/first/out two=$scratch/another/place/out
for role in loader collector; do
	program=$one/$role/keyhole-$role sbom=$one/$role.spdx.json
	for file in "$role/keyhole-$role" "$role.oci.tar" "$role.spdx.json" "seccomp/keyhole-$role.json"; do
		ok "two builds, the same bytes: $file" cmp "$one/$file" "$two/$file"
	done
	refused "$role: no path of the machine that built it" grep -a -c -F "$scratch" "$program"
	is "$role: nothing but its program" "$(cd "$one/$role" && find . -type f)" "./keyhole-$role"
	refused "$role: it asks for no interpreter and no library" \
		grep -E 'INTERP|NEEDED' <(readelf -ld "$program")
	ok "$role: it runs where there is nothing else" chroot "$one/$role" "/keyhole-$role" --version
	is "$role: the SBOM has all that SPDX 2.3 requires" "$(spdx_mistakes "$sbom")" ""
	is "$role: the SBOM has the program's SHA-256" \
		"$(jq -r '.files[].checksums[] | select(.algorithm == "SHA256").checksumValue' "$sbom")" \
		"$(sha256sum "$program" | cut -d' ' -f1)"
	is "$role: the SBOM knows version and licence of all that is linked" "$(jq -r '.packages[1:][] |
		select(.versionInfo == "" or .licenseDeclared == "NOASSERTION").name' "$sbom")" ""
done
sbom=$one/collector.spdx.json program=$one/collector/keyhole-collector
# By what the program itself holds, and not by the linker's map.
is "collector: the SBOM has the version of OpenSSL that is in it" "$(version_of "$sbom" openssl)" \
	"$(grep -a -o 'OpenSSL 3[0-9.]* [0-9]' "$program" | head -n 1 | cut -d' ' -f2)"
is "the loader's file has two capabilities" "$(getcap "$one/loader/keyhole-loader" | cut -d' ' -f2)" \
	"cap_perfmon,cap_bpf=ep"
as_user() { # CAPABILITIES, for --bounding-set: as the image starts it, if it may have no more
	(cd "$one/loader" && setpriv --reuid=65531 --regid=65532 --clear-groups --no-new-privs \
		--inh-caps=-all --ambient-caps=-all --bounding-set="$1" ./keyhole-loader --check)
}
ok "with these the loader needs no uid 0" as_user -all,+bpf,+perfmon
refused "where it may not have them, it is not started" as_user -all
is "the collector's file has none" "$(getcap "$one/collector/keyhole-collector")" ""
ok "the layer keeps them" grep -q SCHILY.xattr.security.capability "$one/loader.oci.tar"
summary
