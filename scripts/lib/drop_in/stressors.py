# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""stress-ng: of its stressors those that allocate, start threads, processes or programs, or send signals. Each does a given number of its
operations and verifies what it computes; the answer is that it found nothing wrong. As root it is run by nobody: some refuse root."""
import functools

from .process import Problem, tool

# Not brk: it reads the page below the break, which is there only when libc's own malloc has moved the break.
# Row: the stressor, its operations for 1 to 2 s by two workers of a machine with two cores, options of its own.
STRESSORS = {
    "malloc": ("malloc", 500000), "malloc-threads": ("malloc", 400000, "--malloc-pthreads", "4"), "malloc-touch": ("malloc", 250000, "--malloc-touch"),
    "bigheap": ("bigheap", 30000), "list": ("list", 150), "tsearch": ("tsearch", 60), "skiplist": ("skiplist", 10000),
    "judy": ("judy", 80), "sparsematrix": ("sparsematrix", 33), "memthrash": ("memthrash", 100), "zlib": ("zlib", 160), "jpeg": ("jpeg", 2000),
    "pthread": ("pthread", 15000), "tlb-shootdown": ("tlb-shootdown", 6000), "fork": ("fork", 6000), "fork-vm": ("fork", 90, "--fork-vm"),
    "forkheavy": ("forkheavy", 400), "vfork": ("vfork", 60000), "clone": ("clone", 400), "daemon": ("daemon", 3000), "spawn": ("spawn", 600),
    "exec": ("exec", 500), "zombie": ("zombie", 6000), "exit-group": ("exit-group", 1200), "dynlib": ("dynlib", 4000), "env": ("env", 400),
    "resources": ("resources", 200), "sigsegv": ("sigsegv", 800000), "sigabrt": ("sigabrt", 8000), "sigq": ("sigq", 1000000),
    "signest": ("signest", 700000), "sigchld": ("sigchld", 9000), "itimer": ("itimer", 300, "--itimer-freq", "10000"), "timer": ("timer", 25000),
    "longjmp": ("longjmp", 30000), "bad-altstack": ("bad-altstack", 8000), "vm-segv": ("vm-segv", 4000), "context": ("context", 8000),
    "aio": ("aio", 200000),
}


def stress(name, context):
    stressor, operations, *more = STRESSORS[name]
    words = [tool("stress-ng"), f"--{stressor}", "2", f"--{stressor}-ops", str(operations), *more, "--verify", "--no-rand-seed", "--temp-path",
             str(context.scratch), "--timeout", str(int(context.timeout)), "--oomable", "--stdout"]
    said = context.command(words, tree=True, user="nobody")
    if "successful run completed" not in said or "fail:" in said or "skipping" in said:
        raise Problem(f"stress-ng: {(said.strip().splitlines() or [''])[-1]}")
    return "verified"


def rows(row):
    return {f"stress-{name}": row(f"stress-ng --{' '.join(map(str, words[:1] + words[2:]))}, {words[1]} operations", "stress-ng", ["stress-ng", "setpriv"],
                                  ["stress-ng", "--version"], functools.partial(stress, name)) for name, words in STRESSORS.items()}
