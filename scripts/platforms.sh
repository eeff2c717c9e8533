#!/bin/bash
# The whole suite of programs (not of scripts) on other C libraries and processors, one after another; 15 minutes each under qemu.
#
#   scripts/platforms.sh [PRESET...]     default: musl aarch64 riscv64
#
# ROOST_BUILD_ROOT: where to build (default: build/ of the checkout), in PRESET-full. ROOST_CTEST: more options of ctest.
# qemu's variables count as well: QEMU_PAGESIZE=16384, QEMU_RESERVED_VA=0x8000000000 (39 bits). Needs what docs/platforms.md lists.
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."
root=${ROOST_BUILD_ROOT:-$PWD/build}
[ $# -gt 0 ] || set -- musl aarch64 riscv64
failed=0
for preset in "$@"; do
    build=$root/$preset-full
    echo "== $preset"
    cmake --preset "$preset" -B "$build" -DROOST_TEST_SHORT=OFF >/dev/null
    cmake --build "$build" -j "$(nproc)"
    # shellcheck disable=SC2086
    ctest --test-dir "$build" -j "$(nproc)" --output-on-failure ${ROOST_CTEST:-} || failed=1
done
exit $failed
