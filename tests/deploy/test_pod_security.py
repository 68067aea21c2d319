#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""pod_security.py finds each violation of each control, in each kind of container, and no more."""
import copy
import sys

import pod_security
from pod_security import KINDS

# (control, level, a container's fields that violate it, fields that do not)
CONTAINER = [
    ("host process", "baseline", {"securityContext": {"windowsOptions": {"hostProcess": True}}},
     {"securityContext": {"windowsOptions": {"hostProcess": False}}}),
    ("privileged", "baseline", {"securityContext": {"privileged": True}},
     {"securityContext": {"privileged": False}}),
    ("host ports", "baseline", {"ports": [{"containerPort": 80, "hostPort": 80}]},
     {"ports": [{"containerPort": 80, "hostPort": 0}]}),
    ("AppArmor", "baseline", {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
     {"securityContext": {"appArmorProfile": {"type": "Localhost"}}}),
    ("SELinux", "baseline", {"securityContext": {"seLinuxOptions": {"type": "spc_t"}}},
     {"securityContext": {"seLinuxOptions": {"type": "container_t", "level": "s0"}}}),
    ("SELinux", "baseline", {"securityContext": {"seLinuxOptions": {"user": "system_u"}}},
     {"securityContext": {"seLinuxOptions": {"user": ""}}}),
    ("SELinux", "baseline", {"securityContext": {"seLinuxOptions": {"role": "system_r"}}},
     {"securityContext": {"seLinuxOptions": {"role": ""}}}),
    ("proc mount", "baseline", {"securityContext": {"procMount": "Unmasked"}},
     {"securityContext": {"procMount": "Default"}}),
    ("seccomp", "baseline", {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
     {"securityContext": {"seccompProfile": {"type": "Localhost"}}}),
    ("privilege escalation", "restricted", {"securityContext": {"allowPrivilegeEscalation": True}},
     {}),
    ("privilege escalation", "restricted", {"securityContext": {"allowPrivilegeEscalation": None}},
     {}),
    ("capabilities", "restricted", {"securityContext": {"capabilities": {"drop": ["NET_RAW"]}}},
     {"securityContext": {"capabilities": {"drop": ["NET_RAW", "ALL"]}}}),
    ("capabilities", "restricted", {"securityContext": {"capabilities": None}}, {}),
    ("run as non-root", "restricted", {"securityContext": {"runAsNonRoot": False}},
     {"securityContext": {"runAsNonRoot": True}}),
    ("run as user", "restricted", {"securityContext": {"runAsUser": 0}},
     {"securityContext": {"runAsUser": 1}}),
]
for name in ("BPF", "PERFMON", "SYS_ADMIN", "NET_RAW", "SYS_PTRACE", "ALL", "CAP_CHOWN"):
    CONTAINER.append(("capabilities", "baseline",
                      {"securityContext": {"capabilities": {"add": [name], "drop": ["ALL"]}}},
                      {"securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"],
                                                            "drop": ["ALL"]}}}))
# What baseline allows to add, restricted does not.
for name in sorted(pod_security.BASELINE_CAPABILITIES - {"NET_BIND_SERVICE"}):
    CONTAINER.append(("capabilities", "restricted",
                      {"securityContext": {"capabilities": {"add": [name], "drop": ["ALL"]}}}, {}))
for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
    for action in ("httpGet", "tcpSocket"):
        CONTAINER.append(("host of probes", "baseline", {probe: {action: {"host": "1.2.3.4"}}},
                          {probe: {action: {"port": 1, "host": ""}}}))
for hook in ("postStart", "preStop"):
    for action in ("httpGet", "tcpSocket"):
        CONTAINER.append(("host of probes", "baseline",
                          {"lifecycle": {hook: {action: {"host": "localhost"}}}},
                          {"lifecycle": {hook: {action: {"port": 1}}}}))

# The same of a pod's fields.
POD = [
    ("host process", "baseline", {"securityContext": {"windowsOptions": {"hostProcess": True}}}, {}),
    ("AppArmor", "baseline", {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
     {"securityContext": {"appArmorProfile": {"type": "RuntimeDefault"}}}),
    ("SELinux", "baseline", {"securityContext": {"seLinuxOptions": {"type": "spc_t"}}},
     {"securityContext": {"seLinuxOptions": {"type": "container_engine_t"}}}),
    ("seccomp", "baseline", {"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, {}),
    ("sysctls", "baseline", {"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}},
     {"securityContext": {"sysctls": [{"name": name} for name in pod_security.SYSCTLS]}}),
    ("run as user", "restricted", {"securityContext": {"runAsUser": 0}},
     {"securityContext": {"runAsUser": 1000}}),
    ("host path", "baseline", {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, {}),
]
for key in ("hostNetwork", "hostPID", "hostIPC"):
    POD.append(("host namespaces", "baseline", {key: True}, {key: False}))
for kind in ("nfs", "iscsi", "glusterfs", "rbd", "awsElasticBlockStore", "flexVolume",
             "gitRepo", "local", "fc", "azureDisk", "anythingNew"):
    POD.append(("volume types", "restricted", {"volumes": [{"name": "v", kind: {}}]},
                {"volumes": [{"name": "v" + other, other: {}} for other in pod_security.VOLUMES]}))

COVERED = {control for control, *_ in CONTAINER + POD} | {"seccomp required"}  # the last below

failed = passed = 0


def expect(what, got, want):
    global failed, passed
    if got == want:
        passed += 1
    else:
        failed += 1
        print(f"not ok - {what}: got {got}, want {want}")


def merge(into, fields):
    for key, value in fields.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)


def good_pod():
    """Conforms to restricted, with a container of each kind."""
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    spec = {kind: [{"name": kind, "securityContext": copy.deepcopy(context)}] for kind in KINDS}
    spec["securityContext"] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    return spec


def controls(level, spec, annotations=None):
    found = pod_security.check(level, pod_security.Pod(spec, annotations))
    return sorted({(container, control) for container, control, _ in found})


expect("every control has a vector", sorted(set(pod_security.RESTRICTED) - COVERED), [])
expect("a good pod", controls("restricted", good_pod()), [])
expect("an empty pod, baseline", controls("baseline", {"containers": [{"name": "a"}]}), [])
expect("an empty pod, restricted", controls("restricted", {"containers": [{"name": "a"}]}),
       [("a", name) for name in sorted(("capabilities", "privilege escalation", "run as non-root",
                                        "seccomp required"))])
for control, level, bad, fine in CONTAINER:
    for kind in KINDS:
        spec = good_pod()
        merge(spec[kind][0], bad)
        # ephemeral containers have no ports and probes to the API; the checker looks all the same
        expect(f"{control}, {kind}, {bad}", controls(level, spec), [(kind, control)])
        expect(f"{control}, {kind}, {bad}: named", controls("restricted", spec).count((kind, control)), 1)
        if level == "restricted":
            expect(f"{control}, {kind}, {bad}, baseline", controls("baseline", spec), [])
        spec = good_pod()
        merge(spec[kind][0], fine)
        expect(f"{control}, {kind}, allowed {fine}", controls("restricted", spec), [])
for control, level, bad, fine in POD:
    spec = good_pod()
    merge(spec, bad)
    expect(f"{control}, {bad}", controls(level, spec), [("pod", control)])
    spec = good_pod()
    merge(spec, fine)
    expect(f"{control}, allowed {fine}", controls("restricted", spec), [])
# What a pod says for its containers, and what they say against it.
for kind in KINDS:
    spec = good_pod()
    del spec["securityContext"]["seccompProfile"]
    for other in KINDS:
        if other != kind:
            merge(spec[other][0], {"securityContext": {"seccompProfile": {"type": "Localhost"}}})
    expect(f"seccomp of {kind} only missing", controls("restricted", spec), [(kind, "seccomp required")])
    spec = good_pod()
    del spec["securityContext"]["runAsNonRoot"]
    for other in KINDS:
        if other != kind:
            merge(spec[other][0], {"securityContext": {"runAsNonRoot": True}})
    expect(f"runAsNonRoot of {kind} only missing", controls("restricted", spec), [(kind, "run as non-root")])
    for value, want in (("unconfined", [(kind, "AppArmor")]), ("runtime/default", []),
                        ("localhost/keyhole", [])):
        notes = {"container.apparmor.security.beta.kubernetes.io/" + kind: value}
        expect(f"AppArmor annotation {value}, {kind}", controls("baseline", good_pod(), notes), want)
spec = good_pod() | {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}
expect("a host path, restricted", controls("restricted", spec), [("pod", "host path"), ("pod", "volume types")])
spec = good_pod()
merge(spec, {"securityContext": {"runAsNonRoot": False}})
expect("runAsNonRoot false of a pod", controls("restricted", spec),
       sorted([(kind, "run as non-root") for kind in KINDS] + [("pod", "run as non-root")]))
for kind in KINDS:
    merge(spec[kind][0], {"securityContext": {"runAsNonRoot": True}})
expect("runAsNonRoot false of a pod, true of its containers", controls("restricted", spec),
       [("pod", "run as non-root")])
# Pods are found in every kind of object.
template = {"metadata": {"annotations": {}}, "spec": good_pod() | {"hostPID": True}}
for name, document in {
        "Pod": {"kind": "Pod"} | template,
        "Deployment": {"kind": "Deployment", "spec": {"template": template}},
        "DaemonSet": {"kind": "DaemonSet", "spec": {"template": template}},
        "CronJob": {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": template}}}},
        "PodTemplate": {"kind": "PodTemplate", "template": template},
        "List": {"kind": "List", "items": [{"kind": "Pod"} | template]}}.items():
    found = [controls("baseline", pod.spec) for _, pod in pod_security.of_documents([document])]
    expect(f"the pod of a {name}", found, [[("pod", "host namespaces")]])
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
