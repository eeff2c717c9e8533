#!/bin/bash
# pkg_config.sh PREFIX LIBDIR VERSION: compiles the consumers by hand with what pkg-config says, and runs them.
# SPDX-License-Identifier: MIT
set -eu
prefix=$1
libdir=$2
version=$3
out=$prefix.pkg_config
source=$ROOST_SOURCE_DIR/tests/consumer/project
export PKG_CONFIG_PATH=$prefix/$libdir/pkgconfig
export LD_LIBRARY_PATH=$prefix/$libdir

if ! command -v pkg-config >/dev/null; then
    echo "pkg-config is not installed"
    exit 77
fi
rm -rf "$out"
mkdir -p "$out"
for name in roost roost_api; do
    [ "$(pkg-config --modversion $name)" = "$version" ]
done

# try NAME SOURCE FLAGS...: FLAGS are split at blanks, as in any makefile that uses pkg-config.
try() {
    local name=$1 file=$2
    shift 2
    # shellcheck disable=SC2048,SC2086
    "$CC" -O2 -o "$out/$name" "$source/$file" $*
    "$out/$name" || { echo "$name: exit code $?"; exit 1; }
}
only_a() { # the flags given, with the libraries' archives in place of the shared ones
    echo "$*" | sed -E 's/-l(roost[a-z_]*)/-l:lib\1.a/g'
}
try shared replaces.c "$(pkg-config --cflags --libs roost)"
try shared_as_needed replaces.c -Wl,--as-needed "$(pkg-config --cflags --libs roost)"
try bare bare.c -Wl,--as-needed "$(pkg-config --cflags --libs roost)"
try static replaces.c "$(only_a "$(pkg-config --static --cflags --libs roost)")"
try all_static replaces.c -static "$(pkg-config --static --cflags --libs roost)"
try api api.c "$(pkg-config --cflags --libs roost_api)"
try api_static api.c "$(only_a "$(pkg-config --static --cflags --libs roost_api)")"
try api_all_static api.c -static "$(pkg-config --static --cflags --libs roost_api)"
