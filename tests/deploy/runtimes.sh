#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The two images in containers, as the chart runs them, by runc, crun and containerd: with the
# loader as uid 0 and with it as uid 65531, where only the file capabilities of its program make
# it what it is. docs/runtimes.md says what follows from that. As root.
#
# No kubelet: the configurations are what containerd's CRI makes of the chart's securityContext.
# Mounts are in a namespace of this test, which has pure cgroup v2, as crun wants it.
# KEYHOLE_IMAGE=OUT takes what deploy/image/build made there, instead of building it.
# shellcheck disable=SC2154 # set by what is sourced
set -euo pipefail
if [ "${1:-}" != --private ]; then
	exec unshare --mount --propagation private "$0" --private
fi
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../system/agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../system/agent.bash"
need_root
need busybox containerd crun ctr curl jq nginx runc
mount -t tmpfs tmpfs /run # state of the runtimes, and what is mounted below
if [ "$(cgroup_shape)" != v2 ]; then
	umount -R -l /sys/fs/cgroup
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi

image=${KEYHOLE_IMAGE:-$scratch/image}
if [ -z "${KEYHOLE_IMAGE:-}" ]; then
	status=0
	"$repo/deploy/image/build" "$image" > "$scratch/build.log" 2>&1 || status=$?
	if [ "$status" = 75 ]; then
		skip "container runtimes" "no sources of libraries: $(tail -n 1 "$scratch/build.log")"
		summary
		exit
	fi
	is "the images are built" "$status$([ "$status" = 0 ] || tail "$scratch/build.log")" 0
fi

# An emptyDir with medium: Memory and fsGroup: 65532.
shared=/run/shared
mkdir "$shared"
mount -t tmpfs -o size=1m,mode=2777,gid=65532 tmpfs "$shared"

# ---- containers ----

# The image's one layer, with the file's capabilities.
unpack() { # ROLE DIRECTORY
	local layer
	mkdir -p "$2.oci" "$2"
	tar -xf "$image/$1.oci.tar" -C "$2.oci"
	blob() { jq -r "$1" "$2" | sed "s|^sha256:|$3.oci/blobs/sha256/|"; }
	layer=$(blob '.manifests[0].digest' "$2.oci/index.json" "$2")
	layer=$(blob '.layers[0].digest' "$layer" "$2")
	tar -xf "$layer" -C "$2" --xattrs --xattrs-include=security.capability
}

# What the CRI makes of: runAsUser UID, runAsGroup and fsGroup 65532, drop ALL, add CAPS,
# allowPrivilegeEscalation false, readOnlyRootFilesystem, and our own seccomp profile. The CRI sets
# neither inheritable nor ambient capabilities. Left out are limits, and the rules for devices, for
# which crun wants CAP_SYS_RESOURCE. $edit, a filter of jq, is what this time is otherwise.
edit=.
bundle() { # ROLE ROOT UID CAPS CGROUP [ARGUMENT...]: prints its directory
	local role=$1 root=$2 uid=$3 caps=$4 cgroup=$5 dir
	shift 5
	dir=$(mktemp -d "$scratch/bundle.XXXXXX")
	[ $# -gt 0 ] || set -- "/keyhole-$role"
	jq --arg role "$role" --arg root "$root" --argjson uid "$uid" --argjson caps "$caps" \
		--arg cgroup "$cgroup" --arg shared "$shared" --arg port "$metrics_port" '{
		ociVersion: "1.0.2",
		process: {
			user: {uid: $uid, gid: 65532, additionalGids: [65532]},
			args: $ARGS.positional, cwd: "/", noNewPrivileges: true,
			env: ["PATH=/usr/bin:/bin", "KEYHOLE_LISTEN_ADDRESS=127.0.0.1",
				"KEYHOLE_PROMETHEUS_PORT=" + $port][:if $role == "loader" then 1 else 3 end],
			capabilities: {bounding: $caps, effective: $caps, permitted: $caps}},
		root: {path: $root, readonly: true},
		mounts: ([
			["/proc", "proc", "proc", "nosuid", "noexec", "nodev"],
			["/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"],
			["/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"],
			["/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"],
			["/run/keyhole", "bind", $shared, "rbind", "rprivate",
				if $role == "loader" then "rw" else "ro" end]]
			| map({destination: .[0], type: .[1], source: .[2], options: .[3:]})),
		linux: {
			cgroupsPath: $cgroup,
			# The collector is in the host'\''s network, to be scraped from here.
			namespaces: (["pid", "ipc", "uts", "mount", "cgroup"] +
				if $role == "loader" then ["network"] else [] end | map({type: .})),
			maskedPaths: ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
				"/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
				"/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
			readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
				"/proc/sysrq-trigger"],
			seccomp: (.syscalls |= map(del(.comment)))}} | '"$edit" \
		"$image/seccomp/keyhole-$role.json" --args -- "$@" > "$dir/config.json"
	echo "$dir"
}

# Starts it in the background; it ends with $started. Its log is BUNDLE/log.
contain() { # RUNTIME BUNDLE
	local name
	name=$(basename "$2")
	case $1 in
	containerd) start "$2/log" ctr --address "$containerd" run --rm --config "$2/config.json" \
		--pid-file "$2/pid" "$name" ;;
	*) start "$2/log" "$1" --root "/run/$1" run --bundle "$2" --pid-file "$2/pid" "$name" ;;
	esac
}

# In the cgroup of a pod's container; stop_all removes it.
cgroup() {
	local pod
	pod=$(< /proc/sys/kernel/random/uuid)
	pod_cgroup "$pod" "$(printf '%s%s' "$pod" "$pod" | tr -d -)"
}

start_containerd() {
	containerd=/run/containerd/containerd.sock
	cat > "$scratch/containerd.toml" <<-TOML
		version = 2
		root = "$scratch/containerd"
		state = "/run/containerd"
		disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
		[grpc]
		address = "$containerd"
	TOML
	start "$scratch/containerd.log" containerd --config "$scratch/containerd.toml"
	wait_for 20 ctr --address "$containerd" version
}

# Containerd's own unpacking of the images, in its snapshots.
containerd_root() { # ROLE
	ctr --address "$containerd" images import --base-name "test/$1" "$image/$1.oci.tar" > /dev/null
	mkdir -p "/run/root/$1"
	ctr --address "$containerd" images mount --rw "test/$1:keyhole-$1" "/run/root/$1" > /dev/null
}

# Its seccomp profile for these capabilities. What it allows beside them for its default ones, of
# which only CAP_SYS_CHROOT allows anything, is not part of it.
runtime_default() { # ROLE [OPTION...]
	local name
	name=$(basename "$(mktemp -u default.XXXXXX)")
	ctr --address "$containerd" containers create --seccomp --cap-drop CAP_SYS_CHROOT "${@:2}" \
		"test/$1:keyhole-$1" "$name" > /dev/null
	ctr --address "$containerd" containers info --spec "$name" | jq -c .linux.seccomp
}

# ---- what works ----

both='["CAP_PERFMON", "CAP_BPF"]' # as `securityContext.capabilities.add` of the loader

status() { # PID FIELD
	awk -v f="$2:" '$1 == f { print $2 }' "/proc/$1/status" 2> /dev/null
}

captures() { # RUNTIME ROOTS UID [WHAT-ELSE]
	local what="$1, the loader as uid $3${4:-}" dir pid=self
	rm -f "$shared"/*
	dir=$(bundle loader "$2/loader" "$3" "$both" "$(cgroup)")
	contain "$1" "$dir"
	loader=$started
	wait_for 60 grep -q 'sandbox:' "$dir/log" || true
	says "$what: it attaches" "$dir/log" 'sandbox:'
	! wait_for 20 test -s "$dir/pid" || pid=$(< "$dir/pid")
	is "$what: that is its uid, and its group is the collector's" \
		"$(status "$pid" Uid) $(status "$pid" Gid)" "$3 65532"
	is "$what: no capability is left" "$(status "$pid" CapPrm)$(status "$pid" CapEff)$(
		status "$pid" CapInh)$(status "$pid" CapAmb)" "$(printf '0%.0s' {1..64})"
	is "$what: no_new_privs, and seccomp" "$(status "$pid" NoNewPrivs) $(status "$pid" Seccomp)" "1 2"
	dir=$(bundle collector "$2/collector" 65532 '[]' "$(cgroup)")
	contain "$1" "$dir"
	collector=$started
	wait_for 60 grep -q 'connected to loader' "$dir/log" || true
	says "$what: it hands over" "$dir/log" 'connected to loader'
	wait_for 10 serving || true
	ask 20 "http://127.0.0.1:$port/"
	served "$what: 20 requests to a server of the host are 20" 20 "$port"
	stop "$collector"
	stop "$loader"
}

# ---- what must not ----

# The loader as uid 65531, where its file's capabilities do not count.
fails() { # NAME RUNTIME REGEX ROOT CAPS [ARGUMENT...]
	local name=$1 dir
	rm -f "$shared"/*
	dir=$(bundle loader "$4" 65531 "$5" "$(cgroup)" "${@:6}")
	contain "$2" "$dir"
	wait_for 60 stopped "$started" || stop "$started"
	says "$name: $2 says so" "$dir/log" "$3"
	refused "$name: $2 fails" wait "$started"
	is "$name: $2, no socket" "$(ls "$shared")" ""
}

port=$(free_port)
start_nginx "$scratch/nginx" "server { listen 127.0.0.1:$port; location / { return 200 ok; } }"
wait_for 10 listening "$port"
for role in loader collector; do
	unpack "$role" "$scratch/root/$role"
done
unpack loader "$scratch/root/wrapped"
cp "$(command -v busybox)" "$scratch/root/wrapped/busybox"
unpack loader "$scratch/root/bare"
setcap -r "$scratch/root/bare/keyhole-loader"
mkdir /run/nosuid
mount --bind "$scratch/root/loader" /run/nosuid
mount -o remount,bind,nosuid /run/nosuid
start_containerd
for role in loader collector; do
	ok "containerd unpacks the image of the $role" containerd_root "$role"
done

for runtime in runc crun containerd; do
	roots=$scratch/root
	[ $runtime != containerd ] || roots=/run/root
	captures $runtime "$roots" 0
	captures $runtime "$roots" 65531
done
for uid in 0 65531; do
	edit=".linux.seccomp = (if \$role == \"loader\" then $(runtime_default loader \
		--cap-add CAP_BPF --cap-add CAP_PERFMON) else $(runtime_default collector) end)" \
		captures containerd /run/root $uid ", seccomp RuntimeDefault"
done

ours='CAP_PERFMON CAP_BPF missing from the effective set: .*file capabilities'
for runtime in runc crun; do
	fails "uid 65531, capabilities not in the bounding set" $runtime '[Oo]peration not permitted' \
		"$scratch/root/loader" '[]'
	fails "uid 65531, a copy of the program without file capabilities" $runtime "$ours" \
		"$scratch/root/bare" "$both"
	# Our own seccomp profile would end the shell.
	edit='del(.linux.seccomp)' fails "uid 65531, a shell starts it" $runtime "$ours" \
		"$scratch/root/wrapped" "$both" /busybox sh -c 'exec /keyhole-loader'
done
# As it makes a root read-only, runc takes nosuid away again; crun always does.
edit='.root.readonly = false' fails "uid 65531, a root that is mounted nosuid" runc "$ours" \
	/run/nosuid "$both"
summary
