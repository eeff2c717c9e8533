#!/usr/bin/env bash
# libroost.so itself is loaded late into a program on the system's allocator, used by its threads through the roost_ names,
# and closed, 50 times: while the main thread uses it too, so that it stays, and while only threads do, so that it goes, and takes its
# address space with it, but for blocks that are left behind.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need gcc
source=$(cd "$(dirname "$0")" && pwd)/lib
rounds=${1:-50}

gcc -O1 "$source/late.c" -o "$work/late" -pthread -ldl

# late_loads WHO: sets early, late (resident), and unloaded.
late_loads() {
    on_system 60 "$work/late" "$ROOST_LIB" "$rounds" "$1" >"$work/out" 2>"$work/err" ||
        { cat "$work/err" >&2; fail "the program ended with code $? ($1)"; }
    read -r early late early_mapped late_mapped unloaded <"$work/out"
}

late_loads main
[ "$unloaded" -eq 0 ] || fail "the library was unloaded although the main thread still has a heap"
[ "$late" -le $((early + 4096)) ] || fail "resident grew from $early to $late KiB"
[ "$late_mapped" -le $((early_mapped + 4096)) ] || fail "mapped memory grew from $early_mapped to $late_mapped KiB"
echo "$rounds rounds with the main thread: resident $early, then $late KiB"

late_loads threads
[ "$unloaded" -eq "$rounds" ] || fail "the library was unloaded $unloaded times of $rounds"
[ "$late" -le $((early + 4096)) ] || fail "resident grew from $early to $late KiB (threads)"
[ "$late_mapped" -le $((early_mapped + 4096)) ] || fail "mapped memory grew from $early_mapped to $late_mapped KiB (threads)"
echo "$rounds rounds with threads alone: resident $early, then $late KiB; mapped $early_mapped, then $late_mapped KiB"

late_loads leave
[ "$unloaded" -eq "$rounds" ] || fail "the library was unloaded $unloaded times of $rounds, with blocks left behind"
most=$((early_mapped + rounds * 65536))
[ "$late_mapped" -le "$most" ] || fail "mapped memory grew from $early_mapped to $late_mapped KiB (blocks left behind)"
echo "$rounds rounds that leave a block behind: mapped $early_mapped, then $late_mapped KiB"
