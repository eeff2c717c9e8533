#!/bin/bash
# Runs the fuzzers of tests/fuzz/ (libFuzzer; needs clang and libclang-rt-14-dev): each so many minutes, all at the same time.
#
#   scripts/fuzz.sh [MINUTES [NAME...]]      default: 30, and options request reader
#
# Builds the preset fuzz. What was tried and led somewhere new is kept in build/fuzz/corpus/NAME and tried first the next time; what led to a
# finding lies in build/fuzz/found. ROOST_BUILD_ROOT: where to build (default: build/ of the checkout).
# Prints a line of figures each; the exit code is 0 only when nothing was found.
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."
minutes=${1:-30}
[ $# -eq 0 ] || shift
names=("$@")
[ $# -gt 0 ] || names=(options request reader)
[[ $minutes =~ ^[1-9][0-9]*$ ]] || { echo "fuzz.sh: \"$minutes\" is no number of minutes" >&2; exit 2; }
build=${ROOST_BUILD_ROOT:-$PWD/build}/fuzz
mkdir -p "$build/found"
for name in "${names[@]}"; do
    [ -e "tests/fuzz/$name.c" ] || { echo "fuzz.sh: there is no fuzzer \"$name\"" >&2; exit 2; }
done
{ cmake --preset fuzz -B "$build" && cmake --build "$build" --target "${names[@]/#/fuzz_}"; } >"$build/build.log" 2>&1 || {
    tail -20 "$build/build.log"
    exit 1
}

# fuzz NAME: its log is in $build/NAME.log.
fuzz() {
    mkdir -p "$build/corpus/$1"
    ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=0 \
        "$build/tests/fuzz/fuzz_$1" -max_total_time=$((minutes * 60)) -max_len=4096 -print_final_stats=1 \
        -artifact_prefix="$build/found/$1-" "$build/corpus/$1" "tests/fuzz/seeds/$1" >"$build/$1.log" 2>&1
}

running=()
for name in "${names[@]}"; do
    fuzz "$name" &
    running+=($!)
done
found=0
for i in "${!names[@]}"; do
    name=${names[i]}
    verdict='nothing found'
    if ! wait "${running[i]}"; then
        verdict="FOUND something: see $build/$name.log and $build/found"
        found=1
    fi
    executions=$(awk '/number_of_executed_units/ { print $2 }' "$build/$name.log")
    edges=$(grep -o 'cov: [0-9]*' "$build/$name.log" | tail -n1)
    echo "$name: ${executions:-0} inputs in $minutes min, ${edges:-cov: 0} edges; $verdict"
done
exit $found
