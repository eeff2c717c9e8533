#!/bin/bash
# install.sh CMAKE PREFIX LIBDIR BINDIR: installs the build tree, moves the installed tree to PREFIX, and looks
# whether everything that is promised is there.
# SPDX-License-Identifier: MIT
set -eu
cmake=$1
prefix=$2
libdir=$3
bindir=$4

rm -rf "$prefix" "$prefix.first"
mkdir -p "$(dirname "$prefix")"
"$cmake" --install "$ROOST_BUILD_DIR" --prefix "$prefix.first" >/dev/null
mv "$prefix.first" "$prefix"

missing=0
for file in include/roost/roost.h include/roost/options.h "$libdir/libroost.so" "$libdir/libroost.so.0" \
    "$libdir/libroost.a" "$libdir/libroost_api.so" "$libdir/libroost_api.so.0" "$libdir/libroost_api.a" \
    "$libdir/cmake/roost/roostConfig.cmake" "$libdir/cmake/roost/roostConfigVersion.cmake" \
    "$libdir/pkgconfig/roost.pc" "$libdir/pkgconfig/roost_api.pc" "$bindir/roost"; do
    if [ ! -e "$prefix/$file" ]; then
        echo "not installed: $file"
        missing=1
    fi
done
leak=$(grep -rIl -F -e "$ROOST_BUILD_DIR" -e "$ROOST_SOURCE_DIR" "$prefix" || true)
if [ -n "$leak" ]; then
    echo "installed text names the build or source tree: $leak"
    exit 1
fi

# The command of the installed tree finds the library of the installed tree.
used=$(env -u ROOST_LIBRARY "$prefix/$bindir/roost" run -- /bin/sh -c 'echo "$LD_PRELOAD"')
case $used in
"$(realpath "$prefix")"/*) ;;
*)
    echo "roost run took '$used', which is not below $prefix"
    exit 1
    ;;
esac
exit $missing
