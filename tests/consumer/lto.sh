#!/bin/bash
# lto.sh CMAKE OUT: builds roost as distributions that optimise when linking do (-flto for all), and uses it.
# SPDX-License-Identifier: MIT
set -eu
cmake=$1
out=$2
source=$ROOST_SOURCE_DIR/tests/consumer/project
fail() {
    echo "$*"
    exit 1
}
rm -rf "$out"
"$cmake" -S "$ROOST_SOURCE_DIR" -B "$out" -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_FLAGS=-flto -DCMAKE_CXX_FLAGS=-flto -DROOST_TESTS=OFF -DROOST_EXAMPLES=OFF -DROOST_WERROR=ON >"$out.log" 2>&1 ||
    fail "cmake: $(tail -n 5 "$out.log")"
"$cmake" --build "$out" --parallel 2 --target roost_shared roost_static >>"$out.log" 2>&1 || fail "the build: $(tail -n 20 "$out.log")"

[ "$(LD_PRELOAD=$out/libroost.so bash -c 'echo runs')" = runs ] || fail "bash does not run on libroost.so"
LD_PRELOAD=$out/libroost.so sort "$ROOST_SOURCE_DIR/README.md" | cmp - <(sort "$ROOST_SOURCE_DIR/README.md") || fail "sort"
# By this note it is found from outside.
readelf -n "$out/libroost.so" | grep -q roost || fail "the library has no note"
for kind in -pie -static; do
    "$CC" -O2 -flto $kind -Wl,-u,malloc -I"$ROOST_SOURCE_DIR/include" -o "$out/program" "$source/replaces.c" "$out/libroost.a" -lpthread -ldl >"$out.log" 2>&1 ||
        fail "$kind: $(cat "$out.log")"
    "$out/program" || fail "$kind: exit code $?"
done
