#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""What reading the statistics costs a loaded server: kvserver runs its load, in turn left alone and asked so many times a
minute at its socket. Prints the processor time of a dump, its share of the server's, and the throughput of both.
"""
import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
from comparing import allocators, running  # noqa: E402

FORMATS = ("text", "json", "metrics", "prometheus")
BEGIN_S = 1  # the load has filled the table by then


def processor_ms(pid):
    """Of each thread: its name, and the processor time it has used."""
    told = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            used = int((task / "schedstat").read_text().split()[0])
            told[task.name] = ((task / "comm").read_text().strip(), used / 1e6)
        except OSError:  # it has just ended
            continue
    return told


def ask(path, word):
    """One dump; its length in bytes."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(path)
        client.sendall(word.encode() + b"\n")
        length = 0
        while piece := client.recv(1 << 20):
            length += len(piece)
        return length


def ask_for(seconds, path, word, per_minute):
    """Dumps as they are due, none at a rate of 0; returns how many."""
    begin, count = time.monotonic(), 0
    for due in range(seconds * per_minute // 60):
        time.sleep(max(0, begin + due * 60 / per_minute - time.monotonic()))
        if ask(path, word) == 0:
            raise OSError("an empty answer")
        count += 1
    time.sleep(max(0, begin + seconds - time.monotonic()))
    return count


def run_server(library, program, scratch, options, asked):
    """One run; figures by name."""
    path = os.path.join(scratch, "stats.sock")
    words = [program, "--bench", "--seconds", str(options.seconds + BEGIN_S + 1), "--json"]
    environment = running.environment(library, ROOST_STATS_SOCKET=path)
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            time.sleep(BEGIN_S)
            before = processor_ms(server.pid)
            count = ask_for(options.seconds, path, options.format, options.per_minute if asked else 0)
            after = processor_ms(server.pid)
            told = json.loads(server.communicate(timeout=60)[0])
        except BaseException:
            server.kill()
            raise
    used = {id: (name, ms - before.get(id, (name, 0))[1]) for id, (name, ms) in after.items()}
    figures = {"requests": told["requests_per_second"]}
    if asked:
        reporter = sum(ms for name, ms in used.values() if name == "roost-reporter")
        figures.update(dumps=count, dump_us=reporter * 1000 / count,
                       share=100 * reporter / sum(ms for _, ms in used.values()))
    return figures


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--format", choices=FORMATS, default="text", help="default text")
    add("--per-minute", type=int, default=1000, metavar="N", help="dumps asked for in a minute (default 1000)")
    add("--seconds", type=int, default=10, metavar="N", help="of each run (default 10)")
    add("--rounds", type=int, default=5, metavar="N", help="default 5")
    add("--build", metavar="DIR", help="build tree (default: newest under build/)")
    options = parser.parse_args()
    if min(options.seconds, options.rounds) < 1 or options.seconds * options.per_minute < 60:
        parser.error("--seconds and --rounds are whole numbers from 1, and one dump is to fall into each run")
    return options


def run(options, scratch):
    program = allocators.in_build_tree(options.build, "kvserver")
    if not program:
        raise allocators.Refused("kvserver was not found: build it (cmake --preset release && cmake --build --preset release)")
    library = allocators.choose("roost", allocators.find(options.build))["roost"]
    runs = {True: [], False: []}
    for turn in range(options.rounds):
        for asked in (turn % 2 == 0, turn % 2 != 0):
            outcome = run_server(library, program, scratch, options, asked)
            runs[asked].append(outcome)
            running.note(f"round {turn + 1} of {options.rounds}: {'asked' if asked else 'left alone'}: "
                         + ", ".join(f"{name} {value:,.2f}" for name, value in outcome.items()))
    middle = {key: statistics.median(r[key] for r in runs[True]) for key in runs[True][0]}
    ratios = [asked["requests"] / alone["requests"] for asked, alone in zip(runs[True], runs[False])]
    print(f"{middle['dumps']:.0f} dumps ({options.format}) in {options.seconds} s: {middle['dump_us']:.0f} us of processor time each, "
          f"{middle['share']:.2f} % of the server's; requests/s {middle['requests']:,.0f}, "
          f"{statistics.median(ratios):.3f} of what they are when it is left alone ({min(ratios):.3f} to {max(ratios):.3f})")
    return 0


if __name__ == "__main__":
    try:
        with tempfile.TemporaryDirectory(prefix="dumps-") as place:
            sys.exit(run(parse_arguments(), place))
    except allocators.Refused as refused:
        sys.exit(f"dumps.py: {refused}")
    except (OSError, ValueError, subprocess.SubprocessError) as problem:
        sys.exit(f"dumps.py: {problem}")
    except KeyboardInterrupt:
        sys.exit("dumps.py: interrupted")
