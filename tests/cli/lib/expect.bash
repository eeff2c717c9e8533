# Shell functions for the tests of the command: expect, fail, finish; and a scratch directory that is removed.
# SPDX-License-Identifier: MIT
# shellcheck shell=bash
scratch=$(mktemp -d)
scratch=$(realpath "$scratch")
trap 'rm -rf "$scratch"' EXIT
checks=0
failures=0

fail() {
    failures=$((failures + 1))
    echo "line ${BASH_LINENO[${depth:-0}]}: $*"
}

# expect CODE STDOUT STDERR COMMAND...: STDOUT and STDERR are glob patterns for all that is printed, less the last
# newline; a message on standard error is one line.
expect() {
    local code=$1 out=$2 err=$3 got got_out got_err depth=1
    shift 3
    "$@" >"$scratch/.out" 2>"$scratch/.err"
    got=$?
    got_out=$(cat "$scratch/.out")
    got_err=$(cat "$scratch/.err")
    checks=$((checks + 1))
    [ "$got" -eq "$code" ] || fail "$*: exit code $got, not $code; $got_err"
    # shellcheck disable=SC2053
    [[ $got_out == $out ]] || fail "$*: printed '$got_out', not '$out'"
    # shellcheck disable=SC2053
    [[ $got_err == $err ]] || fail "$*: said '$got_err', not '$err'"
    [ "$(wc -l <"$scratch/.err")" -le 1 ] || fail "$*: said more than one line"
}

finish() {
    echo "$checks checks, $failures failures"
    [ "$checks" -gt 0 ] && [ "$failures" -eq 0 ]
    exit
}
