#!/bin/bash
# wine.sh BUILD WINE PROGRAM [ARGUMENT...]: runs a Windows program of a build by wine, as CMake's emulator. BUILD is where the libraries lie, and
# where wine's prefix is made when there is none. SPDX-License-Identifier: MIT
set -eu
build=$1 wine=$2
shift 2
export WINEPREFIX=${ROOST_WINEPREFIX:-$build/wine}
export WINEDEBUG=${WINEDEBUG:--all} WINEDLLOVERRIDES=${WINEDLLOVERRIDES:-mscoree,mshtml,winemenubuilder.exe,winedbg.exe=}
export WINEPATH="Z:${build//\//\\}"
if [ ! -e "$WINEPREFIX/roost-made" ]; then
    mkdir -p "$WINEPREFIX"
    exec 9>"$WINEPREFIX.lock"
    flock 9
    if [ ! -e "$WINEPREFIX/roost-made" ]; then
        "$wine" wineboot --init </dev/null >/dev/null 2>&1 9>&- || true
        touch "$WINEPREFIX/roost-made"
    fi
    exec 9>&-
fi
exec "$wine" "$@"
