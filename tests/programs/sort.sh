#!/usr/bin/env bash
# sort of a large file with several threads, in memory and by merging temporary files.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need sort perl

perl -e 'use integer; my $x = 42; for (1 .. 1500000) { $x = ($x * 1103515245 + 12345) & 0x7fffffff; print $x % 100003, " line $x\n" }' >"$work/lines"
cd "$work"
on_system 120 sort --parallel=4 -S 200M -T "$work" lines >glibc.1
on_system 120 sort --parallel=2 -S 5M -T "$work" -k1,1n -k3,3nr lines >glibc.2
on_roost_proved 180 sort --parallel=4 -S 200M -T "$work" lines >roost.1
on_roost_proved 180 sort --parallel=2 -S 5M -T "$work" -k1,1n -k3,3nr lines >roost.2
same glibc.1 roost.1 "the sorted file"
same glibc.2 roost.2 "the file sorted by merging"
echo "$(wc -l <roost.1) lines sorted"
