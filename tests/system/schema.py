#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""schema.py SCHEMA KEYS COLLECTOR: docs/configuration.schema.json says what the collector says.

KEYS is tests/unit/config/beyla.keys. Prints what is not so; nothing if all is well.
"""
import subprocess
import sys
import tempfile

import jsonschema
import yaml

REFUSED = [
    "nonsense: 1",
    "prometheus_export: {prot: 1}",
    "prometheus_export: {port: 65536}",
    "prometheus_export: {port: [1]}",
    "log_level: loud",
    "prometheus_export: {ttl: soon}",
    "discovery: {instrument: {exe_path: a}}",
    "discovery: {instrument: [{exe: a}]}",
    "routes: {patterns: /a}",
    "metrics: {features: [aplication]}",
    "attributes: {select: [a]}",
    "attributes: {select: {http_*: {includes: [a]}}}",
    "attributes: {select: {http_*: {include: job}}}",
    "filter: {application: {url.path: {}}}",
    "filter: {application: {url.path: {matches: a}}}",
    "filter: {application: {url.path: {match: [a]}}}",
    "filter: {application: {server.port: {equals: 4294967296}}}",
    "ebpf: {deep: 1}",
    "ebpf: 1",
    "[]",
]
ACCEPTED = [
    "",
    "prometheus_export: {port: 9090, ttl: 1h30m, path: /m}",
    "prometheus_export:",
    "log_level: WARN",
    "attributes: {kubernetes: {enable: true}}",
    "attributes: {kubernetes: {enable: autodetect, resource_labels: {a.b: [c]}}}",
    "discovery: {services: [{k8s_namespace: ., open_ports: 80}], exclude_instrument: []}",
    "keyhole: {time_to_first_byte: yes, waiting_room: {timeout: 0}}",
    "attributes: {select: {http_*: {include: [job], exclude: []}, resource: }}",
    "filter: {application: {url.path: {not_match: a}, server.port: {equals: 80, less_than: 90}}}",
    "open_port: 80,8000-9000",
    "target_pids: [1, 2-3]",
]


def of_keys(path):
    """Each key of the list with its value, as a document."""
    for line in open(path, encoding="utf-8"):
        if line.startswith(("#", "- ")):
            continue
        key, _, value = line.rstrip("\n").split(" ", 2)
        if key.startswith("attributes.kubernetes.resource_labels."):
            section, name = key.split("resource_labels.")
            parts = (section + "resource_labels").split(".") + [name]
        else:
            parts = key.split(".")
        yield "".join("{%s: " % p for p in parts) + value + "}" * len(parts)


def collector_takes(collector, text):
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(text)
        file.flush()
        return subprocess.run([collector, "--check-config", file.name], env={},
                              capture_output=True, check=False).returncode == 0


def main():
    schema_file, keys, collector = sys.argv[1:]
    with open(schema_file, encoding="utf-8") as file:
        schema = yaml.safe_load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    effective = subprocess.run([collector, "--check-config"], env={}, capture_output=True,
                               check=True, text=True).stdout
    documents = [(text, True) for text in [*ACCEPTED, *of_keys(keys), effective]]
    documents += [(text, False) for text in REFUSED]
    for text, wanted in documents:
        errors = [e.message[:200] for e in validator.iter_errors(yaml.safe_load(text))]
        if (not errors) != wanted:
            print(f"the schema {'refuses' if wanted else 'takes'} {text!r}: {errors}")
    for text, wanted in documents[:len(ACCEPTED)] + documents[-len(REFUSED):]:
        if collector_takes(collector, text) != wanted:
            print(f"the collector {'refuses' if wanted else 'takes'} {text!r}")


main()
