#!/usr/bin/env bash
# xz -T2: the same compressed file, and the round trip.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need xz perl

cd "$work"
perl -e 'use integer; my $x = 1; for (1 .. 900000) { $x = ($x * 1103515245 + 12345) & 0x7fffffff; print "entry ", $x % 5003, " of ", $_, " ", "ab" x ($x % 13), "\n" }' >data
on_system 240 xz -T2 -3 --block-size=4MiB -k -c data >glibc.xz
on_roost_proved 300 xz -T2 -3 --block-size=4MiB -k -c data >roost.xz
same glibc.xz roost.xz "the compressed file"
on_roost_proved 120 xz -T2 -d -c roost.xz >back
same data back "the data after the round trip"
echo "$(stat -c %s data) bytes to $(stat -c %s roost.xz) and back"
