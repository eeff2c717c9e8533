# What the tests of real programs share. Sourced by bash; the caller says the programs it needs.
#
#   ROOST_LIB   the libroost.so under test            ROOST_CMD   the roost command (few need it)
#
# The library is preloaded into the measured program only, never into the shell or its tools. Every result is
# compared with the same program's result on the system's allocator, and every run must prove that roost was in
# the process: by its statistics at exit, or by the process's map. Exit code 77: a program is missing.
# ROOST_TEST_ANY_ALLOCATOR=1 permits another library in ROOST_LIB, to try the tests themselves.
#
# SPDX-License-Identifier: MIT
set -eu -o pipefail

: "${ROOST_LIB:?the path of libroost.so}"
ROOST_LIB=$(realpath "$ROOST_LIB")
unset LD_PRELOAD ROOST_STATS ROOST_OPTIONS
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
work=$(mktemp -d "${TMPDIR:-/tmp}/programs.XXXXXX")
servers=()

cleanup() {
    local pid
    for pid in "${servers[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${servers[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

need() {
    local program
    for program in "$@"; do
        if ! command -v "$program" >/dev/null 2>&1; then
            echo "SKIPPED: $program is not installed"
            exit 77
        fi
    done
}

# The program itself, where the first one found is a script that picks a version.
real_python() {
    python3 -c 'import sys; print(sys.executable)'
}

# on_system SECONDS COMMAND...: run it on the system's allocator.
on_system() {
    local seconds=$1
    shift
    timeout -k 5 "$seconds" "$@"
}

# on_roost SECONDS COMMAND...: run it on roost. No statistics, so that its standard error may be compared.
on_roost() {
    local seconds=$1
    shift
    timeout -k 5 "$seconds" env LD_PRELOAD="$ROOST_LIB" "$@"
}

# on_roost_proved SECONDS COMMAND...: run it on roost with statistics at exit; the program's standard error goes to
# $work/proof, and must hold them.
on_roost_proved() {
    local seconds=$1 code=0
    shift
    timeout -k 5 "$seconds" env LD_PRELOAD="$ROOST_LIB" ROOST_STATS=1 "$@" 2>"$work/proof" || code=$?
    if [ "$code" -ne 0 ]; then
        tail -n 20 "$work/proof" >&2
        fail "exit code $code on roost: $*"
    fi
    proved "$work/proof" "$*"
}

proved() {
    if grep 'cannot be preloaded' "$1" >&2; then
        fail "the loader refused the library for: $2"
    fi
    [ -n "${ROOST_TEST_ANY_ALLOCATOR:-}" ] && return
    grep -qiw roost "$1" || fail "no statistics of roost in the standard error of: $2"
}

# in_process PID: roost is mapped there.
in_process() {
    grep -q "$ROOST_LIB" "/proc/$1/maps" || fail "roost is not in process $1"
}

# same FILE FILE WHAT
same() {
    if ! cmp -s "$1" "$2"; then
        diff "$1" "$2" 2>/dev/null | head -n 10 >&2 || true
        fail "$3 differs between the system's allocator and roost"
    fi
}

# start_server LIBRARY-OR-EMPTY COMMAND...: in the background, ended with this script at the latest. Sets $server.
start_server() {
    local preload=$1
    shift
    setpriv --pdeathsig KILL env ${preload:+LD_PRELOAD="$preload"} "$@" >"$work/server.log" 2>&1 &
    server=$!
    servers+=("$server")
}

stop_server() {
    local code=0
    kill "$1" 2>/dev/null || fail "the server had ended by itself: $(tail -n 5 "$work/server.log")"
    wait "$1" || code=$?
    servers=()
    case $code in
    0 | 143) ;;
    *) fail "the server ended with code $code: $(tail -n 5 "$work/server.log")" ;;
    esac
}

# until_true SECONDS COMMAND...: poll until the command succeeds.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "waited in vain for: $* ($(tail -n 5 "$work/server.log" 2>/dev/null))"
        sleep 0.05
    done
}

# A port of the loopback that was free a moment ago.
free_port() {
    "$(command -v perl)" -MIO::Socket::INET -e \
        'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => 0)->sockport'
}
