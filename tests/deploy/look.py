#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What chart.sh asks of rendered manifests: look.py QUESTION FILE..."""
import copy
import json
import sys

import yaml

import pod_security


def documents(paths):
    return [d for path in paths for d in yaml.safe_load_all(open(path, encoding="utf-8")) if d]


def as_json(paths):
    print(json.dumps(documents(paths)))


def rules(paths):
    """Every right that is given, and to whom."""
    for d in documents(paths):
        for rule in d.get("rules") or []:
            print(json.dumps(rule, sort_keys=True))
        for subject in d.get("subjects") or []:
            print(d["kind"], subject["kind"], subject["namespace"] + "/" + subject["name"])


def mounts(paths):
    """Which container sees a token, by whatever way."""
    for who, pod in pod_security.of_documents(documents(paths)):
        if pod.spec.get("automountServiceAccountToken") is not False:
            print(f"{who}: every container")
        tokens = {v["name"] for v in pod.spec.get("volumes") or []
                  if "secret" in v or "serviceAccountToken" in json.dumps(v)
                  or any("secret" in s for s in (v.get("projected") or {}).get("sources", []))}
        for c in pod.containers:
            for m in c.get("volumeMounts") or []:
                if m["name"] in tokens:
                    print(f"{who}: {c['name']}: {m['mountPath']}")


def host_paths(paths):
    """Pods with something of the node's; not PersistentVolumes, which are no pods."""
    for who, pod in pod_security.of_documents(documents(paths)):
        for container, control, what in pod_security.check("baseline", pod):
            if control in ("host path", "host namespaces", "host ports", "privileged"):
                print(f"{who}: {container}: {what}")


def writable(paths):
    for who, pod in pod_security.of_documents(documents(paths)):
        for c in pod.containers:
            if c["securityContext"].get("readOnlyRootFilesystem") is not True:
                print(f"{who}: {c['name']}: root file system")
            for m in c.get("volumeMounts") or []:
                if not m.get("readOnly"):
                    print(f"{who}: {c['name']}: {m['mountPath']}")


def who_is_who(paths):
    """Users, profiles and images of containers; what pods mount and how long their tokens live."""
    for who, pod in pod_security.of_documents(documents(paths)):
        whole = pod.context
        print(f"{who}: fsGroup {whole.get('fsGroup')}, service links {pod.spec.get('enableServiceLinks')}, "
              f"priority {pod.spec.get('priorityClassName')}, pull {json.dumps(pod.spec.get('imagePullSecrets'))}")
        for c in pod.containers:
            own = c["securityContext"]
            profile = own["seccompProfile"]
            print(f"{who}: {c['name']}: {own['runAsUser']}:{own['runAsGroup']}, "
                  f"{profile['type']} {profile.get('localhostProfile', '-')}, {c['image']}, "
                  f"limits {json.dumps(c['resources'].get('limits'), sort_keys=True)}, "
                  f"probes {[p['httpGet']['path'] for p in (c.get('livenessProbe'), c.get('readinessProbe')) if p]}")
        for v in pod.spec.get("volumes") or []:
            what = v.get("emptyDir") or {}
            if "projected" in v:
                token = next(s["serviceAccountToken"] for s in v["projected"]["sources"] if "serviceAccountToken" in s)
                what = {"mode": oct(v["projected"]["defaultMode"]), "expirationSeconds": token["expirationSeconds"]}
            print(f"{who}: volume {v['name']}: {json.dumps(what, sort_keys=True)}")


def network_policy(paths):
    for d in documents(paths):
        if d["kind"] == "NetworkPolicy":
            print(d["metadata"]["namespace"] + "/" + d["metadata"]["name"], json.dumps(d["spec"], sort_keys=True))


def same_users(paths):
    """Users whom two containers share, wherever they run; and whether one has no user."""
    users = {}
    for who, pod in pod_security.of_documents(documents(paths)):
        for c in pod.containers:
            users.setdefault(c["securityContext"].get("runAsUser"), []).append(f"{who}: {c['name']}")
    for user, names in users.items():
        if user is None or len(names) > 1:
            print(user, *names)


def pod_monitor(paths):
    for d in documents(paths):
        if d["kind"] == "PodMonitor":
            print(json.dumps(d["spec"]["podMetricsEndpoints"], sort_keys=True))


def enforcement(paths):
    """What becomes of a pod that an admission policy refuses, or cannot judge, and where."""
    for d in documents(paths):
        if d["kind"] == "ValidatingAdmissionPolicy":
            print(d["spec"]["failurePolicy"])
        elif d["kind"] == "ValidatingAdmissionPolicyBinding":
            where = d["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
            print(*d["spec"]["validationActions"], json.dumps(where, sort_keys=True))


def misnamed(paths):
    """Names and labels that YAML takes for something else than text."""
    def walk(value, path):
        if isinstance(value, dict):
            for k, v in value.items():
                if k in ("name", "namespace", "image", "serviceAccountName", "priorityClassName",
                         "driver", "claimName", "volumeName", "path", "interval", "scrapeTimeout") or "labels" in path.lower():
                    if not isinstance(v, (str, dict)):
                        print(f"{path}.{k}: {v!r}")
                walk(v, f"{path}.{k}")
        elif isinstance(value, list):
            for i, v in enumerate(value):
                walk(v, f"{path}[{i}]")
    for d in documents(paths):
        walk(d, d["kind"])


def unlabelled(paths):
    wanted = {f"app.kubernetes.io/{n}" for n in ("name", "instance", "version", "part-of", "managed-by")}
    for d in documents(paths):
        metas = [("object", d["metadata"])]
        if d["kind"] == "DaemonSet":
            metas.append(("pod", d["spec"]["template"]["metadata"]))
        for what, meta in metas:
            for label in sorted(wanted - set(meta.get("labels") or {})):
                print(f"{d['kind']}/{d['metadata']['name']}: {what}: {label}")
        if d["kind"] == "DaemonSet":
            chosen = d["spec"]["selector"]["matchLabels"].items()
            if not chosen <= d["spec"]["template"]["metadata"]["labels"].items():
                print(f"DaemonSet/{d['metadata']['name']}: its selector does not select its pods")


def config(paths):
    for d in documents(paths):
        if d["kind"] == "ConfigMap":
            print(d["data"]["keyhole.yml"])


def profiles(paths):
    """The SeccompProfiles, in the words of files/*.json without comments."""
    for d in documents(paths):
        if d["kind"] == "SeccompProfile":
            print(json.dumps(d["spec"], sort_keys=True))


def plain_profile(paths):
    for path in paths:
        profile = json.load(open(path, encoding="utf-8"))
        assert profile.pop("defaultErrnoRet") == 1  # the runtimes' default
        for call in profile["syscalls"]:
            del call["comment"]
            if not call["args"]:
                del call["args"]
        print(json.dumps(profile, sort_keys=True))


def admissions(paths):
    """The input of admission.mjs: a policy, the pods of manifests, and pods that ask for more."""
    given = documents(paths)
    policy = next(d for d in given if d["kind"] == "ValidatingAdmissionPolicy")
    pods = {}
    for who, pod in pod_security.of_documents(given):
        pods[who] = {"spec": pod.spec}
    first = next(p for name, p in pods.items() if name == "DaemonSet keyhole/keyhole")

    def more(name, change):
        pods[name] = copy.deepcopy(first)
        change(pods[name]["spec"], *pods[name]["spec"]["containers"])
    more("SYS_ADMIN", lambda p, l, c: l["securityContext"]["capabilities"]["add"].append("SYS_ADMIN"))
    more("BPF for the collector", lambda p, l, c: c["securityContext"]["capabilities"].update(add=["BPF"]))
    more("another image", lambda p, l, c: l.update(image="evil.example/x@ghcr.io/keyhole/keyhole-loader:1"))
    more("another account", lambda p, l, c: p.update(serviceAccountName="default"))
    more("an init container", lambda p, l, c: p.update(initContainers=[l | {"image": "evil"}]))
    more("no drop", lambda p, l, c: c["securityContext"].pop("capabilities"))
    more("privileged", lambda p, l, c: l["securityContext"].update(privileged=True))
    more("escalation", lambda p, l, c: l["securityContext"].pop("allowPrivilegeEscalation"))
    more("no context", lambda p, l, c: c.pop("securityContext"))
    more("ephemeral", lambda p, l, c: p.update(ephemeralContainers=[c]))
    more("hostPID", lambda p, l, c: p.update(hostPID=True))
    more("hostNetwork", lambda p, l, c: p.update(hostNetwork=True))
    more("hostIPC", lambda p, l, c: p.update(hostIPC=True))
    more("hostPath", lambda p, l, c: p["volumes"].append({"name": "v", "hostPath": {"path": "/"}}))
    more("a writable root", lambda p, l, c: c["securityContext"].update(readOnlyRootFilesystem=False))
    more("the token for all", lambda p, l, c: p.pop("automountServiceAccountToken"))
    more("nfs", lambda p, l, c: p["volumes"].append({"name": "v", "nfs": {"server": "s", "path": "/"}}))
    more("hostPort", lambda p, l, c: c["ports"][0].update(hostPort=22))
    more("collector as root", lambda p, l, c: c["securityContext"].update(runAsNonRoot=False))
    more("sysctl", lambda p, l, c: p["securityContext"].update(sysctls=[{"name": "kernel.msgmax", "value": "1"}]))
    more("no seccomp for the pod", lambda p, l, c: p["securityContext"].pop("seccompProfile"))
    for field, value in (("procMount", "Unmasked"), ("seccompProfile", {"type": "Unconfined"}),
                         ("seLinuxOptions", {"type": "spc_t"}), ("appArmorProfile", {"type": "Unconfined"}),
                         ("windowsOptions", {"hostProcess": True})):
        more(field, lambda p, l, c, field=field, value=value: l["securityContext"].update({field: value}))
    for field, value in (("seccompProfile", {"type": "Unconfined"}), ("seLinuxOptions", {"type": "spc_t"}),
                         ("appArmorProfile", {"type": "Unconfined"}), ("windowsOptions", {"hostProcess": True})):
        more("the pod's " + field,
             lambda p, l, c, field=field, value=value: p["securityContext"].update({field: value}))
    print(json.dumps({"policy": policy, "pods": pods}))


def named(paths):
    """Every capability that a policy names as allowed, by kind."""
    for d in documents(paths):
        text = json.dumps(d)
        spec = d.get("spec") or {}
        lists = [d.get("allowedCapabilities"), (spec.get("parameters") or {}).get("allowedCapabilities")]
        lists += [p["values"] for p in spec.get("podSecurity") or [] if p["controlName"] == "Capabilities"]
        if d["kind"] == "ValidatingAdmissionPolicy":
            lists.append(["BPF", "PERFMON"] if "name in ['BPF', 'PERFMON'])" in text else ["?"])
        for names in lists:
            if names is not None:
                print(d["kind"], *names)


if __name__ == "__main__":
    globals()[sys.argv[1].replace("-", "_")](sys.argv[2:])
