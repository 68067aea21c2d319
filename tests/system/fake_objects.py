# SPDX-License-Identifier: Apache-2.0
"""Kubernetes objects for fake_apiserver.py, shaped as controllers and the kubelet leave them."""
import time
import uuid
import zlib

HASH_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def owner_of(kind, name, pod_name):
    """The controlling ownerReference's kind and name, and the labels its controller sets."""
    rest = pod_name[len(name) + 1:].split("-") if pod_name.startswith(name + "-") else []
    middle = rest[0] if len(rest) == 2 else None
    if kind in ("Deployment", "Rollout"):
        middle = middle or "".join(HASH_ALPHABET[int(d)] for d in str(zlib.crc32(name.encode())))
        prefix = "" if kind == "Deployment" else "rollouts-"
        return "ReplicaSet", f"{name}-{middle}", {prefix + "pod-template-hash": middle}
    if kind == "CronJob":
        job = f"{name}-{middle or int(time.time()) // 60}"
        return "Job", job, {"batch.kubernetes.io/job-name": job}
    return kind, name, {}


def make_container(name, image, env):
    probe = {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10}
    return {"name": name, "image": image, "env": [{"name": k, "value": v} for k, v in env.items()] +
            [{"name": "POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}],
            "ports": [{"containerPort": 8080, "protocol": "TCP"}], "resources": {}, "livenessProbe": probe,
            "volumeMounts": [{"name": "kube-api-access", "readOnly": True,
                              "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
            "terminationMessagePath": "/dev/termination-log", "imagePullPolicy": "IfNotPresent"}


def make_status(name, container_id, image, restarts=0, last_id=""):
    running = {"running": {"startedAt": "2026-11-23T20:00:02Z"}}
    status = {"name": name, "image": image, "imageID": "sha256:" + "0" * 64, "ready": bool(container_id),
              "restartCount": restarts, "started": bool(container_id), "lastState": {},
              "state": running if container_id else {"waiting": {"reason": "ContainerCreating"}}}
    if container_id:
        status["containerID"] = "containerd://" + container_id
    if last_id:
        status["lastState"] = {"terminated": {"exitCode": 1, "containerID": "containerd://" + last_id}}
    return status


def make_pod(namespace, name, uid=None, node="node-1", owner=None, containers=(("main", ""),), labels=None,
             annotations=None, ip="10.42.0.9", env=None, host_network=False, created="2026-11-23T20:00:00Z"):
    """A pod shaped as the kubelet and the controllers leave it. `owner` is (kind, name), Deployment and
    CronJob included; `containers` are (name, container id or "")."""
    meta = {"name": name, "namespace": namespace, "uid": uid or str(uuid.uuid4()), "creationTimestamp": created,
            "labels": dict(labels or {}), "annotations": dict(annotations or {})}
    if owner:
        kind, owner_name, extra = owner_of(owner[0], owner[1], name)
        meta["labels"].update(extra)
        meta["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": kind, "name": owner_name, "controller": True,
                                    "uid": str(uuid.uuid5(uuid.NAMESPACE_DNS, owner_name))}]
    meta["managedFields"] = [{"manager": manager, "operation": "Update", "apiVersion": "v1",
                              "time": created, "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:containers": {
                                  f'k:{{"name":"{c[0]}"}}': {".": {}, "f:image": {}, "f:env": {}} for c in containers}}}}
                             for manager in ("kube-controller-manager", "kubelet")]
    images = {c[0]: f"registry.example/{name.split('-')[0]}/{c[0]}:1.2.3" for c in containers}
    started = all(c[1] for c in containers)
    return {"metadata": meta,
            "spec": {"nodeName": node, "hostNetwork": host_network, "serviceAccountName": "default",
                     "containers": [make_container(c[0], images[c[0]], env or {}) for c in containers],
                     "volumes": [{"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": []}}],
                     "restartPolicy": "Always", "schedulerName": "default-scheduler", "tolerations": []},
            "status": {"phase": "Running" if started else "Pending", "hostIP": "192.0.2.1",
                       "podIP": ip, "podIPs": [{"ip": ip}], "startTime": created, "qosClass": "BestEffort",
                       "conditions": [{"type": "Ready", "status": str(started), "lastTransitionTime": created}],
                       "containerStatuses": [make_status(c[0], c[1], images[c[0]]) for c in containers]}}


def pod_from_text(text):
    """--pod key=value,...; owner=Kind/name; container=name:id, label=key:value and annotation=key:value may repeat."""
    args = {"containers": [], "labels": {}, "annotations": {}}
    for key, value in (part.split("=", 1) for part in text.split(",")):
        if key == "container":
            args["containers"].append(tuple((value + ":").split(":")[:2]))
        elif key in ("label", "annotation"):
            args[key + "s"].update([value.split(":", 1)])
        else:
            args[key] = tuple(value.split("/", 1)) if key == "owner" else value
    return make_pod(**args)


def make_service(namespace, name, uid=None, ips=("10.96.0.10",), ports=((80, "TCP"),), selector=None, labels=None):
    return {"metadata": {"name": name, "namespace": namespace, "uid": uid or str(uuid.uuid4()), "labels": dict(labels or {}),
                         "creationTimestamp": "2026-11-23T20:00:00Z"},
            "spec": {"clusterIP": ips[0], "clusterIPs": list(ips), "type": "ClusterIP", "selector": dict(selector or {}),
                     "ports": [{"port": port, "protocol": protocol, "targetPort": port} for port, protocol in ports]},
            "status": {"loadBalancer": {}}}


def make_node(name, labels=None):
    return {"metadata": {"name": name, "uid": str(uuid.uuid4()), "creationTimestamp": "2026-11-23T20:00:00Z",
                         "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
            "spec": {"podCIDR": "10.42.0.0/24"}, "status": {"nodeInfo": {"machineID": "0" * 32}}}
