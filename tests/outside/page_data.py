#!/usr/bin/env python3
"""Reads the data of a page that `roost map` wrote, and checks it against itself and against `roost stat --json` of the same moment.

    page_data.py PAGE STAT

SPDX-License-Identifier: MIT
"""
import base64
import json
import re
import struct
import sys

NO_BITS, ALL_USED = 0xffffffff, 0xfffffffe
PAGE, LARGE, CLAIMED = 1, 2, 3


def page_data(path):
    with open(path, encoding="ascii") as f:
        text = f.read()
    assert not re.search(r"""(src|href)=["'](?!data:)|url\(|import\(|fetch\(""", text), "the page loads something"
    return json.loads(re.search(r'<script id="data" type="application/json">\s*(.*?)\s*</script>', text, re.S).group(1))


def check_arena(data, arena, bits, sums):
    runs = base64.b64decode(arena["runs"])
    assert len(runs) % 20 == 0
    assert len(base64.b64decode(arena["dirty"])) == arena["slices"] // data["segmentSlices"] * 4
    if arena["resident"] is not None:
        resident = base64.b64decode(arena["resident"])
        assert len(resident) == arena["slices"] and max(resident) == 16, "nothing of the heap is resident"
    end = 0
    for at in range(0, len(runs), 20):
        first, span, kind, cls, heap, used, carved, where = struct.unpack_from("<IIBBHHHI", runs, at)
        assert first >= end and span > 0 and first + span <= arena["slices"], "runs overlap"
        end = first + span
        sums["slices"] += span
        if kind != PAGE:
            assert kind == LARGE
            sums["large"] += 1
            continue
        info = data["classes"][cls]
        assert span == info["span"] and used <= carved <= info["capacity"] and heap < len(data["heaps"])
        sums["pages"] += 1
        sums["used"] += used
        sums["of_heap"][heap] = sums["of_heap"].get(heap, 0) + 1
        if where == ALL_USED:
            assert used == carved
        elif where != NO_BITS:
            field = int.from_bytes(bits[where:where + (info["capacity"] + 7) // 8], "little")
            assert bin(field).count("1") == carved - used and field >> carved == 0
            sums["bitmaps"] += 1


def main():
    data = page_data(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as f:
        stat = json.load(f)
    sums = {"slices": 0, "large": 0, "pages": 0, "used": 0, "bitmaps": 0, "of_heap": {}}
    bits = base64.b64decode(data["bits"])
    for arena in data["arenas"]:
        check_arena(data, arena, bits, sums)
    figures = data["figures"]
    assert data["format"] == 1 and data["pid"] == stat["pid"] and data["program"] == stat["program"]
    for name in ("allocated", "allocated_blocks", "in_use", "pages", "large_live", "undrained_blocks"):
        assert figures[name] == stat["process"][name], name
    assert sums["slices"] * data["sliceSize"] == figures["in_use"]
    assert sums["pages"] == figures["pages"] and sums["large"] == figures["large_live"]
    # Blocks under way are in use for their page.
    assert sums["used"] == figures["allocated_blocks"] - figures["large_live"] + figures["undrained_blocks"], sums
    assert sum(c["held"] for c in data["classes"]) == sums["used"]
    assert sums["bitmaps"] > 10 and len(sums["of_heap"]) >= 3
    for number, heap in enumerate(data["heaps"]):
        assert heap["pages"] == sums["of_heap"].get(number, 0)
    print("%(pages)d pages, %(bitmaps)d with bits, %(large)d large blocks" % sums)


main()
