#!/bin/bash
# wine.sh BUILD WINE PROGRAM [ARGUMENT...]: runs a Windows program of a build by wine, as CMake's emulator. BUILD is where the libraries lie, and
# where wine's prefix is made when there is none. What wine starts for itself, which takes 3 s, stays for the programs that follow within 10 s, and
# holds nothing of the first one's output. SPDX-License-Identifier: MIT
set -eu
build=$1 wine=$2
shift 2
export WINEPREFIX=${ROOST_WINEPREFIX:-$build/wine}
export WINEDEBUG=${WINEDEBUG:--all} WINEDLLOVERRIDES=${WINEDLLOVERRIDES:-mscoree,mshtml,winemenubuilder.exe,winedbg.exe=}
export WINEPATH="Z:${build//\//\\}"
server=$(dirname "$wine")/wineserver64
[ -x "$server" ] || server=wineserver

mkdir -p "$WINEPREFIX"
exec 9>"$WINEPREFIX.lock"
flock 9
started=no # or it runs already
if "$server" -p10 </dev/null >/dev/null 2>&1 9>&-; then
    started=yes
fi
if [ ! -e "$WINEPREFIX/roost-made" ]; then
    "$wine" wineboot --init </dev/null >/dev/null 2>&1 9>&- || true
    touch "$WINEPREFIX/roost-made"
elif [ $started = yes ]; then
    "$wine" wineboot </dev/null >/dev/null 2>&1 9>&- || true
fi
exec 9>&-
exec "$wine" "$@"
