#!/bin/bash
# late.sh NM DLL: has the headers of a library, as mingw-w64 links it, tell of what it imports late, which GNU's linker may leave out.
# SPDX-License-Identifier: MIT
set -eu
nm=$1 dll=$2
number() { # at OFFSET, of so many BYTES
    od -An -t "u$2" -j "$1" -N "$2" "$dll" | tr -d ' '
}
write() { # at OFFSET a number of four bytes
    printf '%b' "$(printf '\\x%02x' $(($2 & 255)) $(($2 >> 8 & 255)) $(($2 >> 16 & 255)) $(($2 >> 24 & 255)))" |
        dd of="$dll" bs=1 seek="$1" conv=notrunc status=none
}
optional=$(($(number 60 4) + 24))
descriptor=$("$nm" "$dll" | awk '/__DELAY_IMPORT_DESCRIPTOR_/ {print $1}')
write $((optional + 112 + 13 * 8)) $((0x$descriptor - $(number $((optional + 24)) 8)))
write $((optional + 112 + 13 * 8 + 4)) 32
