#!/usr/bin/env bash
# In control groups with a limit of their own: programs that would be killed for idle memory live, and do so because of the option
# `pressure`. Needs the right to make a group (version 1 or 2).
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
# shellcheck source-path=SCRIPTDIR source=../support/group.sh
. "$(dirname "$0")/../support/group.sh"
need gcc
source=$(cd "$(dirname "$0")" && pwd)/lib
gcc -O1 -fno-builtin -pthread -I"$ROOST_SOURCE_DIR/include" "$source/pressed.c" -o "$work/pressed" -ldl

# in_group COMMAND...: its exit code goes to `code`; what it says on standard error to $work/proof.
in_group() {
    code=0
    bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec timeout -k 5 60 "$@"' - "$group" "$@" \
        >"$work/out" 2>"$work/proof" || code=$?
}

on_roost_in_group() {
    in_group env LD_PRELOAD="$ROOST_LIB" ROOST_STATS=1 ROOST_PURGE_DELAY=3600000 "$@"
}

figure() { awk -v name="$1" '$1 == name { print $2; exit }' "$work/proof"; }

limit 256
for threads in 1 2; do
    on_roost_in_group "$work/pressed" churn $threads 4
    [ "$code" -eq 0 ] || fail "churn with $threads threads in 256 MiB: exit code $code: $(cat "$work/out" "$work/proof")"
    [ "$(figure pressure_purged)" -gt $((32 << 20)) ] || fail "only $(figure pressure_purged) bytes were purged for the limit"
    echo "churn, $threads threads, in 256 MiB: lives; purged $(($(figure pressure_purged) >> 20)) MiB, near the limit $(figure pressure_limits) times"
done
on_roost_in_group env ROOST_PRESSURE=0 "$work/pressed" churn 1 4
if [ "$code" -eq 0 ]; then
    echo "without the option it lives as well: the system has room elsewhere"
else
    echo "without the option: exit code $code"
fi

on_roost_in_group "$work/pressed" replace 300000
[ "$code" -eq 0 ] || fail "replacing blocks of 100 MiB in 256 MiB: exit code $code"
proved "$work/proof" "pressed replace"
echo "replacing blocks of 100 MiB in 256 MiB: lives, in_use at most $(($(figure in_use_peak) >> 20)) MiB"

rmdir "$group" && mkdir "$group" # what was used, and limits of swap
limit 300
in_group env LD_PRELOAD="$ROOST_LIB" ROOST_STATS=1 "$work/pressed" phases 200
[ "$code" -eq 0 ] || fail "ten phases of 200 MiB in 300 MiB: exit code $code"
proved "$work/proof" "pressed phases"
echo "ten phases of 200 MiB in 300 MiB: lives"
