#!/usr/bin/env bash
# perf record of a program of two threads on roost: samples name roost's functions, and the program ends well.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need perf gcc

cat >"$work/program.c" <<'C'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void *work(void *unused)
{
    static _Thread_local void *held[512];
    for (unsigned i = 0; i < 1000000; i++) {
        void **at = &held[i * 7 % 512];
        free(*at);
        *at = malloc(16 + i % 3000);
    }
    for (int i = 0; i < 512; i++)
        free(held[i]);
    return unused;
}
int main(void)
{
    pthread_t other;
    if (pthread_create(&other, NULL, work, NULL) != 0)
        return 1;
    work(NULL);
    pthread_join(other, NULL);
    puts("ended well");
    return 0;
}
C
cd "$work" || exit 1
gcc -O1 -fno-builtin -pthread program.c -o program
if ! timeout 60 perf record -q -o none.data true >none 2>&1; then
    echo "SKIPPED: perf may not record here"
    exit 77
fi
timeout 60 perf record -q -o data env LD_PRELOAD="$ROOST_LIB" ./program >out 2>errors || { cat errors >&2; fail "perf record"; }
grep -qx 'ended well' out || fail "the program did not end well under perf"
perf report -i data --stdio --sort dso,symbol >text 2>/dev/null || fail "perf report"
grep -qE "$(basename "$(readlink -f "$ROOST_LIB")").*\[\.\] (malloc|free|rst_[a-z_]+)" text || {
    head -n 30 text >&2
    fail "no sample names a function of roost's"
}
echo "samples name roost's functions"
