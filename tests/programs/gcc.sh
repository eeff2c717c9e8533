#!/usr/bin/env bash
# gcc and g++ compile a large generated file: the same object code, byte for byte.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need gcc g++ perl

perl -e '
    print "#include <stdio.h>\n#include <string.h>\nstruct s { int a[8]; double d; char *p; };\n";
    for my $i (1 .. 300) {
        print "static int f$i(struct s *s, int n)\n{\n    int sum = $i;\n    for (int i = 0; i < n; i++) {\n",
            "        switch ((i * $i) & 15) {\n", (map { "        case $_: sum += s->a[" . ($_ & 7) . "] * $i + $_; break;\n" } 0 .. 11),
            "        default: sum ^= (int)s->d; s->a[i & 7] = sum; }\n    }\n    return sum;\n}\n";
    }
    print "int (*table[])(struct s *, int) = {", (map { "f$_," } 1 .. 300), "};\n";
' >"$work/large.c"
perl -e '
    print "#include <map>\n#include <string>\n#include <vector>\n#include <memory>\n#include <algorithm>\n";
    for my $i (1 .. 18) {
        print "struct t$i { std::string name; int v = $i; bool operator<(const t$i &o) const { return v < o.v; } };\n",
            "int g$i(std::vector<t$i> x) { std::sort(x.begin(), x.end()); std::map<std::string, t$i> m; for (auto &e : x) m[e.name] = e;",
            " return (int)m.size() + (x.empty() ? 0 : x[0].v); }\n";
    }' >"$work/large.cc"

cd "$work"
on_system 300 gcc -O2 -c large.c -o glibc.o
on_roost_proved 300 gcc -O2 -c large.c -o roost.o
same glibc.o roost.o "what gcc compiled"
on_system 300 g++ -O1 -c large.cc -o glibc++.o
on_roost_proved 300 g++ -O1 -c large.cc -o roost++.o
same glibc++.o roost++.o "what g++ compiled"
echo "same objects: $(stat -c %s roost.o) and $(stat -c %s roost++.o) bytes"
