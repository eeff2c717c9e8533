#!/bin/bash
# find_package.sh CMAKE PREFIX VERSION: builds tests/consumer/project against the installed tree and runs it.
# SPDX-License-Identifier: MIT
set -eu
cmake=$1
prefix=$2
version=$3
build=$prefix.find_package

rm -rf "$build"
"$cmake" -G Ninja -S "$ROOST_SOURCE_DIR/tests/consumer/project" -B "$build" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" -DWANTED_VERSION="$version" >"$prefix.log" 2>&1 ||
    { cat "$prefix.log"; exit 1; }
"$cmake" --build "$build"
for program in shared static cxx_shared cxx_static bare_shared bare_static api api_static; do
    "$build/$program" || { echo "$program: exit code $?"; exit 1; }
done
