#!/bin/bash
# roost map: the page's data says what roost stat says; refusals.
# SPDX-License-Identifier: MIT
set -u
. "$(dirname "$0")/lib/holder.bash"
here=$(dirname "$0")
command -v python3 >/dev/null || { echo "SKIPPED: python3 is not installed"; exit 77; }

hold "$HOLDER"
skip_unless_readable "$pid"
"$ROOST_CMD" stat --json "$pid" >"$scratch/stat.json"
expect 0 '' '' "$ROOST_CMD" map -o "$scratch/heap.html" "$pid"
expect 0 '* pages, * with bits, * large blocks' '' python3 "$here/page_data.py" "$scratch/heap.html" "$scratch/stat.json"
expect 0 '<!doctype html>*</html>' '' "$ROOST_CMD" map --freeze "$pid"
expect 1 '' 'roost: cannot write /nowhere/heap.html: No such file or directory' "$ROOST_CMD" map -o /nowhere/heap.html "$pid"
expect 1 '' 'roost: cannot write /dev/full: *' "$ROOST_CMD" map -o /dev/full "$pid"
let_go
expect 3 '' "roost: there is no process $pid" "$ROOST_CMD" map -o "$scratch/never.html" "$pid"
[ ! -e "$scratch/never.html" ] || fail "a page was written of nothing"

# A process at work: whatever was read, the page can be read.
hold env ROOST_STEWARD=1 "$HOLDER" --busy
for _ in 1 2 3 4 5; do
    expect 0 '' '' "$ROOST_CMD" map -o "$scratch/busy.html" "$pid"
    grep -q '"arenas": \[' "$scratch/busy.html" || fail "the page of a busy process has no arenas"
done
let_go || fail "the busy process did not end well: $?"

expect 2 '' 'roost: map: no process or core file is given; *' "$ROOST_CMD" map
expect 2 '' 'roost: map: --output needs a value; *' "$ROOST_CMD" map --output
expect 0 'Usage: roost map *' '' "$ROOST_CMD" map --help
finish
