#!/usr/bin/env python3
"""Checks that roost's sources and objects keep to their floors.

    layering.py --source DIR [--objects LIST]
    layering.py --self-test --cc COMPILER

Includes and symbols go down, or sideways inside a floor, never up; inside a floor there is no circle, neither of
modules (page.c and page.h are one) nor of objects. Nothing of roost's refers to libc functions that may allocate or
that buffer. Names of systems stand in src/os and src/override.c alone. One line is printed for each breach.

SPDX-License-Identifier: MIT
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

FLOORS = {"os": 1, "core": 2, "threadcache": 3, "stats": 4, "": 5}
FLOOR_NAMES = {number: "src/" + name for name, number in FLOORS.items()}
BELOW_ALL = 0

SYSTEM_NAMES = re.compile(r"\b(_WIN32|_WIN64|_MSC_VER|__linux__|__linux|__gnu_linux__|__APPLE__|__FreeBSD__|__NetBSD__|"
                          r"__OpenBSD__|__sun|__ANDROID__|__unix__)\b")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.S)

# What a program may define for us; bound weakly.
OF_THE_PROGRAM = {"roost_default_options"}
ALLOCATING = set("""
malloc calloc realloc reallocarray free cfree aligned_alloc memalign posix_memalign valloc pvalloc strdup strndup
wcsdup asprintf vasprintf getline getdelim open_memstream fmemopen qsort setenv putenv unsetenv opendir fdopendir
readdir scandir glob getcwd realpath dlopen dlsym dlclose dlerror strerror strsignal syslog openlog regcomp
getaddrinfo gethostbyname getpwnam getpwuid localtime localtime_r mktime strftime setlocale tmpfile popen
backtrace backtrace_symbols backtrace_symbols_fd
printf fprintf vprintf vfprintf dprintf vdprintf sprintf vsprintf snprintf vsnprintf puts fputs putc fputc putchar
perror fopen fopen64 fdopen freopen fclose fread fwrite fgets fgetc getc getchar gets ungetc fflush setvbuf setbuf
setlinebuf fseek ftell rewind scanf fscanf sscanf vsscanf stdin stdout stderr psignal psiginfo assert __assert_fail
_Znwm _Znam _ZdlPv _ZdaPv _ZdlPvm _ZdaPvm
""".split())


def plain(symbol):
    """A libc symbol without version, fortification and standards prefixes: __vsnprintf_chk is vsnprintf."""
    name = symbol.split("@")[0]
    for prefix in ("__isoc99_", "__isoc23_", "__libc_"):
        if name.startswith(prefix):
            name = name[len(prefix):]
    fortified = re.fullmatch(r"__(\w+)_chk", name)
    return fortified.group(1) if fortified else name


def circles(graph):
    """The strongly connected groups of more than one node of {node: set of nodes} (Tarjan, without recursion)."""
    index, low, stack, on_stack, found = {}, {}, [], set(), []
    for root in sorted(graph):
        if root in index:
            continue
        work = [(root, iter(sorted(graph[root])))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, edges = work[-1]
            descend = None
            for to in edges:
                if to not in graph:
                    continue
                if to not in index:
                    descend = to
                    break
                if to in on_stack:
                    low[node] = min(low[node], index[to])
            if descend is not None:
                index[descend] = low[descend] = len(index)
                stack.append(descend)
                on_stack.add(descend)
                work.append((descend, iter(sorted(graph[descend]))))
                continue
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[node])
            if low[node] == index[node]:
                group = []
                while True:
                    member = stack.pop()
                    on_stack.discard(member)
                    group.append(member)
                    if member == node:
                        break
                if len(group) > 1:
                    found.append(sorted(group))
    return found


def without_comments(text):
    return COMMENT.sub(lambda m: m.group(0) if m.group(0).startswith('"') else " ", text)


def source_files(root):
    """{path below src: floor} of every C source and header."""
    src = os.path.join(root, "src")
    files = {}
    for directory, _, names in os.walk(src):
        for name in names:
            if not name.endswith((".c", ".h", ".cc", ".hpp", ".inc")):
                continue
            path = os.path.relpath(os.path.join(directory, name), src)
            files[path] = FLOORS.get(os.path.dirname(path))
    return files


def check_sources(root, breaches):
    files = source_files(root)
    if not files:
        breaches.append("no sources below %s/src" % root)
    modules = {number: {} for number in FLOORS.values()}
    for path, floor in sorted(files.items()):
        if floor is None:
            breaches.append("src/%s: its directory is no floor" % path)
            continue
        with open(os.path.join(root, "src", path), encoding="utf-8") as f:
            text = without_comments(f.read())
        names = SYSTEM_NAMES.findall(text)
        if names and floor != FLOORS["os"] and path != "override.c":
            breaches.append("src/%s: %s belongs in src/os" % (path, names[0]))
        module = os.path.splitext(path)[0]
        edges = modules[floor].setdefault(module, set())
        for quote, target in INCLUDE.findall(text):
            resolved = resolve(root, path, target, files)
            if resolved is None:
                if quote == '"':
                    breaches.append("src/%s: cannot find \"%s\"" % (path, target))
                continue
            to_floor, to_module = resolved
            if to_floor is not None and to_floor > floor:
                breaches.append("src/%s (floor %d) includes %s of floor %d" % (path, floor, target, to_floor))
            elif to_floor == floor and to_module != module:
                edges.add(to_module)
    for floor, graph in modules.items():
        for group in circles(graph):
            breaches.append("%s: modules include each other in a circle: %s" % (FLOOR_NAMES[floor], " ".join(group)))


def resolve(root, path, target, files):
    """(floor, module) of an include; None for a system header."""
    beside = os.path.normpath(os.path.join(os.path.dirname(path), target))
    for candidate in (beside, os.path.normpath(target)):
        if candidate in files:
            return files[candidate], os.path.splitext(candidate)[0]
    if os.path.exists(os.path.join(root, "include", target)):
        return BELOW_ALL, target
    return None


def nm(obj):
    """(defined, undefined) global symbols of an object."""
    out = subprocess.run(["nm", "-P", "-g", obj], check=True, capture_output=True, text=True).stdout
    defined, undefined = set(), set()
    for line in out.splitlines():
        fields = line.split()
        if len(fields) >= 2:
            (undefined if fields[1] in "Uvw" else defined).add(fields[0])
    return defined, undefined


def check_objects(objects, breaches):
    """objects: list of (floor, path)."""
    symbols = {path: nm(path) for _, path in objects}
    floor_of = {path: floor for floor, path in objects}
    defined_in = {}
    for path, (defined, _) in symbols.items():
        for symbol in defined:
            defined_in.setdefault(symbol, []).append(path)
    graphs = {number: {} for number in FLOORS.values()}
    because = {}  # (from, to): the first symbol by which one object needs another of its floor
    for floor, path in objects:
        name = os.path.basename(path)
        edges = graphs[floor].setdefault(path, set())
        for symbol in sorted(symbols[path][1]):
            providers = defined_in.get(symbol, [])
            lower = [p for p in providers if floor_of[p] <= floor]
            if providers and not lower:
                breaches.append("%s (floor %d) needs %s of %s (floor %d)" % (
                    name, floor, symbol, os.path.basename(providers[0]), floor_of[providers[0]]))
            elif not providers and symbol not in OF_THE_PROGRAM and re.match(r"(rst|roost)_", symbol):
                breaches.append("%s needs %s, which no floor defines" % (name, symbol))
            elif not providers and plain(symbol) in ALLOCATING:
                breaches.append("%s needs %s of libc, which may allocate or buffer" % (name, symbol))
            for other in lower:
                if floor_of[other] == floor and other != path:
                    edges.add(other)
                    because.setdefault((path, other), symbol)
    for floor, graph in graphs.items():
        for group in circles(graph):
            reasons = ["%s needs %s of %s" % (os.path.basename(a), symbol, os.path.basename(b))
                       for (a, b), symbol in sorted(because.items()) if a in group and b in group]
            breaches.append("%s: objects need each other in a circle: %s (%s)" % (
                FLOOR_NAMES[floor], " ".join(os.path.basename(p) for p in group), "; ".join(reasons)))


# --- self-test: each tree breaks one rule, and the line that must be printed is known --------------------------------

GOOD = {
    "include/roost/roost.h": "int roost_malloc(void);\n",
    "src/os/os.h": "int rst_os(void);\n",
    "src/os/os.c": '#include "os/os.h"\nint rst_os(void) { return 1; }\n',
    "src/core/page.h": '#include "os/os.h"\nint rst_page(void);\n',
    "src/core/page.c": '#include "core/page.h"\n/* printf(), __linux__ */\nint rst_page(void) { return rst_os(); }\n',
    "src/core/arena.h": "int rst_arena(void);\n",
    "src/core/arena.c": '#include "core/arena.h"\n#include "core/page.h"\nint rst_arena(void) { return rst_page(); }\n',
    "src/alloc.c": '#include <roost/roost.h>\n#include "core/arena.h"\nint roost_malloc(void) { return rst_arena(); }\n',
}
BAD = [
    ("src/core/page.h includes a header above it", {"src/core/page.h": '#include "threadcache/heap.h"\nint rst_page(void);\n',
     "src/threadcache/heap.h": "\n"}, r"src/core/page\.h \(floor 2\) includes threadcache/heap\.h of floor 3"),
    ("a face header from below", {"src/os/os.c": '#include "../alloc.h"\nint rst_os(void) { return 1; }\n', "src/alloc.h": "\n"},
     r"src/os/os\.c \(floor 1\) includes \.\./alloc\.h of floor 5"),
    ("a circle of includes", {"src/core/page.h": '#include "core/arena.h"\nint rst_page(void);\nint rst_os(void);\n'},
     r"src/core: modules include each other in a circle: core/arena core/page"),
    ("a lost include", {"src/core/page.h": '#include "core/lost.h"\nint rst_page(void);\nint rst_os(void);\n', },
     r'src/core/page\.h: cannot find "core/lost\.h"'),
    ("a system's name", {"src/core/arena.h": "#ifdef __linux__\n#endif\nint rst_arena(void);\n"},
     r"src/core/arena\.h: __linux__ belongs in src/os"),
    ("an unknown directory", {"src/extra/x.h": "\n"}, r"src/extra/x\.h: its directory is no floor"),
    ("a call up without an include", {"src/os/os.c": "int rst_page(void);\nint rst_os(void) { return rst_page(); }\n"},
     r"os\.o \(floor 1\) needs rst_page of page\.o \(floor 2\)"),
    ("a circle of objects", {"src/core/page.c": "int rst_arena(void);\nint rst_page(void);\nint rst_page(void) { return rst_arena(); }\n"},
     r"src/core: objects need each other in a circle: arena\.o page\.o"),
    ("a name defined nowhere", {"src/os/os.c": "int rst_gone(void);\nint rst_os(void) { return rst_gone(); }\n"},
     r"os\.o needs rst_gone, which no floor defines"),
    ("stdio", {"src/os/os.c": "#include <stdio.h>\nint rst_os(void) { return puts(\"x\"); }\n"},
     r"os\.o needs puts of libc"),
    ("malloc", {"src/core/page.c": "#include <stdlib.h>\nint rst_page(void);\nvoid *volatile kept;\n"
     "int rst_page(void) { kept = malloc(7); return 0; }\n"}, r"page\.o needs malloc of libc"),
    ("fortified stdio", {"src/os/os.c": "int __vsnprintf_chk(void);\nint rst_os(void) { return __vsnprintf_chk(); }\n"},
     r"os\.o needs __vsnprintf_chk of libc"),
]


def breaches_of(tree, cc):
    with tempfile.TemporaryDirectory() as root:
        objects = []
        for path, text in tree.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as f:
                f.write(text)
        open(os.path.join(root, "include", "roost", "empty.h"), "w").close()
        for path in tree:
            if path.endswith(".c"):
                obj = os.path.join(root, os.path.basename(path)[:-2] + ".o")
                built = subprocess.run([cc, "-w", "-I" + root + "/src", "-I" + root + "/include", "-c",
                                        os.path.join(root, path), "-o", obj], capture_output=True)
                if built.returncode == 0:  # a tree with a lost include has no object, and need not
                    objects.append((FLOORS[os.path.dirname(path)[len("src/"):]], obj))
        breaches = []
        check_sources(root, breaches)
        check_objects(objects, breaches)
        return breaches


def self_test(cc):
    failed = 0
    good = breaches_of(GOOD, cc)
    if good:
        failed += 1
        print("self-test: the good tree is refused: %s" % good)
    for what, changes, expected in BAD:
        breaches = breaches_of({**GOOD, **changes}, cc)
        if not any(re.search(expected, line) for line in breaches):
            failed += 1
            print("self-test: %s: expected /%s/, got %s" % (what, expected, breaches))
    print("self-test: %d of %d trees judged as expected" % (1 + len(BAD) - failed, 1 + len(BAD)))
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source")
    parser.add_argument("--objects", help="a file with one line FLOOR=OBJECT for each object")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--cc", default=os.environ.get("CC", "cc"))
    args = parser.parse_args()
    if args.self_test:
        return 1 if self_test(args.cc) else 0
    if not args.source:
        parser.error("--source or --self-test is needed")
    breaches = []
    check_sources(args.source, breaches)
    objects = []
    if args.objects:
        with open(args.objects, encoding="utf-8") as f:
            pairs = [line.split("=", 1) for line in f.read().splitlines() if line]
        objects = [(int(floor), path) for floor, path in pairs]
        if not objects:
            breaches.append("%s lists no objects" % args.objects)
    check_objects(objects, breaches)
    for line in breaches:
        print(line)
    print("%d files, %d objects, %d breaches" % (len(source_files(args.source)), len(objects), len(breaches)))
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
