#!/usr/bin/env bash
# The core file that the kernel, and gcore, make of a program with a large heap: the kernel's holds what is in use, not what was freed and given
# back; gcore's that too, as zeros, and some of what is ready to grow into; neither the address space that is merely reserved. Sizes and times are
# said beside those on libc's malloc.
#
#   core_dump.sh [MIB]      MIB of heap, half of it freed before the dump; default 256. 10240 takes a minute and 11 GiB of disk.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need gcc
mib=${1:-256}

cat >"$work/program.c" <<'C'
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
enum { PIECE = 4096 };
int main(int argc, char **argv)
{
    size_t count = strtoul(argv[1], NULL, 10) * 256;
    char **block = malloc(count * sizeof *block);
    for (size_t i = 0; i < count; i++)
        memset(block[i] = malloc(PIECE - 16), (int)i | 1, PIECE - 16);
    for (size_t i = count / 2; i < count; i++)
        free(block[i]);
    malloc_trim(0);
    puts("ready");
    fflush(stdout);
    if (argc > 2)
        abort();
    pause();
    return 0;
}
C
gcc -O1 -fno-builtin "$work/program.c" -o "$work/program"
cd "$work" || exit 1
free=$(df --output=avail -m . | tail -n 1)
skip() {
    echo "SKIPPED: $*"
    exit 77
}
[ "$free" -gt $((mib + 512)) ] || skip "there is no room for a core file of $mib MiB"

ms() {
    echo $(($(date +%s%N) / 1000000))
}
# said NAME WAY MOST: says the size on disk of the core file and how long it took, and removes it; on roost no more than MOST MiB.
said() {
    size=$(du -m --total core* | tail -n 1 | cut -f 1)
    rm -f core core.*
    echo "$1, $2: $size MiB in $time ms, of $mib MiB of which half was freed"
    [ "$1" != roost ] || [ "$size" -le "$3" ] || fail "the core file has $size MiB"
}
kernel() { # kernel NAME COMMAND...
    local name=$1 began
    shift
    began=$(ms)
    (ulimit -c unlimited && "$@" "$work/program" "$mib" abort >/dev/null 2>&1) || true
    time=$(($(ms) - began))
    ls core* >/dev/null 2>&1 || return 0
    said "$name" "the kernel, the program's work with it" $((mib / 2 + mib / 16 + 32))
    tried=1
}
by_gdb() { # by_gdb NAME COMMAND...
    local name=$1 began
    shift
    rm -f ready && mkfifo ready
    "$@" "$work/program" "$mib" >ready &
    servers+=($!)
    grep -qm 1 ready <ready || fail "the program has ended ($name)"
    began=$(ms)
    gcore -o core "$!" >gcore.out 2>&1 || true
    time=$(($(ms) - began))
    kill "$!"
    wait "$!" 2>/dev/null || true
    ls core* >/dev/null 2>&1 || return 0
    said "$name" gcore $((mib + mib / 4 + 64))
    tried=1
}

tried=
case $(cat /proc/sys/kernel/core_pattern) in
core | core.%p)
    kernel libc env
    kernel roost env LD_PRELOAD="$ROOST_LIB"
    ;;
esac
if command -v gcore >/dev/null; then
    by_gdb libc env
    by_gdb roost env LD_PRELOAD="$ROOST_LIB"
fi
[ -n "$tried" ] || skip "the system writes no core file here, and there is no gcore"
