#!/usr/bin/python3
"""check_formats.py TEXT JSON METRICS [SCHEMA]: the three dumps are well-formed and tell the same figures.

They were written one after the other by a program at rest, so all figures but those of the system must agree. Lines of text are at most
100 columns. With SCHEMA, and python3-jsonschema installed, JSON is validated; with python3-prometheus-client the metrics are parsed by
it, else by the grammar below. Prints what it did; exit code 1 and a line for each difference.
SPDX-License-Identifier: MIT"""
import json
import re
import sys

SYSTEM = {"resident", "resident_peak", "faults_minor", "faults_major", "calls_map", "calls_unmap", "calls_protect",
          "calls_advise", "calls_name", "quiet", "steward_cpu", "calls_sleep"}
UNITS = {"us": 1e6, "ms": 1e3, "percent": 100.0}
problems = []


def wrong(line):
    problems.append(line)


def read_text(path):
    figures, units, rows, part = {}, {}, {"size classes:": [], "heaps:": []}, None
    for line in open(path):
        if len(line.rstrip("\n")) > 100:
            wrong("more than 100 columns: " + line)
        words = line.split()
        if line.rstrip() in rows:
            part = line.rstrip()
        elif part is not None:
            rows[part].append(words)
        elif line.startswith("  "):
            figures[words[0]] = int(words[1])
            units[words[0]] = words[2]
    return figures, rows


def parse_metrics(text):
    """(family, sample name, labels, value) of each sample."""
    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
    except ImportError:
        print("python3-prometheus-client is missing: metrics are read by this script's own grammar")
        return parse_metrics_alone(text)
    print("metrics: parsed by prometheus_client")
    return [(family.name, sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(text) for sample in family.samples]


def parse_metrics_alone(text):
    samples, family, kinds = [], None, {}
    lines = text.split("\n")
    if lines[-2:] != ["# EOF", ""]:
        wrong("metrics do not end with # EOF")
    for line in lines[:-2]:
        meta = re.fullmatch(r"# (TYPE|HELP|UNIT) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)", line)
        sample = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^}]*\})? ([0-9.]+)', line)
        if meta and meta[1] == "TYPE":
            if meta[2] in kinds:
                wrong("a family twice: " + line)
            family, kinds[meta[2]] = meta[2], meta[3]
        elif sample and sample[1] in (family, family + "_total", family + "_info"):
            samples.append((family, sample[1], dict(re.findall(r'(\w+)="([^"]*)"', sample[2] or "")), float(sample[3])))
        elif not meta or meta[2] != family:
            wrong("not understood: " + line)
    return samples


def metric_name(prefix, name, row):
    """The family of a figure, and by how much its value is divided."""
    unit = row["description"].split(":")[0]
    base = "bytes" if unit == "bytes" else "ratio" if unit == "percent" else "seconds" if unit in ("us", "ms") else ""
    full = "roost_" + prefix + name
    return full + ("_" + base if base and not full.endswith(base) else ""), UNITS.get(unit, 1.0)


def check_metrics(path, document, schema):
    samples = parse_metrics(open(path).read())
    values = {(family, tuple(labels.items())): value for family, _, labels, value in samples}
    told = schema["properties"]

    def expect(prefix, name, row, labels, value):
        family, divisor = metric_name(prefix, name, row)
        key = (family, labels)
        if key not in values:
            wrong("metrics lack %s %s" % key)
        elif name not in SYSTEM and abs(values[key] * divisor - value) > 1e-6 * max(1, value):
            wrong("%s%s is %s in metrics, %s in JSON" % (family, labels, values[key], value))

    for name, value in document["process"].items():
        expect("", name, told["process"]["properties"][name], (), value)
    for group, prefix, label, key in (("classes", "class_", "size", "block_size"), ("heaps", "heap_", "heap", "number")):
        for row in document[group]:
            for name, value in row.items():
                if name != key:
                    expect(prefix, name, told[group]["items"]["properties"][name], ((label, str(row[key])),), value)
    count = 1 + len(document["process"]) + sum(len(row) - 1 for group in ("classes", "heaps") for row in document[group])
    if len(samples) != count:
        wrong("%d samples, %d expected" % (len(samples), count))


def check_identities(document):
    p, classes, heaps = document["process"], document["classes"], document["heaps"]
    travelling = p["foreign_sent_blocks"] - p["foreign_received_blocks"]
    for what, a, b in (
            ("blocks", sum(c["live"] for c in classes) + p["large_live"], p["allocated_blocks"] + travelling),
            ("allocs", sum(c["allocs"] for c in classes) + p["large_allocs"], p["allocs"]),
            ("requested", sum(c["allocs"] * c["block_size"] for c in classes) + p["large_requested"], p["requested"]),
            ("allocs - frees", p["allocs"] - p["frees"], p["allocated_blocks"]),
            ("pages", sum(c["pages"] for c in classes), p["pages"]),
            ("pages of heaps", sum(h["pages"] for h in heaps), p["pages"]),
            ("bytes of heaps", sum(h["live_bytes"] for h in heaps), sum(c["live"] * c["block_size"] for c in classes) + sum(h["unsent_bytes"] for h in heaps))):
        if a != b:
            wrong("%s: %d and %d" % (what, a, b))


def check_text(path, document):
    figures, rows = read_text(path)
    for name, value in document["process"].items():
        if name not in figures:
            wrong("text lacks " + name)
        elif name not in SYSTEM and figures[name] != value:
            wrong("%s is %d in text, %d in JSON" % (name, figures[name], value))
    seen = {int(words[0]): [int(w) for w in words[1:4]] for words in rows["size classes:"][1:]}
    for row in document["classes"]:
        if row["allocs"] and seen.get(row["block_size"]) != [row["allocs"], row["frees"], row["live"]]:
            wrong("class %d differs in text" % row["block_size"])
    if len(rows["heaps:"]) - 1 != len(document["heaps"]):
        wrong("text has %d heaps, JSON %d" % (len(rows["heaps:"]) - 1, len(document["heaps"])))


def main():
    text, json_file, metrics, schema_file = sys.argv[1:5]
    document, schema = json.load(open(json_file)), json.load(open(schema_file))
    try:
        import jsonschema
        jsonschema.validate(document, schema)
        print("JSON: validated by jsonschema")
    except ImportError:
        print("python3-jsonschema is missing: JSON is not validated by it")
    except jsonschema.ValidationError as error:
        wrong("JSON: " + error.message)
    check_identities(document)
    check_text(text, document)
    check_metrics(metrics, document, schema)
    for line in problems[:20]:
        print(line)
    sys.exit(1 if problems else 0)


main()
