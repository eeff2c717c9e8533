#!/usr/bin/env bash
# Programs on roost run under valgrind, with its own allocator in place of roost's and with roost's left alone.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need valgrind gcc

cat >"$work/program.c" <<'C'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void *work(void *sum)
{
    char *block[500];
    for (int i = 0; i < 500; i++) {
        size_t size = (size_t)(i * 37 % 3000) + (i % 100 == 0 ? 300000 : 0);
        block[i] = malloc(size + 1);
        memset(block[i], i, size + 1);
        *(long *)sum += block[i][size];
    }
    for (int i = 0; i < 500; i++) {
        if (i % 4 == 0)
            block[i] = realloc(block[i], 5000);
        free(block[i]);
    }
    return NULL;
}
int main(void)
{
    long sum[3] = {0};
    pthread_t thread[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&thread[i], NULL, work, &sum[i]);
    work(&sum[2]);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    printf("%ld %ld %ld\n", sum[0], sum[1], sum[2]);
    return 0;
}
C
cd "$work"
gcc -O1 -g -pthread program.c -o program
on_system 60 ./program >glibc.out
# valgrind looks at LD_PRELOAD of what it starts, so the library goes in by its environment
for synonyms in '' --soname-synonyms=somalloc=nouserintercepts; do
    for tool in none memcheck; do
        if ! timeout -k 5 180 env LD_PRELOAD="$ROOST_LIB" ROOST_STATS=1 valgrind --tool=$tool --run-libc-freeres=no $synonyms \
            --log-file=valgrind.log ./program >roost.out 2>proof; then
            tail -n 15 valgrind.log proof >&2
            fail "valgrind --tool=$tool $synonyms"
        fi
        same glibc.out roost.out "the output under valgrind --tool=$tool $synonyms"
        if [ -n "$synonyms" ] || [ $tool = none ]; then
            proved proof "valgrind --tool=$tool $synonyms"
        fi
        echo "runs under valgrind --tool=$tool $synonyms"
    done
done
