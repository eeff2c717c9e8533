# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""One measurement, and all of them: interleaved, in an order that changes from round to round."""
import json
import mmap
import os
import random
import subprocess
import sys
import time

from . import figures


def note(text):
    print(text, file=sys.stderr, flush=True)


class Tools:
    """The programs of bench/ and examples/ as built; None where one is missing."""

    def __init__(self, bench, execute, kvserver, timeout):
        self.bench, self.execute, self.kvserver, self.timeout = bench, execute, kvserver, timeout


def environment(library, **more):
    clean = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    return {**clean, **({"LD_PRELOAD": library} if library else {}), **more}


def call(command, timeout, **options):
    """Standard output of a command, or a string about what went wrong, as (output, problem)."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout, check=False,
                              **options)
    except subprocess.TimeoutExpired:
        return None, f"no end after {timeout:g} s"
    except OSError as problem:
        return None, f"{command[0]}: {problem.strerror}"
    # The loader only warns, and the run would be one of glibc.
    if "cannot be preloaded" in done.stderr:
        return None, "the library cannot be preloaded"
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [""]
        return None, f"status {done.returncode} {lines[-1]}".strip()
    return done.stdout, None


def kernel_outcome(text):
    """Out of Google Benchmark's JSON of one benchmark."""
    try:
        only, = json.loads(text)["benchmarks"]
        if only.get("error_occurred"):
            return f"refused: {only.get('error_message')}"
        more = {"foreign": int(only["foreign"])} if "foreign" in only else {}
        return figures.outcome(1e9 / only["items_per_second"], "ns/op", int(only["peak_rss"] // 1024),
                               int(only["faults"]), **more)
    except (ValueError, KeyError, ZeroDivisionError):
        return f"unexpected output: {text[-200:]!r}"


def run_kernel(spec, library, tools, scale=1.0):
    text, problem = call([tools.bench, f"--scale={scale:g}", "--benchmark_format=json", spec], tools.timeout,
                         env=environment(library))
    return problem or kernel_outcome(text)


def run_command(words, library, tools, **options):
    """A whole program, by roost_exec."""
    preload = ["--preload", library] if library else []
    text, problem = call([tools.execute, *preload, "--", *words], tools.timeout, **{"env": environment(None), **options})
    if problem:
        return problem
    seconds, user, rss, faults = text.split()[-4:]
    return figures.outcome(float(seconds), "s", int(rss), int(faults), user_s=float(user))


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


def said(outcome):
    if isinstance(outcome, str):
        return f"FAILED: {outcome}"
    return "{value:.5g} {unit}, {rss_kib} KiB, {faults} faults".format(**outcome)


def order(names, row, turn):
    """The allocators of one round, the same in each run. Shuffled: what a process leaves behind (huge pages at hand, or a host that has them)
    is felt by the next one, which must not always be the same."""
    names = list(names)
    random.Random(f"{row} {turn}").shuffle(names)
    return names


def measure(rows, libraries, rounds, before=lambda: None, tell=note):
    """results[row][allocator]: one outcome per round. rows: name to a function of a library's path."""
    results = {row: {name: [] for name in libraries} for row in rows}
    total = rounds * len(rows) * len(libraries)
    count, begin = 0, time.monotonic()
    for turn in range(rounds):
        for row, run in rows.items():
            for name in order(libraries, row, turn):
                before()
                outcome = run(libraries[name])
                results[row][name].append(outcome)
                count += 1
                left = (time.monotonic() - begin) / count * (total - count)
                tell(f"[{count}/{total}, {left:.0f} s left] round {turn + 1}: {row}: {name}: {said(outcome)}")
    return results
