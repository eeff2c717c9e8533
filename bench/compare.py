#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""Compare allocators on roost_bench's kernels and on whole programs, interleaved.

In every round each row is run once on each allocator, in an order that turns by one from round
to round, so that drift of the machine falls on all alike. Printed are medians as ratios to the
best of the row, for time and for peak RSS, with the spread (max - min) / median in percent.
"""
import argparse
import glob
import json
import math
import mmap
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

# Of Debian's libraries, those that replace malloc when preloaded.
KNOWN = {
    "jemalloc": "libjemalloc.so.2",
    "mimalloc": "libmimalloc.so.[0-9]*",
    "tcmalloc": "libtcmalloc_minimal.so.4",
    "tbbmalloc": "libtbbmalloc_proxy.so.2",
}
LIBRARY_DIRS = ["/usr/local/lib", "/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib"]

QUICK = [
    "pair:size=64", "batch-random", "live", "live:live=100000", "realloc-grow", "large",
    "xmalloc:threads=1", "larson:threads=2",
]
ALL = [
    "pair:size=16", "pair:size=64", "pair:size=256", "pair:size=1024", "pair:size=8192",
    "pair:size=65536:ops=2000000", "pair:size=64:threads=2",
    "batch-lifo", "batch-fifo", "batch-random", "batch-random:live=100000",
    "live", "live:live=100000", "live:live=1000000",
    "realloc-grow", "realloc-append", "calloc", "calloc:size=32768:live=8:ops=500000", "aligned",
    "large", "xmalloc:threads=1", "xmalloc:threads=4", "larson:threads=2", "larson:threads=8",
    "thread-exit:threads=2",
]
OPTIONS = ("threads", "seconds", "ops", "size", "live")

EPILOG = """examples:
  compare.py                                   all kernels, every allocator found, 5 rounds
  compare.py --kernels quick --rounds 3        a first look
  compare.py --kernels pair:size=32,larson:threads=4 --libs glibc,roost,mi=/opt/lib/libmimalloc.so
  compare.py --kernels none --command 'lua=lua5.4 script.lua' --json lua.json

A kernel is NAME[:OPTION=VALUE]..., options: threads, seconds, ops, size, live
(see roost_bench --help). Close other programs first: 5 % between rounds is usual, more where
much memory is touched.
"""


def note(text):
    print(text, file=sys.stderr, flush=True)


def fail(text):
    sys.exit(f"compare.py: {text}")


def newest(paths):
    found = [p for p in map(Path, paths) if p.exists()]
    return max(found, key=lambda p: p.stat().st_mtime) if found else None


def in_build_tree(build, *names):
    """The newest file of one of these names under the build tree, release builds first."""
    trees = [build] if build else [str(ROOT / "build" / "release"), str(ROOT / "build*"),
                                   str(ROOT / "build" / "*")]
    for tree in trees:
        hit = newest(p for n in names for d in ("", "*/", "*/*/") for p in glob.glob(f"{tree}/{d}{n}"))
        if hit:
            return str(hit)
    return None


def find_libraries(build):
    """Name to path of all that this machine has; glibc is the path None."""
    libs = {"glibc": None}
    for name, pattern in KNOWN.items():
        for directory in LIBRARY_DIRS:
            hits = sorted(glob.glob(f"{directory}/{pattern}"))
            if hits:
                libs[name] = hits[-1]
                break
    roost = in_build_tree(build, "libroost.so")
    if roost:
        libs["roost"] = roost
    return libs


def choose_libraries(text, build):
    found = find_libraries(build)
    if not text:
        return found
    libs = {}
    for item in text.split(","):
        name, equals, path = item.partition("=")
        if name == "all":
            libs.update(found)
        elif equals:
            if not Path(path).is_file():
                fail(f"no such library: {path}")
            libs[name] = str(Path(path).resolve())
        elif name in found:
            libs[name] = found[name]
        else:
            fail(f"allocator '{name}' was not found here; give {name}=/path/lib.so "
                 f"(found: {', '.join(found)})")
    return libs


def kernel_arguments(spec):
    name, *options = spec.split(":")
    arguments = [name]
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or key not in OPTIONS:
            fail(f"kernel '{spec}': '{option}' is not one of {', '.join(OPTIONS)} with =VALUE")
        arguments += [f"--{key}", value]
    return arguments


def choose_rows(options):
    """Row name to the arguments of roost_bench; None stands for the preload option of exec."""
    text = options.kernels
    specs = {"all": ALL, "quick": QUICK, "none": []}.get(text, text.split(","))
    rows = {spec: kernel_arguments(spec) for spec in specs}
    for item in options.command:
        label, equals, command = item.partition("=")
        words = shlex.split(command)
        if not equals or not words or not label:
            fail(f"--command wants LABEL=COMMAND, not '{item}'")
        rows[label] = ["exec", None, "--label", label.replace(" ", "_"), "--", *words]
    if not rows:
        fail("nothing to run")
    return rows


def run_once(bench, arguments, library, timeout):
    """One measurement: a dict, or a string that says what went wrong."""
    environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    command = [bench]
    for word in arguments:
        if word is None:
            command += ["--preload", library] if library else []
        else:
            command.append(word)
    if library and None not in arguments:
        environment["LD_PRELOAD"] = library
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True,
                              errors="replace", timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return f"no end after {timeout:g} s"
    # The loader only warns, and the run would be one of glibc.
    if "cannot be preloaded" in done.stderr:
        return "the library cannot be preloaded"
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [""]
        return f"status {done.returncode} {lines[-1]}".strip()
    fields = done.stdout.split()
    if len(fields) != 5:
        return f"unexpected output: {done.stdout!r}"
    value = float(fields[1])
    return {"value": value, "unit": fields[2], "rss_kib": int(fields[3]), "faults": int(fields[4]),
            # Costs, less is better: a rate counts by its inverse.
            "cost": 1.0 / value if fields[2].endswith("/s") else value}


def warm(mib):
    """Touches memory and gives it back, so that each run finds pages which the machine has at hand.

    A virtual machine with free page reporting hands free huge pages back to its host within
    seconds; taking one again was measured at 5 ms. Without this step, an allocator that uses huge
    pages is timed with or without that, by chance.
    """
    if mib <= 0:
        return
    with mmap.mmap(-1, mib << 20) as memory:
        if hasattr(mmap, "MADV_HUGEPAGE"):
            try:
                memory.madvise(mmap.MADV_HUGEPAGE)
            except OSError:
                pass  # a kernel without huge pages
        memory[::mmap.PAGESIZE] = bytes(len(memory) // mmap.PAGESIZE)


def measure(bench, rows, libs, options):
    """results[row][library] is a list of run_once's answers, one per round."""
    results = {row: {name: [] for name in libs} for row in rows}
    names = list(libs)
    total = options.rounds * len(rows) * len(names)
    count = 0
    begin = time.monotonic()
    for turn in range(options.rounds):
        for row, arguments in rows.items():
            for i in range(len(names)):
                name = names[(i + turn) % len(names)]
                warm(options.warm)
                outcome = run_once(bench, arguments, libs[name], options.timeout)
                results[row][name].append(outcome)
                count += 1
                left = (time.monotonic() - begin) / count * (total - count)
                if isinstance(outcome, str):
                    said = f"FAILED: {outcome}"
                else:
                    said = "{value:.5g} {unit}, {rss_kib} KiB, {faults} faults".format(**outcome)
                note(f"[{count}/{total}, {left:.0f} s left] round {turn + 1}: {row}: {name}: {said}")
    return results


def good(outcomes):
    """All of a row's rounds, or nothing: an allocator that failed once is out of the row."""
    return outcomes if outcomes and not any(isinstance(o, str) for o in outcomes) else []


def summarise(outcomes, key):
    """Median and spread in percent of one figure, or None."""
    values = [o[key] for o in good(outcomes)]
    if not values:
        return None
    median = statistics.median(values)
    return median, (max(values) - min(values)) / median * 100 if median else 0.0


def geomean(values):
    values = [v for v in values if v]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def best_text(results, row, key, best):
    if key == "rss_kib":
        return f"{best / 1024:.1f} MiB"
    unit = next(o["unit"] for outcomes in results[row].values() for o in good(outcomes))
    return f"{1 / best if unit.endswith('/s') else best:.4g} {unit}"


def table(results, names, key, title, subject):
    """Lines of a Markdown table, and per library the list of ratios for its geomean."""
    against = f" {subject} to best other |" if subject else ""
    lines = [f"### {title}", "", "| row | best | " + " | ".join(names) + " |" + against,
             "|---|---|" + "---|" * (len(names) + bool(subject))]
    ratios = {name: [] for name in names}
    others = []
    for row in results:
        figures = {name: summarise(results[row][name], key) for name in names}
        medians = {name: f[0] for name, f in figures.items() if f}
        if not medians:
            lines.append(f"| {row} | all failed |" + " |" * (len(names) + bool(subject)))
            continue
        best = min(medians.values())
        cells = []
        for name in names:
            if name not in medians:
                cells.append("failed")
                continue
            ratio = medians[name] / best
            ratios[name].append(ratio)
            cells.append(f"{ratio:.2f} ±{figures[name][1] / 2:.0f}%")
        if subject:
            peers = [m for name, m in medians.items() if name != subject]
            other = medians[subject] / min(peers) if subject in medians and peers else None
            others.append(other)
            cells.append(f"{other:.2f}" if other else "")
        lines.append(f"| {row} | {best_text(results, row, key, best)} | " + " | ".join(cells) + " |")
    cells = []
    for name in names:
        mean = geomean(ratios[name])
        partial = "" if len(ratios[name]) == len(results) else f" ({len(ratios[name])} rows)"
        cells.append(f"**{mean:.2f}**{partial}" if mean else "")
    if subject:
        mean = geomean(others)
        cells.append(f"**{mean:.2f}**" if mean else "")
    lines.append("| **geomean** | | " + " | ".join(cells) + " |")
    return lines


def report(results, libs, options):
    names = list(libs)
    subject = options.subject if options.subject in libs and len(libs) > 1 else None
    lines = []
    for key, title in (("cost", "Time"), ("rss_kib", "Peak RSS")):
        lines += table(results, names, key,
                       f"{title}, ratio to the best of the row (less is better)", subject) + [""]
    failures = [f"- {row}: {name}: {o}" for row in results for name in names
                for o in dict.fromkeys(x for x in results[row][name] if isinstance(x, str))]
    if failures:
        lines += ["Failed:"] + failures + [""]
    lines.append(f"{options.rounds} rounds, medians; ± is half of (max - min) / median. "
                 f"{os.cpu_count()} CPUs, Linux {platform.release()}.")
    return "\n".join(lines)


def write_json(path, results, libs, options):
    data = {
        "format": 1, "rounds": options.rounds, "warm_mib": options.warm, "libraries": libs,
        "machine": {"cpus": os.cpu_count(), "kernel": platform.release(),
                    "arch": platform.machine()},
        "rows": {row: {name: {"runs": runs,
                              "median_cost": (summarise(runs, "cost") or [None])[0],
                              "median_rss_kib": (summarise(runs, "rss_kib") or [None])[0],
                              "median_faults": (summarise(runs, "faults") or [None])[0]}
                       for name, runs in by_name.items()}
                 for row, by_name in results.items()},
    }
    Path(path).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    note(f"wrote {path}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libs", metavar="A,B=PATH",
                        help="allocators: names found here, name=/path/lib.so, or 'all' for those "
                             "found (default: all)")
    parser.add_argument("--kernels", default="all", metavar="K,K",
                        help="kernels, or all, quick, none (default: all)")
    parser.add_argument("--command", action="append", default=[], metavar="LABEL=COMMAND",
                        help="measure a whole program too; no shell; may be repeated")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="default 5")
    parser.add_argument("--timeout", type=float, default=300, metavar="S",
                        help="seconds after which one run counts as failed (default 300)")
    parser.add_argument("--warm", type=int, default=512, metavar="MIB",
                        help="memory touched and given back before each run, so that huge pages "
                             "cost the same in all (default 512, 0: none)")
    parser.add_argument("--subject", default="roost", metavar="NAME",
                        help="allocator that is also set against the best of the others "
                             "(default roost)")
    parser.add_argument("--json", default="compare.json", metavar="FILE",
                        help="all figures; '' for none (default compare.json)")
    parser.add_argument("--build", metavar="DIR",
                        help="build tree with libroost.so and roost_bench (default: newest under "
                             "build/)")
    parser.add_argument("--bench", metavar="PATH", help="roost_bench itself")
    parser.add_argument("--list", action="store_true", help="show what would run, then stop")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return options


def main():
    options = parse_arguments()
    libs = choose_libraries(options.libs, options.build)
    rows = choose_rows(options)
    bench = options.bench or in_build_tree(options.build, "roost_bench")
    if options.list:
        for name, path in libs.items():
            print(f"{name:<12} {path or '(no preload)'}")
        print("\n".join(rows))
        return 0
    if not bench or not os.access(bench, os.X_OK):
        fail("roost_bench was not found: build it (cmake --preset release && cmake --build "
             "--preset release), or name it with --bench")
    if "roost" not in libs:
        note("compare.py: no libroost.so in the build tree; the others are compared")
    if os.getloadavg()[0] > 0.5:
        note(f"compare.py: load average {os.getloadavg()[0]:.1f}: other programs disturb the figures")
    results = measure(os.path.abspath(bench), rows, libs, options)
    print(report(results, libs, options))
    if options.json:
        write_json(options.json, results, libs, options)
    return 1 if any(isinstance(o, str) for by in results.values() for r in by.values() for o in r) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("compare.py: interrupted")
