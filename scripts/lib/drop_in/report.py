# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""Rounds over rows and libraries, medians, and the table."""
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

from . import process

Row = namedtuple("Row", "about packages needs version run prepare", defaults=(None,))
Outcome = namedtuple("Outcome", "seconds cpu peak_kib answer")


def note(text):
    print(text, file=sys.stderr, flush=True)


def lacking(row):
    """What of the row's needs is not installed, in words; empty when nothing is."""
    return ", ".join(need.rpartition("/")[2] for need in row.needs if not process.tool(need.rpartition("/")[2], need))


def run_once(row, library, prepared, timeout):
    """One run in a directory of its own: an Outcome, or in words what went wrong."""
    with tempfile.TemporaryDirectory(prefix="run-", dir=prepared.parent) as scratch:
        os.chmod(scratch, 0o755)
        context = process.Context(library, scratch, prepared, timeout)
        try:
            answer = row.run(context)
            return Outcome(context.seconds, context.cpu, context.peak_kib, answer)
        except (process.Problem, OSError, ValueError, KeyError, IndexError, AttributeError, subprocess.SubprocessError) as problem:
            return str(problem) if isinstance(problem, process.Problem) else f"{type(problem).__name__}: {problem}"
        finally:
            process.end_leftovers()


def prepare(row, directory, timeout):
    """What all runs of the row start from, made once, without any library. In words what went wrong, or None."""
    directory.mkdir(mode=0o755)
    if row.prepare:
        try:
            row.prepare(process.Context(None, directory, directory, timeout))
        except (process.Problem, OSError) as problem:
            return f"could not be prepared: {problem}"
        finally:
            process.end_leftovers()
    return None


def measure(rows, libraries, rounds, timeout, scratch, before=lambda: None):
    """results[row][library]: one outcome per round; the order of libraries turns by one from round to round."""
    results, names = {}, list(libraries)
    for row_name, row in rows.items():
        results[row_name] = {name: [] for name in names}
        prepared = Path(scratch) / row_name
        problem = prepare(row, prepared, timeout)
        for turn in range(rounds):
            for i in range(len(names)):
                name = names[(i + turn) % len(names)]
                before()
                outcome = problem or run_once(row, libraries[name], prepared, timeout)
                results[row_name][name].append(outcome)
                note(f"{row_name}, round {turn + 1}, {name}: {said(outcome)}")
        shutil.rmtree(prepared, ignore_errors=True)
    return results


def said(outcome):
    if isinstance(outcome, str):
        return f"FAILED: {outcome}"
    return f"{outcome.seconds:.2f} s, CPU {outcome.cpu:.2f} s, {outcome.peak_kib / 1024:.1f} MiB"


def median(outcomes, field):
    return statistics.median(getattr(o, field) for o in outcomes)


def verdict(by_name):
    """One word on a row's answers, or what went wrong."""
    failed = [f"{name}: {o}" for name, outcomes in by_name.items() for o in outcomes if isinstance(o, str)]
    if failed:
        return failed[0].replace("|", "/")
    answers = {name: {o.answer for o in outcomes} for name, outcomes in by_name.items()}
    first = next(iter(answers.values()))
    if len(first) > 1:
        return "differ by themselves"
    different = [name for name, own in answers.items() if own != first]
    return f"DIFFERENT on {', '.join(different)}" if different else "same"


def line(about, by_name):
    """A row of the table: absolute figures of the first library, ratios of the others."""
    names, cells = list(by_name), []
    sound = {name: [o for o in outcomes if not isinstance(o, str)] for name, outcomes in by_name.items()}
    for name in names:
        if not sound[name] or not sound[names[0]]:
            cells += ["-"] * 3
        elif name == names[0]:
            cells += [f"{median(sound[name], 'seconds'):.2f}", f"{median(sound[name], 'cpu'):.2f}", f"{median(sound[name], 'peak_kib') / 1024:.1f}"]
        else:
            for field in Outcome._fields[:3]:
                base = median(sound[names[0]], field)
                cells.append(f"{median(sound[name], field) / base:.2f}" if base else "-")
    return [about, *cells, verdict(by_name)]


def table(rows, results):
    names = list(next(iter(results.values())))
    head = ["program", f"{names[0]}: time, s", "CPU, s", "peak, MiB"]
    for name in names[1:]:
        head += [f"{name}: time", "CPU", "peak"]
    lines = [head + ["answers"], ["---"] * (len(head) + 1)]
    lines += [line(f"{name}: {rows[name].about}", by_name) for name, by_name in results.items()]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def versions(rows):
    """What was run, a line for each program."""
    found = {}
    for row in rows.values():
        words = row.version
        path = process.tool(words[0].rpartition("/")[2], words[0])
        if path and words[0] not in found:
            done = subprocess.run([path, *words[1:]], capture_output=True, text=True, timeout=30, check=False, errors="replace")
            text = (done.stdout.strip() or done.stderr.strip()).splitlines()
            found[words[0]] = text[0].strip() if text else "?"
    return list(found.values())


def machine():
    memory = process.field_kib("/proc/meminfo", "MemTotal:") / 1024 / 1024
    libc, kernel = " ".join(platform.libc_ver()), platform.release().split("-")[0]
    return f"{len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, {platform.machine()}, Linux {kernel}, {libc}"


def bad(results):
    """Did anything fail, or answer differently?"""
    return any(verdict(by_name) != "same" for by_name in results.values())
