# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""make -j with gcc, g++, as, ld and its plugin on sources that are made here; the answer is what they were compiled to."""
import hashlib

from .process import tool

C_FILES, CXX_FILES = 16, 3
MAKEFILE = """
all: c.out lto.out cxx.out
C = $(wildcard c*.c)
X = $(wildcard x*.cc)
%.o: %.c
\tgcc -O2 -g -fdebug-prefix-map=$(CURDIR)=. -c $< -o $@
%.lto.o: %.c
\tgcc -O2 -flto -c $< -o $@
%.xo: %.cc
\tg++ -O2 -g -fdebug-prefix-map=$(CURDIR)=. -c $< -o $@
c.out: $(C:.c=.o)
\tgcc $^ -o $@
lto.out: $(C:.c=.lto.o)
\tgcc -O2 -flto=2 $^ -o $@
cxx.out: $(X:.cc=.xo)
\tg++ $^ -o $@
"""


def c_source(i):
    functions = "".join(
        f"int f{i}_{n}(int *a, int n) {{ int s = {n}; for (int k = 0; k < n; k++) switch ((a[k] * {n + i}) & 7) {{ "
        + " ".join(f"case {c}: s += a[k & {c}] * {n + c}; break;" for c in range(7)) + " default: s ^= n; } return s; }\n" for n in range(40))
    return functions + (f"int main(void) {{ int a[8] = {{1, 2, 3}}; return f{i}_0(a, 8) == 0; }}\n" if i == 0 else "")


def cxx_source(i):
    return (f"#include <algorithm>\n#include <map>\n#include <regex>\n#include <sstream>\n#include <string>\n#include <variant>\n#include <vector>\n"
            f"namespace n{i} {{ struct item {{ std::map<std::string, std::vector<std::variant<int, std::string>>> m; }};\n"
            f"int f(const std::string &s) {{ item t; std::istringstream in(s); std::string w; std::regex r(\"a+b*c{i}\");\n"
            f"while (in >> w) if (std::regex_search(w, r)) t.m[w].emplace_back({i}); std::vector<int> v;\n"
            f"for (auto &[k, l] : t.m) v.push_back((int)l.size()); std::sort(v.begin(), v.end(), [](int a, int b) {{ return a > b; }});\n"
            f"return v.empty() ? 0 : v[0]; }} }}\n" + ("int main() { return n0::f(\"abc\"); }\n" if i == 0 else ""))


def compile_prepare(context):
    for i in range(C_FILES):
        (context.scratch / f"c{i}.c").write_text(c_source(i), encoding="ascii")
    for i in range(CXX_FILES):
        (context.scratch / f"x{i}.cc").write_text(cxx_source(i), encoding="ascii")
    (context.scratch / "Makefile").write_text(MAKEFILE, encoding="ascii")


def compile_all(context):
    for path in context.prepared.iterdir():
        (context.scratch / path.name).write_bytes(path.read_bytes())
    context.command([tool("make"), "-j", "3", "-s"], tree=True, env={"SOURCE_DATE_EPOCH": "0"})
    digest = hashlib.sha256()
    for path in sorted([*context.scratch.glob("*.o"), *context.scratch.glob("*.xo"), *context.scratch.glob("*.out")]):
        if not path.name.endswith(".lto.o"):  # has a random name inside
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
