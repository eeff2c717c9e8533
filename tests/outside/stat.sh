#!/bin/bash
# roost stat: the figures that the process itself has, and how it refuses.
# SPDX-License-Identifier: MIT
set -u
. "$(dirname "$0")/lib/holder.bash"

# figure NAME FILE: its value in what `roost stat --json` printed.
figure() {
    sed -n "s/^\(\"process\":{\)*\"$1\":\([0-9]*\)[,}].*/\2/p" "$2" | head -n 1
}

hold "$HOLDER"
skip_unless_readable "$pid"
for freeze in '' --freeze; do
    expect 0 '{*}' '' "$ROOST_CMD" stat --json $freeze "$pid"
    cp "$scratch/.out" "$scratch/stat.json"
    compared=0
    while read -r name value; do
        got=$(figure "$name" "$scratch/stat.json")
        compared=$((compared + 1))
        case $name in
        resident*) [ "${got:-0}" -gt 0 ] || fail "$name is '$got'" ;;
        steward_* | faults_* | calls_*) ;; # they go on meanwhile
        allocated_peak) ;;                # the process keeps that to itself
        *) [ "$got" = "$value" ] || fail "$name is '$got', the process itself says $value" ;;
        esac
    done <"$scratch/held"
    [ "$compared" -ge 35 ] || fail "only $compared figures were compared"
done
# The figures are not all nothing.
for name in allocated large_live undrained_blocks foreign_sent_blocks heaps_parked; do
    [ "$(figure "$name" "$scratch/stat.json")" -gt 0 ] || fail "$name is 0: the holder does not hold what it should"
done
# The classes add up to what is allocated, but for what is under way.
if command -v python3 >/dev/null; then
    python3 - "$scratch/stat.json" <<'PYTHON' || fail "the tables of the JSON do not add up"
import json, sys
stat = json.load(open(sys.argv[1]))
figures = stat["process"]
blocks = sum(c["block_size"] * c["live"] for c in stat["classes"]) + stat["large"]["bytes"]
unsent = sum(h["unsent_bytes"] for h in stat["heaps"])
assert blocks + unsent == figures["allocated"] + figures["undrained_bytes"], (blocks, unsent, figures["allocated"])
assert sum(c["pages"] for c in stat["classes"]) == figures["pages"]
assert sum(h["pages"] for h in stat["heaps"]) == figures["pages"]
assert len(stat["heaps"]) == figures["heaps"]
assert stat["schema"] == 1 and stat["still"] is True and stat["core"] is False
PYTHON
fi
expect 0 "process $pid (outside_holder), roost *  allocated *B  in blocks*" '' "$ROOST_CMD" stat "$pid"
expect 0 '*block size*pages*fill*large*heap*thread*' '' "$ROOST_CMD" stat --classes --heaps "$pid"
long=$(awk 'length > 100' "$scratch/.out" | grep -v "^process ")
[ -z "$long" ] || fail "longer than 100 columns: $long"
expect 0 '*thread*idle*' '' "$ROOST_CMD" stat -H "$pid"
let_go

# A process that is busy is read while it works; figures are sane.
hold env ROOST_STEWARD=1 "$HOLDER" --busy
for _ in 1 2 3 4 5 6 7 8 9 10; do
    expect 0 '{*}' '' "$ROOST_CMD" stat --json "$pid"
    [ "$(figure allocated "$scratch/.out")" -le "$(figure in_use_peak "$scratch/.out")" ] || fail "more allocated than in use"
done
# After --freeze it goes on, also when the command is killed in the midst of it.
expect 0 '*' '' "$ROOST_CMD" stat -f "$pid"
for signal in INT TERM KILL; do
    ("$ROOST_CMD" stat -f "$pid" >/dev/null 2>&1 & kill -$signal $!; wait $! 2>/dev/null)
done
let_go || fail "the busy process did not end well after it was frozen: $?"

# Refusals.
expect 3 '' 'roost: there is no process 4194305' "$ROOST_CMD" stat 4194305
expect 3 '' 'roost: there is no process 0' "$ROOST_CMD" stat 0
expect 3 '' 'roost: /nowhere: No such file or directory' "$ROOST_CMD" stat /nowhere
expect 3 '' 'roost: /etc/passwd is neither a process number nor a core file' "$ROOST_CMD" stat /etc/passwd
expect 3 '' 'roost: / is neither a process number nor a core file' "$ROOST_CMD" stat /
expect 3 '' 'roost: /dev/zero is neither a process number nor a core file' "$ROOST_CMD" stat /dev/zero
expect 3 '' 'roost: 12x: No such file or directory' "$ROOST_CMD" stat 12x
expect 3 '' 'roost: 99999999999999999999: No such file or directory' "$ROOST_CMD" stat 99999999999999999999
expect 2 '' 'roost: stat: no process or core file is given; *' "$ROOST_CMD" stat
expect 2 '' 'roost: stat: 2 is one too many; *' "$ROOST_CMD" stat 1 2
expect 2 '' 'roost: stat: --fly is not an option; *' "$ROOST_CMD" stat --fly 1
expect 0 'Usage: roost stat *' '' "$ROOST_CMD" stat --help
# Ended, and not waited for by its parent yet.
true >"$scratch/zombie"
sh -c 'sleep 0 & echo $!; exec sleep 60' >"$scratch/zombie" &
parent=$!
until grep -q . "$scratch/zombie" && grep -q '^State:.Z' "/proc/$(cat "$scratch/zombie")/status"; do sleep 0.05; done
expect 7 '' "roost: process $(cat "$scratch/zombie") (sleep) has ended" "$ROOST_CMD" stat "$(cat "$scratch/zombie")"
kill "$parent"
wait "$parent" 2>/dev/null
sleep 60 &
other=$!
until [ "$(cat "/proc/$other/comm")" = sleep ]; do sleep 0.05; done # while it executes, its memory changes
expect 5 '' "roost: process $other (*) has no roost in it" "$ROOST_CMD" stat "$other"
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null && id nobody >/dev/null 2>&1; then
    chmod 755 "$scratch"
    cp "$ROOST_CMD" "$scratch/roost" && chmod 755 "$scratch/roost"
    expect 4 '' "roost: no permission to read process $other: *" \
        setpriv --reuid nobody --regid nogroup --clear-groups "$scratch/roost" stat "$other"
fi
kill "$other"
wait "$other" 2>/dev/null
expect 3 '' "roost: there is no process $other" "$ROOST_CMD" stat "$other"
finish
