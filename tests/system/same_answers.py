#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
same_answers.py A B

A and B were written by `played.py --answers`, under two backends for instance. Prints "ok - " or
"not ok - " for each scenario of which both have seen the same side; exit status 1 if one differs,
or if there is none.
"""
import json
import sys


def differences(a, b):
    return [f"{side}'s {key}: {a[side][key]} and {b[side][key]}"
            for side in a.keys() & b.keys() for key in a[side] if a[side][key] != b[side][key]]


def main():
    if len(sys.argv) != 3:
        sys.exit(f"usage: {__doc__.strip().splitlines()[0]}")
    both = []
    for name in sys.argv[1:]:
        with open(name) as f:
            both.append(json.load(f))
    shared = [name for name, sides in both[0].items() if sides.keys() & both[1].get(name, {}).keys()]
    failed = not shared
    if not shared:
        print("not ok - the two files have a scenario in common")
    for name in shared:
        lines = differences(both[0][name], both[1][name])
        print(f"not ok - {name}" if lines else f"ok - {name}")
        for line in lines:
            print(f"  # {line}")
        failed |= bool(lines)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
