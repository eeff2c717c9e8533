#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""Compare the fast paths of malloc and free with golden files of their instructions.

  fast_path.py check --object FILE.o --arch ARCH --compiler gcc-12     0: the same, 1: not, 77: no golden file
  fast_path.py write ...                                               make the golden file anew
  fast_path.py --self-test
With --compile DIR --with COMPILER [FLAG...] in place of --object, src/override.c is compiled first, with the flags
that DIR/compile_commands.json has for it and with FLAGs.

The fast path is the one way from a function's first instruction to a `ret` that leaves the function nowhere. Offsets into
structures are left out, so that a new field changes nothing; immediate operands and registers stand as they are.
"""
import argparse
import difflib
import json
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77
HERE = Path(__file__).resolve().parent
FUNCTIONS = ("malloc", "free")
BUDGET = {"x86-64": {"malloc": 14, "free": 18}}

LINE = re.compile(r"^\s*([0-9a-f]+):\t(\S+)(?:\s+(.*))?$")
RELOCATION = re.compile(r"^\s*([0-9a-f]+):\s+R_(?:X86_64|AARCH64)_(\S+)\s+(\S+)$")
# What each kind of line looks like, by architecture. A register saved or reloaded is a spill.
KINDS = {
    "x86-64": {
        "return": re.compile(r"^(rep |repz |bnd )?ret"),
        "jump": re.compile(r"^(bnd )?jmp"),
        "branch": re.compile(r"^j(?!mp)"),
        "call": re.compile(r"^(bnd )?call"),
        "locked": re.compile(r"^lock\b|^xchg\b.*\("),
        "spill": re.compile(r"^(push|pop)|\(%r[sb]p\b"),
        "stack": re.compile(r"^(sub|add|and|lea)\b.*%rsp$"),
        "division": re.compile(r"^i?div"),
        "load": re.compile(r"^(mov\w*|cmp\w*|test\w*|add|sub|and|or|xor)\s+(?!.*,[^(]*\([^)]*\)$).*\(.*\)"),
        "store": re.compile(r"^(?!cmp|test|lea|nop)\S+\s.*,[^,(]*\([^)]*\)$"),
    },
    "aarch64": {
        "return": re.compile(r"^ret"),
        "jump": re.compile(r"^b\s"),
        "branch": re.compile(r"^(b\.|cbn?z|tbn?z)"),
        "call": re.compile(r"^blr?\s"),
        "locked": re.compile(r"^(ldx|ldax|stx|stlx|cas|swp|ld(add|clr|set|eor)|st(add|clr|set|eor))"),
        "spill": re.compile(r"^(st|ld)\w*\s.*\[(sp|x29)\b"),
        "stack": re.compile(r"^(sub|add)\s+sp\b|\[sp[^\]]*\]!|\[sp\],"),
        "division": re.compile(r"^[us]div"),
        "load": re.compile(r"^ld"),
        "store": re.compile(r"^st"),
    },
}
COUNTED = ("load", "store", "branch", "call", "locked", "spill", "stack", "division")
PLURAL = {"load": "loads", "store": "stores", "branch": "branches", "call": "calls", "locked": "locked",
          "spill": "spills", "stack": "stack changes", "division": "divisions"}


class Unclear(Exception):
    """What was found in the object is not a function with one fast path."""


class Instruction:
    """One line of a disassembly: where, what, where it may go."""

    def __init__(self, address, text):
        self.address = address
        self.text = text
        self.symbol = None  # "RELOCATION symbol" that the linker fills in

    def target(self):
        found = re.search(r"\b([0-9a-f]+)( <[^>]*>)?$", self.text)
        return int(found.group(1), 16) if found else None

    def is_kind(self, arch, kind):
        return KINDS[arch][kind].search(self.text) is not None


def parse(listing, name):
    """The instructions of one function out of `objdump -dr --no-show-raw-insn`, without what pads it."""
    code, inside = [], False
    for line in listing.splitlines():
        if line.endswith(">:"):
            inside = f"<{name}>:" in line
        elif inside and (found := RELOCATION.match(line)):
            if code and code[-1].address <= int(found.group(1), 16):
                code[-1].symbol = f"{found.group(2)} {re.sub(r'[+-]0x[0-9a-f]+$', '', found.group(3))}"
        elif inside and (found := LINE.match(line)):
            operands = re.sub(r"(\s|^)(//|#\s).*$", "", found.group(3) or "")
            text = re.sub(r"\s+", " ", f"{found.group(2)} {operands}").strip()
            code.append(Instruction(int(found.group(1), 16), text))
    if not code:
        raise Unclear(f"no function {name} in the object")
    return code


def ways(code, arch, index, seen):
    """All ways from code[index] to a return inside the function, as lists of indices."""
    if index >= len(code) or index in seen:
        return []
    instruction = code[index]
    if instruction.is_kind(arch, "return"):
        return [[index]]
    places = {i.address: at for at, i in enumerate(code)}
    local = None if instruction.symbol else places.get(instruction.target())
    followers = [index + 1]
    if instruction.is_kind(arch, "jump"):
        followers = [local] if local is not None else []
    elif instruction.is_kind(arch, "branch"):
        followers += [local] if local is not None else []
    return [[index, *rest] for f in followers for rest in ways(code, arch, f, seen | {index})]


def leaves_for(code, arch, index):
    """Where the function goes that leaves the fast path at code[index], or `...` if that is not one jump."""
    for instruction in code[index:index + 6]:
        if instruction.is_kind(arch, "jump") or instruction.is_kind(arch, "call"):
            return (instruction.symbol or instruction.text).split()[-1]
    return "..."


def readable(text):
    """Without offsets into structures: 0x420(%rax) is N(%rax), [x1, #8] is [x1, #N]."""
    text = re.sub(r"(?<![\w$])-?0x[0-9a-f]+\(", "N(", text)
    return re.sub(r"(\[\w+), #-?(0x)?[0-9a-f]+\]", r"\1, #N]", text)


def describe(code, arch, name):
    """The golden text of one function, a list of lines; its number of instructions is in the first."""
    found = ways(code, arch, 0, frozenset())
    if len(found) != 1:
        raise Unclear(f"{name} has {len(found)} ways to a return that leave it nowhere, not one")
    way = found[0]
    places = {i.address: at for at, i in enumerate(code)}
    counts = {kind: sum(code[i].is_kind(arch, kind) for i in way) for kind in COUNTED}
    lines = [f"{name}: {len(way)} instructions", "  " + ", ".join(f"{PLURAL[k]} {counts[k]}" for k in COUNTED)]
    for at, index in enumerate(way):
        instruction = code[index]
        text = readable(instruction.text)
        if instruction.is_kind(arch, "branch"):
            target = places.get(instruction.target())
            away = target if at + 1 < len(way) and way[at + 1] == index + 1 else index + 1
            text = re.sub(r"[0-9a-f]+( <[^>]*>)?$", "", text).strip(" ,")
            text += f" -> {leaves_for(code, arch, away)}" if away is not None else " -> ..."
        elif instruction.is_kind(arch, "jump"):
            text = text.split()[0] + " (on)"
        elif instruction.symbol:
            text = f"{re.sub(r',? 0 <[^>]*>$', '', text)}  [{instruction.symbol}]"
        lines.append(f"    {text}")
    return lines


def compare(golden, current, where):
    """Lines that say how the two differ; none when they do not."""
    if golden == current:
        return []
    said = []
    for line in golden:
        name, colon, figure = line.partition(": ")
        now = [c for c in current if c.startswith(f"{name}: ")]
        if colon and now and now[0] != line:
            said.append(f"{name}: {now[0].partition(': ')[2]}, {figure} in the golden file")
    return said + list(difflib.unified_diff(golden, current, where, "this build", lineterm="", n=3))


def over_budget(arch, described):
    """Complaints about functions longer than they may be."""
    said = []
    for line in described:
        found = re.match(r"(\w+): (\d+) instructions", line)
        most = BUDGET.get(arch, {}).get(found.group(1)) if found else None
        if most is not None and int(found.group(2)) > most:
            said.append(f"{found.group(1)}: {found.group(2)} instructions, the budget is {most}")
    return said


def compiled(build, compiler, into):
    """src/override.c compiled as the build does it, by another compiler."""
    commands = json.loads((Path(build) / "compile_commands.json").read_text(encoding="utf-8"))
    row = next(c for c in commands if c["file"].endswith("/src/override.c"))
    words = shlex.split(row["command"])
    words = [w for w in words[1:words.index("-o")] if w != "-c"]
    subprocess.run([*compiler, *words, "-c", row["file"], "-o", into], cwd=row["directory"], check=True)


def can_compile(compiler):
    """Whether it has the system's headers for what it compiles for: a cross compiler may not."""
    source = "#include <errno.h>\n#include <string.h>\n"
    return subprocess.run([*compiler, "-x", "c", "-fsyntax-only", "-"], input=source, text=True, capture_output=True,
                          check=False).returncode == 0


def objdump_for(arch):
    cross = f"{arch}-linux-gnu-objdump"
    for program in ([cross] if arch == "aarch64" else []) + ["objdump"]:
        try:
            if subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0:
                return program
        except OSError:
            continue
    raise Unclear("there is no objdump")


def described_object(path, arch):
    listing = subprocess.run([objdump_for(arch), "-dr", "--no-show-raw-insn", path], check=True, text=True,
                             capture_output=True).stdout
    lines = []
    for name in FUNCTIONS:
        lines += describe(parse(listing, name), arch, name)
    return lines


def self_test():
    """That each kind of difference is seen."""
    listing = """
0000000000000000 <free>:
   0:\tmov    0x0(%rip),%rax        # 7 <free+0x7>
\t\t\t3: R_X86_64_GOTTPOFF\trst_thread_heap-0x4
   7:\tcmp    0x430(%rax),%rdi
   e:\tjae    20 <free+0x20>
  10:\tmov    %rdi,0x8(%rax)
  14:\tret
  20:\tjmp    25 <free+0x25>
\t\t\t21: R_X86_64_PLT32\trst_free_slow-0x4
"""
    plain = describe(parse(listing, "free"), "x86-64", "free")
    assert plain[0] == "free: 5 instructions", plain
    assert plain[1].startswith("  loads 2, stores 1, branches 1, calls 0, locked 0, spills 0"), plain
    assert plain[2] == "    mov N(%rip),%rax  [GOTTPOFF rst_thread_heap]" and plain[4] == "    jae -> rst_free_slow", plain
    assert not compare(plain, plain, "golden")
    assert not compare(plain, describe(parse(listing.replace("0x430", "0x438"), "free"), "x86-64", "free"), "golden")
    for old, new, said in ((r"mov    %rdi,0x8(%rax)", "lock xadd %rdi,0x8(%rax)", "locked 1"),
                           (r"mov    %rdi,0x8(%rax)", "mov %rdi,0x8(%rsp)", "spills 1"),
                           (r"mov    %rdi,0x8(%rax)", "push %rdi", "spills 1"),
                           (r"mov    %rdi,0x8(%rax)", "sub $0x8,%rsp", "stack changes 1"),
                           (r"mov    %rdi,0x8(%rax)", "call 99 <other>", "calls 1"),
                           (r"mov    %rdi,0x8(%rax)", "nop\n  12:\tdiv %rcx", "free: 6 instructions")):
        other = describe(parse(listing.replace(old, new), "free"), "x86-64", "free")
        assert any(said in line for line in compare(plain, other, "golden")), (new, other)
    assert over_budget("x86-64", ["free: 19 instructions"]) and not over_budget("x86-64", ["free: 18 instructions"])
    for broken in (listing.replace("ret", "nop"), listing.replace("20:\tjmp    25", "20:\tret #").replace("R_X86", "X")):
        try:
            describe(parse(broken, "free"), "x86-64", "free")
        except Unclear:
            continue
        raise AssertionError("no fast path, or two, and nothing said")
    arm = "0 <malloc>:\n  0:\tldr\tx2, [x1, #1056]\n  4:\tstp\tx29, x30, [sp, #-16]!\n  8:\tret\n"
    assert "loads 1, stores 1" in describe(parse(arm, "malloc"), "aarch64", "malloc")[1]
    assert "spills 1, stack changes 1" in describe(parse(arm, "malloc"), "aarch64", "malloc")[1]
    print("self-test passed")
    return 0


def version_of(compiler):
    """gcc-12 or clang-14, of a command that runs a compiler."""
    said = subprocess.run([*compiler, "--version"], check=True, text=True, capture_output=True).stdout
    found = re.search(r"clang version (\d+)", said)
    if found:
        return f"clang-{found.group(1)}"
    number = subprocess.run([*compiler, "-dumpversion"], check=True, text=True, capture_output=True).stdout
    return f"gcc-{number.split('.')[0].strip()}"


def check(path, described, arch):
    said = over_budget(arch, described)
    said += compare(path.read_text(encoding="utf-8").splitlines(), described, f"tests/golden/{path.name}")
    if said:
        print("\n".join(said))
        print("If this is meant: docs/testing.md, \"The fast path\", has the command that makes the golden file anew.")
        return 1
    print(", ".join(line for line in described if not line.startswith(" ")) + f", as in {path.name}")
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", nargs="?", choices=("check", "write"))
    parser.add_argument("--arch", choices=sorted(KINDS))
    parser.add_argument("--object", help="override.c as compiled")
    parser.add_argument("--compile", metavar="DIR", help="compile it with the flags of this build tree")
    parser.add_argument("--with", dest="compiler", nargs=argparse.REMAINDER, default=[],
                        help="the compiler (and flags): what made --object, or is to make it")
    parser.add_argument("--golden", type=Path, default=HERE, help="where the golden files are")
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if not options.self_test and not (options.mode and options.arch and options.compiler
                                      and bool(options.object) != bool(options.compile)):
        parser.error("wanted: check or write, --arch, --object or --compile, and last --with COMPILER")
    return options


def main():
    options = parse_arguments()
    if options.self_test:
        return self_test()
    try:
        compiler = version_of(options.compiler)
    except OSError:
        print(f"skipped: {options.compiler[0]} is not installed")
        return SKIPPED
    path = options.golden / f"{options.arch}-{compiler}.txt"
    if options.mode == "check" and not path.exists():
        print(f"skipped: no golden file for {compiler} on {options.arch} ({path.name})")
        return SKIPPED
    if options.compile and not can_compile(options.compiler):
        print(f"skipped: {' '.join(options.compiler)} finds no headers for {options.arch}")
        return SKIPPED
    with tempfile.TemporaryDirectory() as scratch:
        made = options.object
        if options.compile:
            made = f"{scratch}/override.o"
            compiled(options.compile, options.compiler, made)
        try:
            described = described_object(made, options.arch)
        except Unclear as problem:
            print(problem)
            return 1
    if options.mode == "write":
        path.write_text("\n".join(described) + "\n", encoding="utf-8")
        print(f"wrote {path}", *over_budget(options.arch, described), sep="\n")
        return 0
    return check(path, described, options.arch)


if __name__ == "__main__":
    sys.exit(main())
