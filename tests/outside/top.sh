#!/bin/bash
# roost top: lines, screens, refusals.
# SPDX-License-Identifier: MIT
set -u
. "$(dirname "$0")/lib/holder.bash"

hold "$HOLDER"
skip_unless_readable "$pid"
expect 0 "process $pid (outside_holder)*allocated * in * blocks*BLOCK SIZE *MEMORY *ALLOCS/S* 512 *" '' \
    "$ROOST_CMD" top --batch --rounds 1 "$pid"
[ "$(awk '{ if (length($0) > 79) n++ } END { print n + 0 }' "$scratch/.out")" -eq 0 ] || fail "lines are wider than a terminal"
# Sorted by memory, most first.
sorted=$(awk '/BLOCK SIZE/ { on = 1; next } on && NF { print $2 * ($3 == "MiB" ? 1024 : $3 == "GiB" ? 1048576 : 1) }' "$scratch/.out")
[ "$sorted" = "$(sort -rn <<<"$sorted")" ] || fail "the classes are not sorted: $sorted"
expect 0 "*process* on roost that may be read*PID *PROGRAM*$pid *outside_holder*" '' "$ROOST_CMD" top -b -n 1
expect 0 '*BLOCK SIZE*BLOCK SIZE*' '' "$ROOST_CMD" top -b -n 2 -d 0.1 "$pid"
if ! command -v python3 >/dev/null; then
    echo "not tried: screens, python3 is not installed"
elif out=$("$ROOST_CMD" top "$pid" 2>&1 </dev/null) || [[ $out != *'no terminal'* ]]; then
    fail "without a terminal: '$out'"
elif grep -q 'built without curses' "$ROOST_CMD"; then
    echo "not tried: screens, there is no curses"
else
    expect 0 'screens are well' '' python3 "$(dirname "$0")/top_screen.py" "$ROOST_CMD" "$pid"
fi
expect 1 '' 'roost: top: standard input and output are no terminal; use --batch' "$ROOST_CMD" top "$pid"
let_go
expect 3 '' "roost: there is no process $pid" "$ROOST_CMD" top --batch "$pid"
expect 3 '' 'roost: x is not the number of a process' "$ROOST_CMD" top x
expect 2 '' "roost: top: --delay: '0' cannot be; *" "$ROOST_CMD" top --delay 0 1
expect 2 '' "roost: top: --delay: 'nan' cannot be; *" "$ROOST_CMD" top --delay nan 1
expect 2 '' "roost: top: --rounds: '-1' cannot be; *" "$ROOST_CMD" top -n -1
expect 2 '' 'roost: top: 2 is one too many; *' "$ROOST_CMD" top 1 2

# A process that ends: said in one line, and the code tells.
hold env ROOST_STEWARD=1 "$HOLDER" --busy
"$ROOST_CMD" top -b -d 0.1 "$pid" >"$scratch/top.out" 2>"$scratch/top.err" 9>&- &
top=$!
until grep -q 'BLOCK SIZE' "$scratch/top.out"; do sleep 0.05; done
let_go || fail "the busy process did not end well: $?"
wait "$top"
code=$?
case $code:$(cat "$scratch/top.err") in
3:'roost: there is no process '* | 7:'roost: '*) ;;
*) fail "its process ended: exit code $code, '$(cat "$scratch/top.err")'" ;;
esac
finish
