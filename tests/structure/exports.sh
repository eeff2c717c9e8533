#!/bin/bash
# exports.sh LIBRARY LIST: the library's dynamic symbols are those of the list, no more and no fewer.
# In the list: one name a line, sorted or not; blank lines and lines that start with # do not count.
# SPDX-License-Identifier: MIT
set -eu
export LC_ALL=C
library=$1
list=$2

exported=$(nm -D --defined-only -P "$library" | cut -d' ' -f1 | sort -u)
expected=$(grep -v -e '^#' -e '^$' "$list" | sort -u)
if [ -z "$exported" ]; then
    echo "nm finds no symbol in $library"
    exit 1
fi
extra=$(comm -23 <(echo "$exported") <(echo "$expected"))
missing=$(comm -13 <(echo "$exported") <(echo "$expected"))
for symbol in $extra; do echo "exported, but not listed: $symbol"; done
for symbol in $missing; do echo "listed, but not exported: $symbol"; done
[ -z "$extra$missing" ] || exit 1
echo "$(echo "$exported" | wc -l) symbols, as listed"
