#!/bin/bash
# msvc_syntax.sh [CLANG]: whether the sources for Windows are C that clang takes for x86_64-pc-windows-msvc, syntax alone. The headers are mingw-w64's, since
# Microsoft's are not to be had everywhere; they want GNU's attributes (-fgnuc-version). Exit code 77: something is missing. SPDX-License-Identifier: MIT
set -eu
clang=${1:-clang} headers=${ROOST_MINGW_HEADERS:-/usr/x86_64-w64-mingw32/include}
cd "$(dirname "$0")/.."
command -v "$clang" >/dev/null || { echo "SKIPPED: $clang is not installed" && exit 77; }
[ -e "$headers/windows.h" ] || { echo "SKIPPED: the headers of mingw-w64 are not installed" && exit 77; }
[ -e /usr/include/ck_pr.h ] || { echo "SKIPPED: the headers of ConcurrencyKit are not installed" && exit 77; }
shared=$(mktemp -d)
trap 'rm -rf "$shared"' EXIT
ln -s /usr/include/gcc /usr/include/ck_*.h "$shared"
failed=0 count=0
for source in src/*/*.c src/*.c; do
    case $source in
    src/os/os_unix* | src/os/os_linux* | src/override.c | src/override_libc.c | src/dlopen.c | src/aside.c) continue ;;
    esac
    count=$((count + 1))
    "$clang" --target=x86_64-pc-windows-msvc -fgnuc-version=4.2.1 -fsyntax-only -std=gnu11 -Wall -Wextra -Werror -Wno-dll-attribute-on-redeclaration \
        -isystem "$headers" -isystem "$shared" -Isrc -Iinclude "$source" || failed=$((failed + 1))
done
echo "$count sources, $failed not accepted"
[ $failed -eq 0 ] && [ $count -gt 40 ]
