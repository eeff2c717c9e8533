#!/usr/bin/env bash
# gdb: a breakpoint in malloc, a backtrace through it, and a breakpoint in free, of a program on roost.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need gdb gcc

cat >"$work/program.c" <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
__attribute__((noinline)) char *marked_caller(size_t size)
{
    char *volatile block = malloc(size);
    return block;
}
int main(void)
{
    for (int i = 0; i < 100; i++)
        free(strdup("before"));
    char *block = marked_caller(123456);
    memset(block, 1, 123456);
    free(block);
    puts("ended well");
    return 0;
}
C
cd "$work"
gcc -O0 -g program.c -o program
cat >commands <<GDB
set pagination off
set confirm off
set debuginfod enabled off
set startup-with-shell off
set environment LD_PRELOAD $ROOST_LIB
break marked_caller
run
info sharedlibrary
tbreak malloc
continue
backtrace
finish
tbreak free
continue
backtrace
delete
continue
GDB
timeout -k 5 120 gdb -nx -batch -x commands ./program >out 2>&1 || { tail -n 20 out >&2; fail "gdb"; }
check() {
    grep -qE "$1" out || { tail -n 40 out >&2; fail "$2"; }
}
check "$ROOST_LIB" "roost is not among the shared libraries"
check '^#1 .*marked_caller' "the backtrace in malloc does not reach its caller"
check '^#[12] .*main' "the backtrace does not reach main"
check 'ended well' "the program did not go on"
check 'exited normally' "the program did not exit normally"
[ "$(grep -c '^#0 ' out)" -ge 2 ] || fail "not both backtraces"
if ! grep -qE '^#0 .*(malloc|'"$(basename "$ROOST_LIB")"')' out; then
    fail "the break in malloc was not in the library"
fi
echo "breaks, backtraces and goes on"
