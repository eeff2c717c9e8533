# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""Medians, ratios, tables. Nothing here reads or prints.

results[row][allocator] is a list with one outcome for each round: a dict of figures, or a string that says what went
wrong. "cost" is what less is better of: a rate counts by its inverse.
"""
import math
import statistics

TITLES = (("cost", "Time"), ("rss_kib", "Peak RSS"))


def outcome(value, unit, rss_kib, faults, **more):
    cost = 1.0 / value if unit.endswith("/s") else value
    return {"value": value, "unit": unit, "rss_kib": rss_kib, "faults": faults, "cost": cost, **more}


def good(outcomes):
    """All of a row's rounds, or nothing: an allocator that failed once is out of the row."""
    return outcomes if outcomes and not any(isinstance(o, str) for o in outcomes) else []


def summarise(outcomes, key):
    """Median and spread, (max - min) / median in percent, of one figure; or None."""
    values = [o[key] for o in good(outcomes) if key in o]
    if not values:
        return None
    median = statistics.median(values)
    return median, (max(values) - min(values)) / median * 100 if median else 0.0


def geomean(values):
    values = [v for v in values if v]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def medians(results, row, key):
    """Allocator to median, of those that did not fail."""
    found = {name: summarise(outcomes, key) for name, outcomes in results[row].items()}
    return {name: f[0] for name, f in found.items() if f}


def ratios(results, key):
    """Allocator to {row: ratio to the best of the row}."""
    found = {}
    for row in results:
        values = medians(results, row, key)
        best = min(values.values(), default=0)
        for name, value in values.items():
            if best:
                found.setdefault(name, {})[row] = value / best
    return found


def to_best_other(results, row, key, subject):
    """The subject's median as a ratio to the best of the others, or None."""
    values = medians(results, row, key)
    others = [v for name, v in values.items() if name != subject]
    return values[subject] / min(others) if subject in values and others and min(others) else None


def best_text(results, row, key, best):
    if key == "rss_kib":
        return f"{best / 1024:.1f} MiB"
    unit = next(o["unit"] for outcomes in results[row].values() for o in good(outcomes))
    return f"{1 / best if unit.endswith('/s') else best:.4g} {unit}"


def table_row(results, names, row, key, subject):
    """The cells of one row."""
    values = medians(results, row, key)
    if not values:
        return [row, "all failed"] + [""] * (len(names) + bool(subject))
    best = min(values.values())
    cells = [row, best_text(results, row, key, best)]
    for name in names:
        if name in values:
            spread = summarise(results[row][name], key)[1]
            cells.append(f"{values[name] / best if best else 1:.2f} ±{spread / 2:.0f}%")
        else:
            cells.append("failed" if results[row].get(name) else "")
    if subject:
        other = to_best_other(results, row, key, subject)
        cells.append(f"{other:.2f}" if other else "")
    return cells


def mean_row(results, names, key, subject):
    found = ratios(results, key)
    cells = ["**geomean**", ""]
    for name in names:
        mine = found.get(name, {})
        mean = geomean(mine.values())
        partial = "" if len(mine) == len(results) else f" ({len(mine)} rows)"
        cells.append(f"**{mean:.2f}**{partial}" if mean else "")
    if subject:
        mean = geomean([to_best_other(results, row, key, subject) for row in results])
        cells.append(f"**{mean:.2f}**" if mean else "")
    return cells


def table(results, names, key, subject):
    """Rows of cells, the head first: ratios to the best of the row, and the subject's to the best other."""
    head = ["row", "best", *names] + ([f"{subject} to best other"] if subject else [])
    body = [table_row(results, names, row, key, subject) for row in results]
    return [head, *body, mean_row(results, names, key, subject)]


def markdown(rows):
    lines = ["| " + " | ".join(cells) + " |" for cells in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]


def failures(results):
    """Row, allocator, what went wrong: each once."""
    return [(row, name, said) for row, by_name in results.items() for name, outcomes in by_name.items()
            for said in dict.fromkeys(o for o in outcomes if isinstance(o, str))]


def report(results, names, subject, footer):
    lines = []
    for key, title in TITLES:
        lines += [f"### {title}, ratio to the best of the row (less is better)", ""]
        lines += markdown(table(results, names, key, subject)) + [""]
    wrong = failures(results)
    if wrong:
        lines += ["Failed:"] + [f"- {row}: {name}: {said}" for row, name, said in wrong] + [""]
    return "\n".join([*lines, footer])


def as_json(results, libraries, about):
    """What compare.py writes; from_json takes it back."""
    rows = {}
    for row, by_name in results.items():
        rows[row] = {}
        for name, runs in by_name.items():
            middle = {f"median_{key}": (summarise(runs, key) or [None])[0] for key in ("cost", "rss_kib", "faults")}
            rows[row][name] = {"runs": runs, **middle}
    return {"format": 2, **about, "libraries": libraries, "rows": rows}


def from_json(data):
    """Results out of as_json's; ValueError where it is something else."""
    try:
        if data["format"] != 2:
            raise ValueError(f"format {data['format']}, not 2")
        return {row: {name: entry["runs"] for name, entry in by_name.items()} for row, by_name in data["rows"].items()}
    except (KeyError, TypeError, AttributeError) as problem:
        raise ValueError("not a file that compare.py wrote") from problem


def merge(parts):
    """Results of several runs as one of more rounds: what not all of them have in common is left out."""
    rows = [row for row in parts[0] if all(row in p for p in parts)]
    return {row: {name: [run for p in parts for run in p[row][name]] for name in parts[0][row]
                  if all(name in p[row] for p in parts)} for row in rows}


def thread_families(results):
    """Kernels that differ by their number of threads alone: {family: {threads: row}}, those of two and more."""
    families = {}
    for row, by_name in results.items():
        if not any(good(runs) and runs[0]["unit"] == "ns/op" for runs in by_name.values()):
            continue
        parts = row.split(":")
        threads = [p for p in parts if p.startswith("threads=")]
        if len(threads) == 1 and threads[0][8:].isdigit():
            family = ":".join(p for p in parts if p is not threads[0])
            families.setdefault(family, {})[int(threads[0][8:])] = row
    return {family: dict(sorted(rows.items())) for family, rows in families.items() if len(rows) > 1}
