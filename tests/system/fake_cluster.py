# SPDX-License-Identifier: Apache-2.0
"""What fake_apiserver.py knows: objects, the events that led to them, and versions to ask for."""
import base64
import binascii
import json
import threading

from fake_faults import SETTINGS

FIELDS = {"spec.nodeName": ("spec", "nodeName"), "metadata.name": ("metadata", "name"),
          "metadata.namespace": ("metadata", "namespace"), "status.phase": ("status", "phase")}


class Expired(Exception):
    """The version of a page is gone; `token` asks for the rest as it is now."""

    def __init__(self, token):
        super().__init__("expired")
        self.token = token


def make_token(version, key):
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": "/".join(key) + "\0"})
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_token(token):
    try:
        value = json.loads(base64.urlsafe_b64decode(token))
        return int(value["rv"]), tuple(value["start"].rstrip("\0").split("/"))
    except (binascii.Error, KeyError, TypeError, ValueError):
        raise ValueError("continue key is not valid") from None


def make_selector(text):
    """key=value and key!=value; None if a field is not supported."""
    terms = []
    for term in filter(None, text.split(",")):
        key, equal, value = term.partition("=")
        differs = key.endswith("!")
        if key.rstrip("!") not in FIELDS or not equal:
            return None
        terms.append((FIELDS[key.rstrip("!")], value.lstrip("="), differs))
    return lambda o: all((o.get(part, {}).get(name, "") != value) == differs for (part, name), value, differs in terms)


class Cluster:
    def __init__(self, version):
        self.changed = threading.Condition()
        self.version = self.oldest = version
        self.objects = {"pods": {}, "services": {}, "nodes": {}}
        self.events, self.snapshots = [], {}
        self.mode, self.retry_after, self.mode_count = "ok", 0, 0
        self.settings, self.tokens = dict(SETTINGS), None
        self.requests, self.connections = [], set()
        self.headers = {} # of the last list and the last watch

    @property
    def pods(self):
        return self.objects["pods"]

    def _record(self, resource, kind, value):
        self.version += 1
        value = dict(value, metadata=dict(value["metadata"], resourceVersion=str(self.version)))
        self.events.append((self.version, resource, kind, value))
        self.changed.notify_all()
        return value

    def put(self, value, resource="pods"):
        with self.changed:
            key = (value["metadata"].get("namespace", ""), value["metadata"]["name"])
            objects = self.objects[resource]
            objects[key] = self._record(resource, "MODIFIED" if key in objects else "ADDED", value)

    def delete(self, namespace, name, resource="pods"):
        with self.changed:
            value = self.objects[resource].pop((namespace, name), None)
            if value:
                self._record(resource, "DELETED", value)
            return value is not None

    def set_mode(self, mode, retry_after):
        with self.changed:
            self.mode, self.retry_after, self.mode_count = mode, retry_after, self.mode_count + 1
            self.changed.notify_all()

    def set(self, settings):
        if not set(settings) <= set(SETTINGS):
            raise KeyError(", ".join(set(settings) - set(SETTINGS)))
        with self.changed:
            self.settings.update(settings)

    def compact(self):
        with self.changed:
            self.events, self.snapshots, self.oldest = [], {}, self.version

    def page(self, resource, matches, limit, token):
        """(items, version, next token, how many are left); Expired; ValueError for a bad token."""
        with self.changed:
            version, start, objects = self.version, ("", ""), self.objects[resource]
            if token:
                asked, start = read_token(token)
                if asked != -1 and (asked, resource) not in self.snapshots:
                    raise Expired(make_token(-1, start))
                version = self.version if asked == -1 else asked
                objects = self.objects[resource] if asked == -1 else self.snapshots[asked, resource]
            elif limit:
                self.snapshots[version, resource] = dict(objects)
            keys = sorted(key for key, value in objects.items() if key > start and matches(value))
            left = max(0, len(keys) - limit) if limit else 0
            keys = keys[:limit] if left else keys
            return [objects[key] for key in keys], version, make_token(version, keys[-1]) if left else "", left
