#!/bin/bash
# Installs what the tests need (Debian), builds roost in several ways and runs the tests of each.
#
#   scripts/test.sh [PRESET...]      presets of CMakePresets.json; default: those of the table below
#
# ROOST_BUILD_ROOT: where to build (default: build/ of the checkout). ROOST_NO_INSTALL=1: install nothing.
# The last line is "N passed, N failed, N skipped", over all runs; the exit code is 0 only when some test ran and
# none failed. A build that fails counts as one failed test.
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."
root=${ROOST_BUILD_ROOT:-$PWD/build}
jobs=$(nproc)
mkdir -p "$root"
# shellcheck source=scripts/lib/packages.sh
. scripts/lib/packages.sh

# What cannot be done without, and what only some tests use: without it they are skipped, by name.
needed=(cmake ninja-build gcc g++ libc6-dev python3 libcmocka-dev libck-dev pkg-config binutils)
useful=(clang libncurses-dev libclang-rt-14-dev libbenchmark-dev python3-matplotlib valgrind gdb redis-server redis-tools sqlite3 git perl xz-utils
    php8.2-cli memcached nginx-light wrk strace spin python3-jsonschema python3-prometheus-client gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
    g++-aarch64-linux-gnu gcc-riscv64-linux-gnu g++-riscv64-linux-gnu libc6-dev-riscv64-cross musl-tools
    gcc-mingw-w64-x86-64 g++-mingw-w64-x86-64 wine64 wine)

# What each preset leaves out: labels, and tests by name. Real programs and the installed tree say the same under every compiler.
declare -A leave_out=(
    [release]=''
    [checked]='consumer'
    [release-clang]='programs|returns'
    [checked-clang]='programs|consumer|returns'
    [tsan]='programs|consumer|structure|cli|outside'
    [asan]='programs|consumer|structure|cli'
    [ubsan]='programs|consumer|structure|cli|stress|returns|outside'
)
# The run without names is to take less than 25 minutes on two processors. So it leaves out what another of its builds shows as well, and has
# neither checked-clang nor ubsan, of which checked, release-clang and asan show most.
if [ $# -eq 0 ]; then
    leave_out[checked]='consumer|programs|outside|structure|bench|cli|returns|fuzz|litmus|mt|api.resident'
    leave_out[asan]='programs|consumer|structure|cli|outside.browser'
    leave_out[release-clang]='consumer|programs|outside|structure|bench|cli|returns|model|litmus|mt|stress|misuse|api.resident|unit.failures'
    leave_out[tsan]='programs|consumer|structure|cli|outside|api|misuse|fuzz|unit.failures'
fi
presets=("$@")
[ $# -gt 0 ] || presets=(release checked release-clang tsan asan musl windows)
# What a preset cannot do without, beside gcc.
declare -A programs_of=(
    [release-clang]=clang [checked-clang]=clang [tsan-clang]=clang [fuzz]=clang
    [musl]=musl-gcc
    [windows]='x86_64-w64-mingw32-gcc x86_64-w64-mingw32-g++ wine'
    [aarch64]='aarch64-linux-gnu-gcc aarch64-linux-gnu-g++ qemu-aarch64'
    [riscv64]='riscv64-linux-gnu-gcc riscv64-linux-gnu-g++ qemu-riscv64'
)

passed=0
failed=0
skipped=0
notes=()

install_what_is_missing() {
    local missing
    command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || return 0
    missing=$(packages_missing "${needed[@]}" "${useful[@]}" | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    echo "installing: $missing"
    packages_install_servers "$root/apt.log" "${needed[@]}" "${useful[@]}" ||
        packages_install_servers "$root/apt.log" "${needed[@]}" || true
}

# count PRESET RESULTS: adds up a JUnit file of ctest. What ctest could not start has status "notrun", as has a test
# that skipped itself; only the latter says SKIP_RETURN_CODE.
count() {
    local preset=$1 verdict name
    while read -r verdict name; do
        case $verdict in
        passed) passed=$((passed + 1)) ;;
        skipped)
            skipped=$((skipped + 1))
            notes+=("skipped: $preset $name")
            ;;
        *)
            failed=$((failed + 1))
            notes+=("failed:  $preset $name")
            ;;
        esac
    done < <(awk '
        function finish() { if (name != "") print verdict, name; name = "" }
        /^[ \t]*<testcase / {
            finish()
            match($0, /name="[^"]*"/); name = substr($0, RSTART + 6, RLENGTH - 7)
            verdict = index($0, "status=\"run\"") ? "passed" : "failed"
        }
        /^[ \t]*<skipped message="SKIP_RETURN_CODE/ { verdict = "skipped" }
        END { finish() }' "$2")
}

run_preset() {
    local preset=$1 build=$root/$1 results=$root/$1/results.xml before
    local options=() start=$SECONDS
    [ -z "${leave_out[$preset]:=}" ] || options=(-LE "${leave_out[$preset]}")
    echo "== $preset: building"
    mkdir -p "$build"
    if ! { cmake --preset "$preset" -B "$build" "-DROOST_TEST_GROUPS_LEFT_OUT=${leave_out[$preset]//|/;}" && cmake --build "$build" -j "$jobs"; } >"$build/build.log" 2>&1; then
        tail -40 "$build/build.log"
        failed=$((failed + 1))
        notes+=("failed:  $preset does not build, see $build/build.log")
        return
    fi
    rm -f "$results"
    before=$failed
    ctest --test-dir "$build" -j "$jobs" --output-on-failure --output-junit "$results" "${options[@]}" ||
        ctest_failed=1
    [ ! -e "$results" ] || count "$preset" "$results"
    if [ "${ctest_failed:-0}" -eq 1 ] && [ "$failed" -eq "$before" ]; then
        failed=$((failed + 1))
        notes+=("failed:  $preset: ctest itself")
    fi
    ctest_failed=0
    echo "== $preset: $((SECONDS - start)) s"
}

[ "${ROOST_NO_INSTALL:-0}" = 1 ] || install_what_is_missing
for preset in "${presets[@]}"; do
    missing=''
    for program in ${programs_of[$preset]:-}; do
        command -v "$program" >/dev/null || missing+=" $program"
    done
    if [ -n "$missing" ]; then
        skipped=$((skipped + 1))
        notes+=("skipped: $preset, not installed:$missing")
        continue
    fi
    run_preset "$preset"
done

for note in "${notes[@]}"; do echo "$note"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
