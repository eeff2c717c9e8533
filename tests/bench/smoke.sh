#!/bin/bash
# smoke.sh ROOST_BENCH ROOST_EXEC: every kernel does a little work on the system's malloc and on roost; what is wrong is refused.
# SPDX-License-Identifier: MIT
set -eu
bench=$1
execute=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "$*"
    exit 1
}

# One pass of each; the largest live set and the largest blocks are left out, they take seconds by themselves.
specs=$("$bench" --list | grep -v -e live=10000000 -e '^large$')
for library in '' "$ROOST_LIB"; do
    # shellcheck disable=SC2086 # one word each
    LD_PRELOAD=$library "$bench" --scale=0.0005 --benchmark_format=json $specs large:live=1 >"$work/json" 2>"$work/progress" ||
        fail "roost_bench on '$library': $(tail -n 3 "$work/progress")"
    wanted=$(($(wc -l <<<"$specs") + 1))
    for figure in items_per_second peak_rss faults; do
        found=$(grep -c "\"$figure\": [0-9]" "$work/json" || true)
        [ "$found" -eq $wanted ] || fail "on '$library' $found of $wanted benchmarks have $figure"
    done
    grep -q error_occurred "$work/json" && fail "a kernel refused: $(grep error_message "$work/json")"
    [ "$(grep -c '^\[' "$work/progress")" -ge $wanted ] || fail "no progress is shown: $(cat "$work/progress")"
done

# What another thread frees is counted, where the allocator tells.
LD_PRELOAD=$ROOST_LIB "$bench" --scale=0.002 --benchmark_format=json xmalloc:threads=2:consumers=3 >"$work/json" 2>/dev/null
foreign=$(awk -F '[:,]' '/"foreign"/ { printf "%d", $2 }' "$work/json")
[ "${foreign:-0}" -gt 1000 ] || fail "few or no foreign frees are counted: $(cat "$work/json")"
LD_PRELOAD='' "$bench" --scale=0.0005 --benchmark_format=json pair >"$work/json" 2>/dev/null
grep -q '"foreign"' "$work/json" && fail "the system's malloc is said to count foreign frees"

refused() {
    local wanted=$1 status=0
    shift
    "$@" >"$work/out" 2>"$work/err" || status=$?
    [ $status -ne 0 ] || fail "not refused: $*"
    grep -q -e "$wanted" "$work/err" "$work/out" || fail "$*: said '$(cat "$work/err")', not '$wanted'"
}
refused "no kernel 'nothing'" "$bench" nothing
refused "'size=x' is not an option" "$bench" pair:size=x
refused "'size=' is not an option" "$bench" pair:size=
refused "'size' is not an option" "$bench" pair:size
refused "'threads=0' is not an option" "$bench" live:threads=0
refused "'threads=99999' is not an option" "$bench" live:threads=99999
refused "'consumers=2' is not an option" "$bench" live:consumers=2
refused "'mix=none' is not an option" "$bench" live:mix=none
refused "'' is not an option" "$bench" live:
refused "'ops=-1' is not an option" "$bench" live:ops=-1
refused "no option '--what'" "$bench" --what
refused "scale wants" "$bench" --scale=-1 pair
refused "size must be 16" "$bench" --scale=0.001 --benchmark_format=json realloc-grow:size=8 realloc-grow
refused "ended with status 3" "$execute" -- sh -c 'exit 3'
refused "ended with signal 9" "$execute" -- sh -c 'kill -9 $$'
refused "cannot run 'no-such-program'" "$execute" -- no-such-program
refused usage "$execute" --preload
"$execute" -- sh -c 'echo loud' >"$work/out" 2>/dev/null
grep -E -q '^[0-9.]+ [0-9.]+ [0-9]+ [0-9]+$' "$work/out" || fail "roost_exec printed '$(cat "$work/out")'"
"$execute" --preload "$ROOST_LIB" -- sh -c 'grep -q libroost /proc/$$/maps' >/dev/null || fail "roost_exec did not preload"
# The footprint: figures that can be right, and what is wrong refused.
footprint=$(dirname "$bench")/roost_footprint
footprint_on() {
    local mode
    for mode in hello 'threads 20' 'holes 4'; do
        # shellcheck disable=SC2086 # words
        LD_PRELOAD=$1 "$footprint" $mode || return 1
    done
    "$footprint" start 3 "$1"
}
footprint_on '' >"$work/footprint.system" & # `holes` rests for two seconds
footprint_on "$ROOST_LIB" >"$work/footprint.roost" || fail "roost_footprint on roost"
wait $! || fail "roost_footprint on the system's malloc"
for name in system roost; do
    awk '{ v[$1] = $2 }
        END { exit !(v["rss_kib"] > 300 && v["thread_kib"] > 3 && v["live_mib"] > 0.1 && v["live_mib"] < 2 && v["best_us"] > 20 &&
            v["freed_mib"] > v["live_mib"] && v["refilled_mib"] > 2) }' "$work/footprint.$name" ||
        fail "footprint on $name: $(tr '\n' ' ' <"$work/footprint.$name")"
done
refused usage "$footprint"
refused usage "$footprint" threads
refused usage "$footprint" threads x
refused usage "$footprint" hello 3
refused "from 1 to 4096" "$footprint" threads 0
refused "from 1 to 65536" "$footprint" holes 0
echo "$wanted kernels on both, $foreign foreign frees"
