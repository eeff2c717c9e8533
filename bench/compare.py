#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""Compare allocators on roost_bench's kernels and on whole programs, interleaved.

In every round each row is run once on each allocator, in an order that is another in each
round, so that drift of the machine, and what the one before left behind, falls on all alike. Printed are medians as ratios to the
best of the row, for time and for peak RSS, with the spread (max - min) / median in percent.
"""
import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
from comparing import allocators, figures, page, programs, rows, running  # noqa: E402

EPILOG = """examples:
  compare.py                                   all kernels, every allocator found, 5 rounds
  compare.py --kernels quick --rounds 3        a first look
  compare.py --kernels none --programs all --html programs.html
  compare.py --kernels pair:size=32,larson:threads=4 --libs glibc,roost,mi=/opt/lib/libmimalloc.so
  compare.py --kernels none --command 'lua=lua5.4 script.lua' --json lua.json
  compare.py --from compare.json --html compare.html        draw again what was measured

A kernel is NAME[:OPTION=VALUE]..., options: threads, consumers, ops, size, mix, live
(see roost_bench --help). Close other programs first: 5 % between rounds is usual, more where
much memory is touched.
"""


def fail(text):
    sys.exit(f"compare.py: {text}")


def number(kind, least, what):
    """For argparse: a number that is not below the least."""
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not value >= least or value == float("inf"):
            raise argparse.ArgumentTypeError(f"'{text}' is not {what}")
        return value
    return parse


def make_parser():
    parser = argparse.ArgumentParser(description=__doc__, epilog=EPILOG, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--libs", metavar="A,B=PATH", help="allocators: names found here, name=/path/lib.so, or 'all' for those found "
        "(default: all)")
    add("--kernels", metavar="K,K", help="kernels, or all, quick, none (default: all; none with --programs or --command)")
    add("--programs", default="none", metavar="P,P", help=f"all, none, or of: {', '.join(programs.TABLE)} (default none)")
    add("--command", action="append", default=[], metavar="LABEL=COMMAND",
        help="measure a whole program too; no shell; may be repeated")
    add("--rounds", type=number(int, 1, "a whole number from 1 on"), default=5, metavar="N", help="default 5")
    add("--scale", type=number(float, 0.0001, "a number from 0.0001 on"), default=1, metavar="F",
        help="kernels do F times their usual work (default 1)")
    add("--timeout", type=number(float, 0.001, "a time in seconds"), default=300, metavar="S",
        help="seconds after which one run counts as failed (default 300)")
    add("--warm", type=number(int, 0, "a whole number from 0 on"), default=512, metavar="MIB",
        help="memory touched and given back before each run, so that huge pages cost the same in all (default 512, 0: none)")
    add("--subject", default="roost", metavar="NAME",
        help="allocator that is also set against the best of the others (default roost)")
    add("--json", default="compare.json", metavar="FILE", help="all figures; '' for none (default compare.json)")
    add("--html", metavar="FILE", help="one page with tables and plots; SVG and PNG of each plot beside it")
    add("--from", dest="source", action="append", metavar="FILE",
        help="measure nothing, take the figures of this JSON file; repeated: their rounds together")
    add("--build", metavar="DIR", help="build tree with libroost.so and roost_bench (default: newest under build/)")
    add("--bench", metavar="PATH", help="roost_bench itself")
    add("--list", action="store_true", help="show what would run, then stop")
    return parser


def parse_arguments(words=None):
    options = make_parser().parse_args(words)
    if options.kernels is None:
        options.kernels = "none" if options.programs != "none" or options.command else "all"
    for path in (options.json, options.html):
        if path and not Path(path).resolve().parent.is_dir():
            raise allocators.Refused(f"there is no directory for {path}")
    return options


def about(options):
    """What the figures were made with, for JSON and for the page."""
    return {"rounds": options.rounds, "warm_mib": options.warm, "subject": options.subject,
            "machine": {"cpus": os.cpu_count(), "kernel": platform.release(), "arch": platform.machine()}}


def footer(data):
    machine = data["machine"]
    return (f"{data['rounds']} rounds, medians; ± is half of (max - min) / median. {machine['cpus']} CPUs, "
            f"{machine['arch']}, Linux {machine['kernel']}.")


def present(results, data, options):
    """Prints the tables, writes the page. The exit status."""
    names = list(data["libraries"])
    subject = data["subject"] if data["subject"] in names and len(names) > 1 else None
    print(figures.report(results, names, subject, footer(data)))
    if options.html:
        page.write(options.html, results, names, subject, footer(data), running.note)
    return 1 if figures.failures(results) else 0


def present_again(options):
    found = []
    for source in options.source:
        try:
            data = json.loads(Path(source).read_text(encoding="utf-8"))
            found.append((data, figures.from_json(data)))
        except OSError as problem:
            fail(f"{source}: {problem.strerror}")
        except ValueError as problem:
            fail(f"{source}: {problem}")
    results = figures.merge([part for _, part in found])
    if not results:
        fail("the files have no row in common")
    data = {**found[0][0], "rounds": sum(data["rounds"] for data, _ in found)}
    data["libraries"] = [name for name in data["libraries"] if any(name in by_name for by_name in results.values())]
    return present(results, data, options)


def find_tools(options):
    return running.Tools(options.bench or allocators.in_build_tree(options.build, "roost_bench"),
                         allocators.in_build_tree(options.build, "roost_exec"),
                         allocators.in_build_tree(options.build, "kvserver"), options.timeout)


def run(options, scratch):
    if options.source:
        return present_again(options)
    if options.bench and not os.access(options.bench, os.X_OK):
        fail(f"cannot run {options.bench}")
    libraries = allocators.choose(options.libs, allocators.find(options.build))
    chosen = rows.choose(options, find_tools(options), scratch,
                         lambda name, lacks: running.note(f"compare.py: {name} is left out, {lacks} is not installed"))
    if options.list:
        for name, path in libraries.items():
            print(f"{name:<12} {path or '(no preload)'}")
        print("\n".join(chosen))
        return 0
    if "roost" not in libraries:
        running.note("compare.py: no libroost.so among the allocators; the others are compared")
    if os.getloadavg()[0] > 0.5:
        running.note(f"compare.py: load average {os.getloadavg()[0]:.1f}: other programs disturb the figures")
    results = running.measure(chosen, libraries, options.rounds, lambda: running.warm(options.warm))
    data = figures.as_json(results, libraries, about(options))
    if options.json:
        Path(options.json).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        running.note(f"wrote {options.json}")
    return present(results, data, options)


def main():
    try:
        options = parse_arguments()
        with tempfile.TemporaryDirectory(prefix="compare-") as scratch:
            return run(options, scratch)
    except allocators.Refused as problem:
        fail(str(problem))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("compare.py: interrupted")
    except BrokenPipeError:
        os._exit(1)  # whoever read the tables has seen enough
