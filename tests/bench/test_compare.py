#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""The parts of compare.py that compute and refuse; nothing is measured here."""
import argparse
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "bench"))
import footprint  # noqa: E402
from comparing import allocators, figures, page, plots, programs, rows, running  # noqa: E402


def times(*values, unit="s", rss=1024):
    return [figures.outcome(v, unit, rss, 7) for v in values]


RESULTS = {
    "a": {"glibc": times(2.0, 4.0, 3.0), "mi": times(1.5, 1.5, 1.5, rss=2048), "roost": times(1.0, 1.2, 1.1)},
    "b": {"glibc": times(10.0, unit="Mop/s"), "mi": times(5.0, unit="Mop/s"), "roost": times(20.0, unit="Mop/s")},
    "c": {"glibc": times(1.0), "mi": ["status 1", *times(1.0)], "roost": times(2.0)},
}
NAMES = ["glibc", "mi", "roost"]


class Figures(unittest.TestCase):
    def test_median_and_spread(self):
        median, spread = figures.summarise(RESULTS["a"]["glibc"], "cost")
        self.assertEqual(median, 3.0)
        self.assertAlmostEqual(spread, 2 / 3 * 100)

    def test_a_rate_counts_by_its_inverse(self):
        self.assertEqual(figures.outcome(4.0, "Mop/s", 1, 1)["cost"], 0.25)
        self.assertEqual(figures.outcome(4.0, "ns/op", 1, 1)["cost"], 4.0)
        self.assertEqual(figures.ratios(RESULTS, "cost")["glibc"]["b"], 2.0)

    def test_one_failure_takes_an_allocator_out_of_the_row(self):
        self.assertIsNone(figures.summarise(RESULTS["c"]["mi"], "cost"))
        self.assertNotIn("c", figures.ratios(RESULTS, "cost")["mi"])
        self.assertEqual(figures.failures(RESULTS), [("c", "mi", "status 1")])

    def test_geomean(self):
        self.assertAlmostEqual(figures.geomean([1, 4]), 2)
        self.assertIsNone(figures.geomean([]))
        self.assertIsNone(figures.geomean([None]))

    def test_ratio_to_the_best_other(self):
        self.assertAlmostEqual(figures.to_best_other(RESULTS, "a", "cost", "roost"), 1.1 / 1.5)
        self.assertIsNone(figures.to_best_other({"x": {"roost": times(1.0)}}, "x", "cost", "roost"))

    def test_table(self):
        table = figures.table(RESULTS, NAMES, "cost", "roost")
        self.assertEqual(table[0], ["row", "best", "glibc", "mi", "roost", "roost to best other"])
        self.assertEqual(table[1], ["a", "1.1 s", "2.73 ±33%", "1.36 ±0%", "1.00 ±9%", "0.73"])
        self.assertEqual(table[2][1:3], ["20 Mop/s", "2.00 ±0%"])
        self.assertEqual(table[3][3], "failed")
        self.assertEqual(table[4][3], "**2.34** (2 rows)")
        self.assertEqual(table[4][5], f"**{(1.1 / 1.5 * 0.5 * 2.0) ** (1 / 3):.2f}**")
        self.assertEqual({len(r) for r in table}, {6})
        self.assertEqual(figures.table(RESULTS, NAMES, "rss_kib", None)[1], ["a", "1.0 MiB", "1.00 ±0%", "2.00 ±0%",
                                                                            "1.00 ±0%"])

    def test_all_failed(self):
        table = figures.table({"x": {"glibc": ["bad"], "roost": ["bad"]}}, ["glibc", "roost"], "cost", "roost")
        self.assertEqual(table[1], ["x", "all failed", "", "", ""])
        self.assertEqual(table[2], ["**geomean**", "", "", "", ""])

    def test_markdown(self):
        lines = figures.markdown([["row", "x"], ["a", "1"]])
        self.assertEqual(lines, ["| row | x |", "|---|---|", "| a | 1 |"])
        text = figures.report(RESULTS, NAMES, "roost", "the end")
        self.assertIn("- c: mi: status 1", text)
        self.assertTrue(text.endswith("the end"))

    def test_json_there_and_back(self):
        data = json.loads(json.dumps(figures.as_json(RESULTS, {"glibc": None}, {"rounds": 3})))
        self.assertEqual(figures.from_json(data), RESULTS)
        self.assertEqual(data["rows"]["a"]["glibc"]["median_cost"], 3.0)
        self.assertIsNone(data["rows"]["c"]["mi"]["median_cost"])
        for broken in ({}, [], {"format": 1, "rows": {}}, {"format": 2, "rows": [1]}, {"format": 2, "rows": {"a": 3}}):
            with self.assertRaises(ValueError):
                figures.from_json(broken)

    def test_merge(self):
        more = {"b": {"glibc": times(30.0, unit="Mop/s"), "roost": ["no"]}, "a": RESULTS["a"]}
        merged = figures.merge([RESULTS, more])
        self.assertEqual(list(merged), ["a", "b"])
        self.assertEqual([o["value"] for o in merged["b"]["glibc"]], [10.0, 30.0])
        self.assertEqual(list(merged["b"]), ["glibc", "roost"])
        self.assertEqual(figures.failures(merged), [("b", "roost", "no")])
        self.assertEqual(len(merged["a"]["mi"]), 6)
        self.assertEqual(figures.merge([RESULTS]), RESULTS)

    def test_families_by_threads(self):
        found = {row: {"glibc": times(1.0, unit="ns/op")} for row in ("k:threads=8", "k:threads=2", "k", "m:threads=1")}
        self.assertEqual(figures.thread_families(found), {"k": {2: "k:threads=2", 8: "k:threads=8"}})
        self.assertEqual(figures.thread_families({r: {"glibc": times(1.0)} for r in ("x:threads=1", "x:threads=2")}), {})


class Choices(unittest.TestCase):
    def test_libraries(self):
        found = {"glibc": None, "je": "/x/je.so"}
        self.assertEqual(allocators.choose(None, found), found)
        self.assertEqual(allocators.choose("je", found), {"je": "/x/je.so"})
        self.assertEqual(allocators.choose("all", found), found)
        self.assertEqual(allocators.choose(f"all,me={__file__}", found), {**found, "me": __file__})
        for wrong in ("nobody", "me=/no/such.so", "=/x", "", "je,,"):
            if wrong:
                with self.assertRaises(allocators.Refused):
                    allocators.choose(wrong, found)

    def test_kernels(self):
        self.assertEqual(rows.check_kernel("pair:size=64:threads=2"), "pair:size=64:threads=2")
        for wrong in ("", ":size=1", "pair:size", "pair:size=", "pair:colour=1", "-x"):
            with self.assertRaises(allocators.Refused):
                rows.check_kernel(wrong)
        with self.assertRaises(allocators.Refused):
            rows.kernel_names("all", running.Tools(None, None, None, 1))

    def test_commands(self):
        self.assertEqual(rows.command_row("lua=lua5.4 'a b'"), ("lua", ["lua5.4", "a b"]))
        for wrong in ("lua", "lua=", "=x", "x='open"):
            with self.assertRaises(allocators.Refused):
                rows.command_row(wrong)

    def test_programs(self):
        self.assertEqual(rows.program_names("none", None), [])
        with self.assertRaises(allocators.Refused):
            rows.program_names("emacs", None)
        said = []
        names = rows.program_names("all", lambda name, lacks: said.append(name))
        self.assertEqual(sorted(names + said), sorted(programs.TABLE))

    def test_outcome_of_a_kernel(self):
        entry = {"items_per_second": 2e8, "peak_rss": 4096.0 * 1024, "faults": 12.0}
        self.assertEqual(running.kernel_outcome(json.dumps({"benchmarks": [entry]})),
                         figures.outcome(5.0, "ns/op", 4096, 12))
        entry["foreign"] = 3.0
        self.assertEqual(running.kernel_outcome(json.dumps({"benchmarks": [entry]}))["foreign"], 3)
        for wrong in ("", "{}", json.dumps({"benchmarks": []}), json.dumps({"benchmarks": [{}]})):
            self.assertIn("unexpected output", running.kernel_outcome(wrong))
        refused = {"benchmarks": [{"error_occurred": True, "error_message": "no"}]}
        self.assertEqual(running.kernel_outcome(json.dumps(refused)), "refused: no")

    def test_order_changes(self):
        seen = []
        row = {"r": lambda library: seen.append(library) or figures.outcome(1.0, "s", 1, 1)}
        results = running.measure(row, {"x": "X", "y": "Y", "z": None}, 20, tell=lambda text: None)
        self.assertEqual(len(results["r"]["z"]), 20)
        rounds = [tuple(seen[i:i + 3]) for i in range(0, 60, 3)]
        self.assertTrue(all(set(one) == {"X", "Y", None} for one in rounds))
        self.assertEqual(len(set(rounds)), 6)  # each order comes
        before = {a for a, b in zip(seen, seen[1:]) if b == "X"}
        self.assertTrue(before >= {"Y", None})  # nobody always follows the same one

    def test_order_is_the_same_again(self):
        self.assertEqual(running.order("abcdef", "r", 3), running.order("abcdef", "r", 3))

    def test_what_goes_wrong_is_said(self):
        self.assertEqual(running.call(["/no/such"], 60), (None, "/no/such: No such file or directory"))
        self.assertEqual(running.call(["sh", "-c", "echo no >&2; exit 3"], 60), (None, "status 3 no"))
        self.assertEqual(running.call(["sleep", "9"], 0.1), (None, "no end after 0.1 s"))
        self.assertEqual(running.call(["sh", "-c", "echo x cannot be preloaded >&2"], 60),
                         (None, "the library cannot be preloaded"))


class Page(unittest.TestCase):
    def test_is_whole_and_escaped(self):
        strange = {"<row>": {"glibc": times(1.0), "a&b": ["<bad>"]}}
        text = page.compose(strange, ["glibc", "a&b"], None, "foot", [])
        self.assertIn("&lt;row&gt;", text)
        self.assertIn("a&amp;b: &lt;bad&gt;", text)
        self.assertNotIn("<row>", text)
        self.assertNotIn("http", text)

    def test_rows_are_cut_evenly(self):
        self.assertEqual([len(p) for p in plots.pieces(list(range(19)), 9)], [7, 7, 5])
        self.assertEqual(plots.pieces(["x"], 9), [["x"]])

    def test_pictures(self):
        if plots.available() is None:
            self.skipTest("matplotlib is not installed")
        with tempfile.TemporaryDirectory() as place:
            page.write(f"{place}/p.html", RESULTS, NAMES, "roost", "foot", lambda text: None)
            made = sorted(p.name for p in Path(place).iterdir())
            self.assertEqual(made, ["p-ratios-1.png", "p-ratios-1.svg", "p-time-rss.png", "p-time-rss.svg", "p.html"])
            self.assertEqual(Path(place, "p.html").read_text(encoding="utf-8").count("data:image/svg+xml"), 2)


class Footprint(unittest.TestCase):
    def test_table(self):
        results = {"hello": {"glibc": [{"rss_kib": v} for v in (1100.0, 1000.0, 1300.0)], "roost": ["status 1"]},
                   "threads": {"glibc": [{"thread_kib": 11.26}], "roost": [{"thread_kib": 24.0}]}}
        self.assertEqual(footprint.table(results, ["glibc", "roost"]),
                         [["behaviour", "glibc", "roost"], ["hello world RSS, KiB", "1,100", "failed"],
                          ["an idle thread, KiB", "11.3", "24.0"]])

    def test_order_turns(self):
        order = []
        modes = {"hello": lambda library: order.append(library) or {"rss_kib": 1.0}}
        said, running.note = running.note, lambda text: None
        try:
            footprint.measure({"x": "X", "y": "Y"}, modes, argparse.Namespace(rounds=2))
        finally:
            running.note = said
        self.assertEqual(order, ["X", "Y", "Y", "X"])


class CommandLine(unittest.TestCase):
    def refused(self, wanted, *words, script="compare.py"):
        done = subprocess.run([sys.executable, str(ROOT / "bench" / script), *words], capture_output=True, text=True,
                              check=False, timeout=60)
        self.assertNotEqual(done.returncode, 0, words)
        self.assertIn(wanted, done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_bad_arguments_of_footprint(self):
        for option in ("--rounds", "--starts", "--threads", "--mib"):
            self.refused("is not a whole number from 1 to", option, "0", script="footprint.py")
        self.refused("no directory for", "--json", "/no/such/x.json", script="footprint.py")
        self.refused("was not found", "--build", "/no/such", script="footprint.py")

    def test_bad_arguments(self):
        self.refused("nothing to run", "--kernels", "none")
        self.refused("'0' is not a whole number", "--rounds", "0")
        self.refused("'x' is not a whole number", "--rounds", "x")
        self.refused("is not a time", "--timeout", "-1")
        self.refused("is not a number", "--scale", "nan")
        self.refused("no directory for", "--json", "/no/such/dir/x.json", "--kernels", "none", "--command", "t=true")
        self.refused("was not found here", "--libs", "nobody", "--kernels", "none", "--command", "t=true")
        self.refused("is not one of", "--programs", "emacs")
        self.refused("wants LABEL=COMMAND", "--command", "true")
        self.refused("cannot run /no/such", "--bench", "/no/such")
        self.refused("No such file", "--from", "/no/such.json")
        self.refused("unrecognized arguments", "--no-such-option")
        with tempfile.NamedTemporaryFile("w", suffix=".json") as broken:
            broken.write("{}")
            broken.flush()
            self.refused("not a file that compare.py wrote", "--from", broken.name)


if __name__ == "__main__":
    unittest.main()
