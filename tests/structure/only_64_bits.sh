#!/usr/bin/env bash
# only_64_bits.sh CMAKE: a build for 32 bits is refused when it is configured, with one line that says why, before the compiler is tried.
# SPDX-License-Identifier: MIT
set -euo pipefail
cmake=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# refused FLAG COMMAND...: configuring fails, and says just this.
refused() {
    local flag=$1
    shift
    rm -rf "$scratch/build"
    if "$@" "$cmake" -S "$ROOST_SOURCE_DIR" -B "$scratch/build" ${DEFINE:+"$DEFINE"} >"$scratch/out" 2>&1; then
        echo "$flag: configured"
        exit 1
    fi
    if [ "$(grep -c "roost needs a 64-bit target: $flag makes 4-byte pointers" "$scratch/out")" -ne 1 ] ||
        grep -q 'compiler identification' "$scratch/out"; then
        echo "$flag: not refused as it should be:"
        cat "$scratch/out"
        exit 1
    fi
}

for flag in -m32 -mx32; do
    DEFINE="-DCMAKE_C_FLAGS=-O2 $flag" refused $flag env
    refused $flag env CFLAGS="$flag -O2"
    refused $flag env CC="cc $flag"
done
