#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Where pods deviate from the Pod Security Standards: pod_security.py LEVEL [FILE...]

Reads manifests (YAML, standard input without a FILE), finds every pod in them, in whatever kind,
and prints one line per deviation from LEVEL, "baseline" or "restricted", as of Kubernetes 1.36:

    KIND NAMESPACE/NAME: CONTAINER: CONTROL: WHAT

The container is "pod" for a field of the pod. Ends with 1 if there is a deviation, with 2 if there
was no pod. Every control covers containers, initContainers and ephemeralContainers. Exceptions
that the standards make for Windows pods and for hostUsers: false are not made: stricter is safe.
"""
import sys

import yaml

KINDS = ("initContainers", "containers", "ephemeralContainers")

BASELINE_CAPABILITIES = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
    "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}
RESTRICTED_CAPABILITIES = {"NET_BIND_SERVICE"}
SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"}
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image",
           "persistentVolumeClaim", "projected", "secret"}
PROFILES = {"RuntimeDefault", "Localhost"}
APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"


class Pod:
    """A pod's spec and annotations, and the same look at each of its containers."""

    def __init__(self, spec, annotations=None):
        self.spec = spec or {}
        self.annotations = annotations or {}
        self.context = self.spec.get("securityContext") or {}
        self.containers = [c for kind in KINDS for c in self.spec.get(kind) or []]

    def contexts(self):
        """(name, securityContext) of the pod and of each container."""
        yield "pod", self.context
        yield from self.container_contexts()

    def container_contexts(self):
        for container in self.containers:
            yield container.get("name"), container.get("securityContext") or {}


def field(value, *path):
    for key in path:
        value = (value or {}).get(key)
    return value


# ---- baseline: each yields (container, what) ----

def host_namespaces(pod):
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(key):
            yield "pod", key


def host_process(pod):
    for name, context in pod.contexts():
        if field(context, "windowsOptions", "hostProcess"):
            yield name, "windowsOptions.hostProcess"


def privileged(pod):
    for name, context in pod.container_contexts():
        if context.get("privileged"):
            yield name, "privileged"


def capabilities(pod, allowed):
    for name, context in pod.container_contexts():
        for capability in field(context, "capabilities", "add") or []:
            if capability not in allowed:
                yield name, f"add {capability}"


def baseline_capabilities(pod):
    yield from capabilities(pod, BASELINE_CAPABILITIES)


def host_path(pod):
    for volume in pod.spec.get("volumes") or []:
        if "hostPath" in volume:
            yield "pod", f"volume {volume.get('name')}"


def host_ports(pod):
    for container in pod.containers:
        for port in container.get("ports") or []:
            if port.get("hostPort"):
                yield container.get("name"), f"hostPort {port['hostPort']}"


def probe_hosts(pod):
    for container in pod.containers:
        handlers = [(key, container.get(key)) for key in
                    ("livenessProbe", "readinessProbe", "startupProbe")]
        handlers += [(key, field(container, "lifecycle", key)) for key in ("postStart", "preStop")]
        for key, handler in handlers:
            for action in ("httpGet", "tcpSocket"):
                if field(handler, action, "host"):
                    yield container.get("name"), f"{key}.{action}.host"


def apparmor(pod):
    for name, context in pod.contexts():
        kind = field(context, "appArmorProfile", "type")
        if kind is not None and kind not in PROFILES:
            yield name, f"appArmorProfile.type {kind}"
    for key, value in pod.annotations.items():
        allowed = value in ("", "runtime/default") or str(value).startswith("localhost/")
        if key.startswith(APPARMOR_ANNOTATION) and not allowed:
            yield key[len(APPARMOR_ANNOTATION):], f"annotation {value}"


def selinux(pod):
    for name, context in pod.contexts():
        options = context.get("seLinuxOptions") or {}
        if (options.get("type") or "") not in SELINUX_TYPES:
            yield name, f"seLinuxOptions.type {options['type']}"
        for key in ("user", "role"):
            if options.get(key):
                yield name, f"seLinuxOptions.{key} {options[key]}"


def proc_mount(pod):
    for name, context in pod.container_contexts():
        if context.get("procMount") not in (None, "Default"):
            yield name, f"procMount {context['procMount']}"


def baseline_seccomp(pod):
    for name, context in pod.contexts():
        kind = field(context, "seccompProfile", "type")
        if kind is not None and kind not in PROFILES:
            yield name, f"seccompProfile.type {kind}"


def sysctls(pod):
    for sysctl in pod.context.get("sysctls") or []:
        if sysctl.get("name") not in SYSCTLS:
            yield "pod", f"sysctl {sysctl.get('name')}"


# ---- restricted ----

def volume_types(pod):
    for volume in pod.spec.get("volumes") or []:
        for kind in set(volume) - {"name"} - VOLUMES:
            yield "pod", f"volume {volume.get('name')} is {kind}"


def privilege_escalation(pod):
    for name, context in pod.container_contexts():
        if context.get("allowPrivilegeEscalation") is not False:
            yield name, "allowPrivilegeEscalation is not false"


def run_as_non_root(pod):
    whole = pod.context.get("runAsNonRoot")
    for name, context in pod.container_contexts():
        own = context.get("runAsNonRoot")
        if own is False or (own is None and whole is not True):
            yield name, "runAsNonRoot is not true"
    if whole is False:
        yield "pod", "runAsNonRoot is not true"


def run_as_user(pod):
    for name, context in pod.contexts():
        if context.get("runAsUser") == 0:
            yield name, "runAsUser 0"


def restricted_seccomp(pod):
    whole = field(pod.context, "seccompProfile", "type")
    for name, context in pod.container_contexts():
        if field(context, "seccompProfile", "type") is None and whole is None:
            yield name, "no seccompProfile"


def restricted_capabilities(pod):
    yield from capabilities(pod, RESTRICTED_CAPABILITIES)
    for name, context in pod.container_contexts():
        if "ALL" not in (field(context, "capabilities", "drop") or []):
            yield name, "does not drop ALL"


BASELINE = {
    "host namespaces": host_namespaces,
    "host process": host_process,
    "privileged": privileged,
    "capabilities": baseline_capabilities,
    "host path": host_path,
    "host ports": host_ports,
    "host of probes": probe_hosts,
    "AppArmor": apparmor,
    "SELinux": selinux,
    "proc mount": proc_mount,
    "seccomp": baseline_seccomp,
    "sysctls": sysctls,
}
RESTRICTED = BASELINE | {
    "capabilities": restricted_capabilities,
    "volume types": volume_types,
    "privilege escalation": privilege_escalation,
    "run as non-root": run_as_non_root,
    "run as user": run_as_user,
    "seccomp required": restricted_seccomp,
}
LEVELS = {"baseline": BASELINE, "restricted": RESTRICTED}


def check(level, pod):
    """[(container, control, what)] of one Pod."""
    return [(container, control, what) for control, function in LEVELS[level].items()
            for container, what in function(pod)]


def pods(node, namespace="default"):
    """(who, Pod) of every pod within an object: anything with `containers` in a `spec`."""
    if isinstance(node, list):
        for item in node:
            yield from pods(item, namespace)
    elif isinstance(node, dict):
        meta = node.get("metadata") or {}
        namespace = meta.get("namespace", namespace)
        spec = node.get("spec")
        if isinstance(spec, dict) and any(kind in spec for kind in KINDS):
            yield namespace, Pod(spec, meta.get("annotations"))
        for value in node.values():
            yield from pods(value, namespace)


def of_documents(documents):
    for document in documents:
        for item in (document or {}).get("items") or [document]:
            meta = (item or {}).get("metadata") or {}
            for namespace, pod in pods(item):
                yield f"{item.get('kind')} {namespace}/{meta.get('name')}", pod


def main(arguments):
    if not arguments or arguments[0] not in LEVELS:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    texts = [open(path, encoding="utf-8").read() for path in arguments[1:]] or [sys.stdin.read()]
    found = deviations = 0
    for text in texts:
        for who, pod in of_documents(yaml.safe_load_all(text)):
            found += 1
            for container, control, what in check(arguments[0], pod):
                deviations += 1
                print(f"{who}: {container}: {control}: {what}")
    if not found:
        print("no pod in what was given", file=sys.stderr)
        return 2
    return 1 if deviations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
