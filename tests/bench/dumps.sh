#!/bin/bash
# dumps.sh DUMPS_PY BUILD: bench/dumps.py asks a loaded server, counts, and refuses what is wrong.
# SPDX-License-Identifier: MIT
set -eu
dumps=$1
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "$*"
    exit 1
}

python3 "$dumps" --build "$build" --format json --seconds 1 --rounds 1 >"$work/out" 2>"$work/err" || fail "dumps.py: $(cat "$work/err")"
line='^16 dumps \(json\) in 1 s: [1-9][0-9]* us of processor time each, [0-9.]+ % of the server.s; requests/s [0-9,]+, [0-9.]+ of '
grep -E -q "$line" "$work/out" || fail "dumps.py printed '$(cat "$work/out")'"

refused() {
    local wanted=$1 status=0
    shift
    python3 "$dumps" "$@" >"$work/out" 2>"$work/err" || status=$?
    [ $status -ne 0 ] || fail "not refused: $*"
    grep -q -e "$wanted" "$work/err" || fail "$*: said '$(cat "$work/err")', not '$wanted'"
}
refused "one dump is to fall into each run" --per-minute 1 --seconds 1
refused "from 1" --rounds 0
refused "was not found" --build "$work"
refused "invalid choice" --format xml
