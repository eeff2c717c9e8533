#!/usr/bin/env bash
# A stall for memory that the kernel tells of (PSI), made on purpose by processes in a control group too small for them: idle memory of a
# process outside goes back. Needs the right to make a group, a file system on a disk, and PSI.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
# shellcheck source-path=SCRIPTDIR source=../support/group.sh
. "$(dirname "$0")/../support/group.sh"
need gcc
source=$(cd "$(dirname "$0")" && pwd)/lib
seconds=${1:-10}
gcc -O1 -fno-builtin -pthread -I"$ROOST_SOURCE_DIR/include" "$source/pressed.c" -o "$work/pressed" -ldl
dd if=/dev/zero of="$work/file" bs=1M count=40 conv=fsync 2>/dev/null
limit 24

stalled() {
    timeout -k 5 60 env LD_PRELOAD="$ROOST_LIB" ROOST_STATS=1 ROOST_PURGE_DELAY=3600000 \
        "$work/pressed" stall "$seconds" >"$work/out" 2>"$work/proof"
}
stalled &
waiter=$!
thrashers=()
for _ in 1 2 3 4; do
    bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' - "$group" "$work/pressed" thrash "$work/file" "$seconds" &
    thrashers+=($!)
done
code=0
wait "$waiter" || code=$?
for pid in "${thrashers[@]}"; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
done
cat "$work/out"
if [ "$code" -eq 77 ]; then
    echo "SKIPPED: no stall could be made here"
    exit 77
fi
[ "$code" -eq 0 ] || fail "exit code $code"
figure() { awk -v name="$1" '$1 == name { print $2; exit }' "$work/proof"; }
[ "$(figure pressure_events)" -ge 1 ] || fail "no event is counted"
[ "$(figure pressure_purged)" -ge $((30 << 20)) ] || fail "only $(figure pressure_purged) bytes were purged for it"
echo "purged for it: $(($(figure pressure_purged) >> 20)) MiB"
