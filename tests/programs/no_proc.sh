#!/usr/bin/env bash
# /proc and /sys absent: a program of threads runs all the same. Needs the right to mount in a namespace of its own.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need gcc unshare mount

cat >"$work/program.c" <<'C'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void *work(void *result)
{
    for (int round = 0; round < 50; round++) {
        char *block[1000];
        for (int i = 0; i < 1000; i++) {
            size_t size = (size_t)(i * 37 % 3000) + (i % 100 == 0 ? 3000000 : 0);
            block[i] = malloc(size + 1);
            block[i][0] = block[i][size] = (char)i;
        }
        for (int i = 0; i < 1000; i++) {
            *(long *)result += block[i][0];
            free(block[i]);
        }
    }
    return NULL;
}
int main(void)
{
    pthread_t thread[4];
    long result[4] = {0};
    if (access("/proc/self/maps", F_OK) == 0 || access("/sys/kernel", F_OK) == 0) {
        puts("/proc or /sys is still there");
        return 1;
    }
    for (int i = 0; i < 4; i++)
        pthread_create(&thread[i], NULL, work, &result[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    printf("%ld %ld %ld %ld\n", result[0], result[1], result[2], result[3]);
    return 0;
}
C
cd "$work"
gcc -O1 -pthread program.c -o program
cat >bare.sh <<'SH'
mount -t tmpfs none /proc && mount -t tmpfs none /sys || exit 77
exec "$@"
SH
code=0
timeout 20 unshare -m sh bare.sh true 2>refused || code=$?
if [ "$code" -ne 0 ]; then
    echo "SKIPPED: mounting over /proc is not permitted here ($(tail -n 1 refused))"
    exit 77
fi
timeout -k 5 60 unshare -m sh bare.sh ./program >glibc.out
timeout -k 5 60 unshare -m sh bare.sh env LD_PRELOAD="$ROOST_LIB" ROOST_STATS=1 ./program >roost.out 2>proof ||
    { cat roost.out; tail proof >&2; fail "the program on roost"; }
proved proof ./program
same glibc.out roost.out "the output"
echo "runs without /proc and /sys"
