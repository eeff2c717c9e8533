#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""What each allocator costs in memory and at start: hello world, start of a process, an idle thread, what is left after
random frees, redis after deletions, the example server when full and when emptied. Interleaved as compare.py; medians in one table.
"""
import argparse
import functools
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
from comparing import allocators, figures, programs, running  # noqa: E402

REDIS_KEYS = 150000

# Row, mode of roost_footprint, and which of its figures.
ROWS = [
    ("hello world RSS, KiB", "hello", "rss_kib"),
    ("start of a process, best µs", "start", "best_us"),
    ("an idle thread, KiB", "threads", "thread_kib"),
    ("mixed blocks, MiB: live after 90 % are freed", "holes", "live_mib"),
    ("... RSS 2 s later", "holes", "freed_mib"),
    ("... RSS with half as much again in 48 KiB blocks", "holes", "refilled_mib"),
    ("redis, live MiB after 2 of 3 keys are deleted", "redis", "live_mib"),
    ("... RSS when full", "redis", "full_mib"),
    ("... RSS 2 s after the deletions", "redis", "rss_mib"),
    ("kvserver, peak RSS, MiB", "kvserver", "peak_mib"),
    ("kvserver, RSS emptied and 2 s idle, MiB", "kvserver", "idle_mib"),
]


def run_kvserver(library, program):
    text, problem = running.call([program, "--bench", "--seconds", "1", "--idle", "2", "--json"], 120,
                                 env=running.environment(library))
    if problem:
        return problem
    told = json.loads(text)
    return {"peak_mib": told["peak_rss_kib"] / 1024, "idle_mib": told["idle_rss_kib"] / 1024}


def run_redis(library, scratch):
    """Live bytes are what redis itself adds up of malloc_usable_size."""
    keys = list(range(REDIS_KEYS))
    random.Random(7).shuffle(keys)
    port = programs.free_port()
    words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    try:
        with programs.server(words, library, port, scratch) as server, programs.Redis(port) as redis:
            redis.batch([b"SET", b"k%d" % key, b"v" * (16 + (key * 7919) % (4000 if key % 16 == 0 else 500))] for key in keys)
            full = programs.resident_kib(server.pid)
            redis.batch([b"DEL", b"k%d" % key] for key in keys if key % 3 != 0)
            time.sleep(2)
            live = redis.info("memory")["used_memory"]
            return {"live_mib": int(live) / 2**20, "full_mib": full / 1024,
                    "rss_mib": programs.resident_kib(server.pid) / 1024}
    except (programs.Problem, OSError, ValueError, KeyError) as problem:
        return f"redis: {problem}"


def run_mode(mode, library, program, options):
    """Figures of one mode by name, or a string about what went wrong."""
    words = {"hello": ["hello"], "start": ["start", str(options.starts), library or ""],
             "threads": ["threads", str(options.threads)], "holes": ["holes", str(options.mib)]}[mode]
    # The process that starts others runs on the system's malloc itself.
    text, problem = running.call([program, *words], 120, env=running.environment(None if mode == "start" else library))
    return problem or {name: float(value) for name, value in (line.split() for line in text.splitlines())}


def said(outcome):
    return f"FAILED: {outcome}" if isinstance(outcome, str) else ", ".join(f"{k} {v:g}" for k, v in outcome.items())


def table(results, names):
    """Rows of cells: medians."""
    lines = [["behaviour", *names]]
    for title, mode, key in ROWS:
        if mode not in results:
            continue
        cells = [title]
        for name in names:
            good = figures.good(results[mode][name])
            cells.append(f"{statistics.median(o[key] for o in good):,.{0 if key in ('rss_kib', 'best_us') else 1}f}"
                         if good else "failed")
        lines.append(cells)
    return lines


def measure(libraries, modes, options):
    results = {mode: {name: [] for name in libraries} for mode in modes}
    names = list(libraries)
    for turn in range(options.rounds):
        for mode, run in modes.items():
            for i in range(len(names)):
                name = names[(i + turn) % len(names)]
                outcome = run(libraries[name])
                results[mode][name].append(outcome)
                running.note(f"round {turn + 1} of {options.rounds}: {mode}: {name}: {said(outcome)}")
    return results


def count(most):
    def parse(text):
        if not text.isdigit() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 to {most}")
        return int(text)
    return parse


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--libs", metavar="A,B=PATH", help="allocators, as for compare.py (default: all found)")
    add("--rounds", type=count(1000), default=3, metavar="N", help="default 3")
    add("--starts", type=count(100000), default=300, metavar="N", help="processes started in a round (default 300)")
    add("--threads", type=count(4096), default=100, metavar="N", help="idle threads (default 100)")
    add("--mib", type=count(65536), default=256, metavar="N", help="mixed blocks before the frees (default 256)")
    add("--no-server", action="store_true", help="leave redis and kvserver out")
    add("--json", metavar="FILE", help="all figures of all rounds")
    add("--build", metavar="DIR", help="build tree (default: newest under build/)")
    return parser.parse_args()


def run(options, scratch):
    if options.json and not Path(options.json).resolve().parent.is_dir():
        raise allocators.Refused(f"there is no directory for {options.json}")
    program = allocators.in_build_tree(options.build, "roost_footprint")
    server = None if options.no_server else allocators.in_build_tree(options.build, "kvserver")
    if not program:
        raise allocators.Refused("roost_footprint was not found: build it (cmake --preset release && cmake --build "
                                 "--preset release)")
    libraries = allocators.choose(options.libs, allocators.find(options.build))
    modes = {mode: functools.partial(run_mode, mode, program=program, options=options)
             for mode in ("hello", "start", "threads", "holes")}
    if not options.no_server and programs.lacking("redis"):
        running.note("footprint.py: redis is left out, it is not installed (Debian: redis-server redis-tools)")
    elif not options.no_server:
        modes["redis"] = functools.partial(run_redis, scratch=scratch)
    if server:
        modes["kvserver"] = functools.partial(run_kvserver, program=server)
    results = measure(libraries, modes, options)
    print("\n".join(figures.markdown(table(results, list(libraries)))))
    wrong = figures.failures(results)
    for mode, name, problem in wrong:
        print(f"- failed: {mode}: {name}: {problem}")
    if options.json:
        data = {"format": 1, "libraries": libraries, "rounds": options.rounds, "results": results}
        Path(options.json).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        with tempfile.TemporaryDirectory(prefix="footprint-") as place:
            sys.exit(run(parse_arguments(), place))
    except allocators.Refused as refused:
        sys.exit(f"footprint.py: {refused}")
    except OSError as problem:
        sys.exit(f"footprint.py: {problem}")
    except KeyboardInterrupt:
        sys.exit("footprint.py: interrupted")
