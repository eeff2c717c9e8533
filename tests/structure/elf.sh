#!/bin/bash
# elf.sh LIBRARY ARCHIVE LIST TLS_MODEL: what a library must be to be preloaded under anything, and linked beside
# anything: needs libc alone, no run-time relocation of code, no executable stack, two words of thread-local storage
# found without a call; and the archive defines no name but those of LIST and rst_ ones.
# SPDX-License-Identifier: MIT
set -eu
export LC_ALL=C
library=$1
archive=$2
list=$3
tls_model=$4
failures=0
fail() {
    echo "$*"
    failures=$((failures + 1))
}

dynamic=$(readelf -dW "$library")
segments=$(readelf -lW "$library")
name=$(basename "$archive" .a)

soname=$(sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p' <<<"$dynamic")
[ "$soname" = "$name.so.0" ] || fail "SONAME is $soname, not $name.so.0"
needed=$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' <<<"$dynamic" | grep -v -e '^libc\.so\.' -e '^ld-linux' || true)
[ -z "$needed" ] || fail "needs more than libc: $needed"
grep -q TEXTREL <<<"$dynamic" && fail "has text relocations"
grep -q NODELETE <<<"$dynamic" && fail "is marked NODELETE"
grep -q 'BIND_NOW\|FLAGS.*NOW' <<<"$dynamic" || fail "is bound lazily"
grep -E -q 'GNU_STACK.* RWE' <<<"$segments" && fail "wants an executable stack"

tls=$(awk '$1 == "TLS" { print $6 }' <<<"$segments")
[ $((${tls:-0})) -le 16 ] || fail "has $((tls)) bytes of thread-local storage, more than 16"
if [ "$tls_model" = initial-exec ] && nm -D --undefined-only "$library" | grep -q __tls_get_addr; then
    fail "calls __tls_get_addr"
fi

# DW.ref.*, __clang_call_terminate: hidden parts that compilers put into C++ objects with handlers, one of which is kept.
strange=$(nm -g --defined-only -P "$archive" 2>/dev/null | awk 'NF >= 3 { print $1 }' | sort -u |
    grep -v -e '^rst_' -e '^DW[.]ref[.]' -e '^__clang_call_terminate$' | comm -23 - <(grep -v -e '^#' -e '^$' "$list" | sort -u))
[ -z "$strange" ] || fail "the archive defines:" $strange
[ "$failures" -eq 0 ]
