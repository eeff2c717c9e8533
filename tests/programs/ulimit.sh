#!/usr/bin/env bash
# 64 MiB of address space (ulimit -v 65536): malloc says no with ENOMEM, free makes room, and there is room again.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need gcc

cat >"$work/program.c" <<'C'
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define MOST 200000
static char *block[MOST];

/* Take blocks until there are no more; the bytes that fitted. Frees all but every `keep`th. */
static size_t fill(size_t size)
{
    size_t count = 0;
    errno = 0;
    while (count < MOST && (block[count] = malloc(size)) != NULL) {
        memset(block[count], (int)count, size);
        count++;
    }
    if (count < MOST && errno != ENOMEM) {
        printf("errno is %d, not ENOMEM\n", errno);
        exit(1);
    }
    for (size_t i = 0; i < count; i++) {
        if (block[i][0] != (char)i || block[i][size - 1] != (char)i) {
            printf("block %zu of %zu was overwritten\n", i, count);
            exit(1);
        }
        free(block[i]);
    }
    return count * size;
}

static void *fill_in_thread(void *size)
{
    *(size_t *)size = fill(*(size_t *)size);
    return NULL;
}

int main(void)
{
    static const size_t sizes[] = {1000, 30000, 1000000, 200, 300000, 5000, 1000};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            size_t got = fill(sizes[i]);
            fprintf(stderr, "%zu: %zu KiB\n", sizes[i], got >> 10);
            if (got < (size_t)16 << 20) {
                printf("only %zu bytes fitted in blocks of %zu, round %d\n", got, sizes[i], round);
                return 1;
            }
        }
    }
    pthread_attr_t attributes;
    pthread_t thread;
    size_t size = 2000;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    if (pthread_create(&thread, &attributes, fill_in_thread, &size) != 0 || pthread_join(thread, NULL) != 0 || size < (8u << 20)) {
        printf("a thread got %zu bytes\n", size);
        return 1;
    }
    char *huge = malloc((size_t)100 << 20);
    if (huge || errno != ENOMEM) {
        puts("100 MiB were granted");
        return 1;
    }
    puts("all rounds fitted");
    return 0;
}
C
cd "$work"
gcc -O1 -pthread program.c -o program
(ulimit -v 65536; on_system 60 ./program) >glibc.out 2>glibc.err || { cat glibc.out; fail "the program on glibc"; }
(ulimit -v 65536; timeout -k 5 60 env LD_PRELOAD="$ROOST_LIB" ROOST_STATS=1 ./program) >roost.out 2>proof ||
    { cat roost.out; tail -n 12 proof >&2; fail "the program on roost"; }
proved proof ./program
same glibc.out roost.out "the output"
for limit in 32768 49152 262144 4194304; do
    (ulimit -v $limit; timeout -k 5 60 env LD_PRELOAD="$ROOST_LIB" /bin/echo hello) >roost.out || fail "echo with ulimit -v $limit"
    grep -qx hello roost.out || fail "echo said nothing with ulimit -v $limit"
done
echo "fits into 64 MiB; starts in 32 MiB"
