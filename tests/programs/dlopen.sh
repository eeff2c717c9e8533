#!/usr/bin/env bash
# A library is loaded and unloaded 200 times by a program and its threads. It frees what the program allocated and the
# other way round, and has thread_local objects whose destructors run after it was closed.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need gcc g++
source=$(cd "$(dirname "$0")" && pwd)/lib
rounds=${1:-200}

# Unique symbols would keep the library loaded for good.
g++ -std=c++17 -O1 -shared -fPIC -fno-gnu-unique "$source/plugin.cc" -o "$work/plugin.so"
gcc -O1 -fno-builtin "$source/host.c" -o "$work/host" -pthread -ldl
read -r _ _ unloaded < <(on_system 60 "$work/host" "$work/plugin.so" "$rounds")
[ "$unloaded" -eq "$rounds" ] || fail "the library is unloaded $unloaded times of $rounds, without roost"

on_roost_proved 60 "$work/host" "$work/plugin.so" "$rounds" >"$work/out"
read -r early late unloaded <"$work/out"
[ "$unloaded" -eq "$rounds" ] || fail "the library was unloaded $unloaded times of $rounds"
[ "$late" -le $((early + 8192)) ] || fail "resident grew from $early to $late KiB"
figure() { awk -v name="$1" '$1 == name { print $2 }' "$work/proof"; }
[ "$(figure heaps)" -le 3 ] || fail "$(figure heaps) heaps were made"
[ "$(figure allocated)" -le $((2 * 1024 * 1024)) ] || fail "$(figure allocated) bytes are still allocated"
echo "$rounds rounds: resident $early, then $late KiB; $(figure heaps) heaps"
