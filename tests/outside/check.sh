#!/bin/bash
# roost check: sound heaps, at rest and at work, are found sound; each kind of damage is found, and named.
# SPDX-License-Identifier: MIT
set -u
. "$(dirname "$0")/lib/holder.bash"

hold "$HOLDER"
skip_unless_readable "$pid"
expect 0 "process $pid (*): * pages, * free blocks, 3 heaps, * large blocks: sound" '' "$ROOST_CMD" check "$pid"
expect 0 "process $pid (*): * pages, * free blocks, 3 heaps, * large blocks: sound" '' "$ROOST_CMD" check --freeze "$pid"
expect 0 '' '' "$ROOST_CMD" check --quiet "$pid"
let_go

# What a thread is in the midst of is not damage.
hold env ROOST_STEWARD=1 "$HOLDER" --busy
for _ in $(seq 3); do
    expect 0 'process *: sound*' '' "$ROOST_CMD" check "$pid"
    expect 0 'process *: sound*' '' "$ROOST_CMD" check --freeze "$pid"
done
let_go || fail "the busy process did not end well: $?"

# damaged WHAT PATTERN [live]: it is found; "live" also while the process may go on, which takes half a second.
damaged() {
    hold "$HOLDER" --damage "$1"
    [ -z "${3:-}" ] ||
        expect 1 "*page at 0x* of ${damage_of:-1024} byte blocks: $2*process $pid (*finding*" '' "$ROOST_CMD" check "$pid"
    expect 1 "*page at 0x* of ${damage_of:-1024} byte blocks: $2*process $pid (*finding*" '' "$ROOST_CMD" check --freeze "$pid"
    expect 1 '' '' "$ROOST_CMD" check --quiet --freeze "$pid"
    # The figures are had all the same.
    expect 0 '{*"allocated":*}' '' "$ROOST_CMD" stat --json --freeze "$pid"
    let_go
}
damaged link 'its free list leads to 0x4141414141414140, which is no block of it (written after free?)' live
damaged inside 'its free list leads to 0x*, which is no block of it (written after free?)'
damaged circle 'the block at 0x* is free twice (freed twice?)'
damaged twice 'the block at 0x* is free twice (freed twice?)'
damaged lost '[0-9]* of its blocks are lost: neither free nor in use'
damaged left '3 more of its blocks are free and in use than it has' live
damaged state '[0-9]* more of its blocks are free and in use than it has'
damage_of=512 damaged hole '1 more of its blocks are free and in use than it has'
damaged owner 'its owner is the heap at 0x1000, which there is not'
damaged bit 'its slice 0 is in use, and marked as free'
for what in class span; do
    hold "$HOLDER" --damage $what
    expect 1 '*at 0x*: its descriptor makes no sense: class *finding*' '' "$ROOST_CMD" check --freeze "$pid"
    let_go
done

expect 2 '' 'roost: check: no process or core file is given; *' "$ROOST_CMD" check
expect 3 '' 'roost: there is no process 4194305' "$ROOST_CMD" check 4194305
expect 0 'Usage: roost check *' '' "$ROOST_CMD" check --help
finish
