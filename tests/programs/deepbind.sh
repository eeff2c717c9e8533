#!/usr/bin/env bash
# A library that is opened with RTLD_DEEPBIND uses roost all the same, and the one that opens it is still the caller that
# the dynamic linker sees: the plugin is found by that library's RUNPATH alone. With deepbind=1 the flag stays, and the first
# block that crosses over is reported as foreign.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need gcc
source=$(cd "$(dirname "$0")" && pwd)/lib/deep.c

mkdir "$work/plugins"
gcc -O1 -fno-builtin -shared -fPIC -DPART=1 "$source" -o "$work/plugins/plugin.so"
gcc -O1 -fno-builtin -shared -fPIC -DPART=2 "$source" -o "$work/libmiddle.so" -Wl,--enable-new-dtags,-rpath,"\$ORIGIN/plugins"
gcc -O1 -fno-builtin -DPART=3 "$source" -o "$work/program" -L"$work" -lmiddle -Wl,-rpath,"\$ORIGIN"

on_system 20 "$work/program" >"$work/expected"
on_roost_proved 20 "$work/program" >"$work/out"
same "$work/expected" "$work/out" "what the program prints"

code=0
(ulimit -c 0; ROOST_DEEPBIND=1 on_roost 20 "$work/program") >"$work/out" 2>"$work/error" || code=$?
[ "$code" -eq 134 ] || fail "with deepbind=1 the program ended with code $code, not 134"
grep -Eq "^roost: free\(0x[0-9a-f]+\): not a block of roost's: it lies in \[heap\]$" "$work/error" ||
    fail "with deepbind=1 it said: $(cat "$work/error")"
