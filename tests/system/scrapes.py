# SPDX-License-Identifier: Apache-2.0
"""scrapes.py URL N: scrapes N times, alternately in both formats, and checks each with prometheus_client:
it parses, no counter goes back, buckets add up. Prints how many were fine."""
import sys
import time
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
url, count = sys.argv[1], int(sys.argv[2])
seen, grown = {}, 0
for i in range(count):
    asked = OPENMETRICS if i % 2 else "text/plain; version=0.0.4"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": asked})) as answer:
        given, text = answer.headers["Content-Type"], answer.read().decode()
    assert given.startswith(asked.split(";")[0]), (asked, given)
    buckets = {}
    for family in (parse_openmetrics if i % 2 else parse_text)(text):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            if sample.name.endswith(("_total", "_count", "_sum", "_bucket")):
                key = (sample.name, labels)
                assert sample.value >= seen.get(key, 0), (key, sample.value, seen[key])
                grown += sample.value > seen.get(key, 0)
                seen[key] = sample.value
            if sample.name.endswith("_bucket"):
                series = (sample.name, tuple(kv for kv in labels if kv[0] != "le"))
                assert sample.value >= buckets.get(series, 0), (series, "buckets go down")
                buckets[series] = sample.value
            elif sample.name.endswith("_count"):
                series = (sample.name[:-len("_count")] + "_bucket", labels)
                assert series not in buckets or buckets[series] == sample.value, (series, "+Inf is not the count")
    time.sleep(0.05)
print(f"{count} scrapes, {'growing' if grown > len(seen) else 'still'}")
