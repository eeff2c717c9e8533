#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""test_compare_run.py BUILD: compare.py once from end to end, over little work; its files, its figures, a failure."""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

COMPARE = Path(__file__).resolve().parent.parent.parent / "bench" / "compare.py"


def compare(build, place, *words):
    return subprocess.run([sys.executable, str(COMPARE), "--build", build, "--warm", "0", "--json", f"{place}/x.json",
                           "--html", f"{place}/x.html", *words], capture_output=True, text=True, check=False, timeout=100)


def check(condition, text):
    if not condition:
        sys.exit(text)


def main():
    build = sys.argv[1]
    with tempfile.TemporaryDirectory() as place:
        done = compare(build, place, "--libs", "glibc,roost", "--rounds", "2", "--scale", "0.001", "--kernels",
                       "pair,xmalloc:threads=1,xmalloc:threads=2", "--command", "ls=ls /")
        check(done.returncode == 0, f"status {done.returncode}: {done.stderr[-2000:]}")
        data = json.loads(Path(place, "x.json").read_text(encoding="utf-8"))
        check(list(data["rows"]) == ["pair", "xmalloc:threads=1", "xmalloc:threads=2", "ls"], f"rows {list(data['rows'])}")
        for row, by_name in data["rows"].items():
            for name, entry in by_name.items():
                check(len(entry["runs"]) == 2 and entry["median_cost"] > 0 and entry["median_rss_kib"] > 500,
                      f"{row} {name}: {entry}")
        # That the library was preloaded, and only where it should be.
        foreign = {name: "foreign" in entry["runs"][0] for name, entry in data["rows"]["pair"].items()}
        check(foreign == {"glibc": False, "roost": True}, f"foreign frees are told by {foreign}")
        check("| pair |" in done.stdout and "| **geomean** |" in done.stdout, done.stdout)
        check("<td>xmalloc:threads=2</td>" in Path(place, "x.html").read_text(encoding="utf-8"), "no row in the page")
        done = compare(build, place, "--from", f"{place}/x.json", "--from", f"{place}/x.json")
        check(done.returncode == 0 and "4 rounds" in done.stdout and "| pair |" in done.stdout, f"again: {done.stderr}")
        done = compare(build, place, "--libs", "glibc", "--rounds", "1", "--kernels", "none", "--command", "bad=false")
        check(done.returncode == 1 and "- bad: glibc: status 1" in done.stdout, f"a failure: {done.stdout} {done.stderr}")
    print("compare.py from end to end")


main()
