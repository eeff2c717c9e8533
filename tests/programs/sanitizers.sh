#!/usr/bin/env bash
# roost preloaded under programs that have a sanitizer: it stands aside, says so once, and the sanitizer finds what it is there to
# find. Other libraries stay preloaded.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need gcc
tried=0

cat >"$work/program.c" <<'C'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int shared;
static void *work(void *unused)
{
    for (int i = 0; i < 1000; i++) {
        char *block = malloc(1 + i);
        memset(block, i, 1 + i);
        free(block);
        shared++;
    }
    return unused;
}
int main(int argc, char **argv)
{
    pthread_t thread;
    printf("%d %s %s\n", argc, argv[1], getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "none");
    fflush(stdout);
    char *volatile block = malloc(10);
    if (strcmp(argv[1], "overflow") == 0)
        block[10] = 1;
    if (strcmp(argv[1], "race") == 0) {
        pthread_create(&thread, NULL, work, NULL);
        work(NULL);
        pthread_join(thread, NULL);
    }
    free(block);
    return 0;
}
C

# sanitized COMPILER SANITIZER FINDS NAME LEFT: LEFT is what is preloaded afterwards.
sanitized() {
    local compiler=$1 sanitizer=$2 finds=$3 name=$4 left=$5 code=0
    "$compiler" -g "-fsanitize=$sanitizer" "$work/program.c" -o "$work/program" -pthread 2>/dev/null || return 0
    "$work/program" fine >/dev/null 2>&1 || return 0 # it does not run here at all
    LD_PRELOAD="$ROOST_LIB:libm.so.6" timeout 60 "$work/program" fine >"$work/out" 2>"$work/error" || code=$?
    [ "$code" -eq 0 ] || fail "$compiler, $sanitizer: code $code: $(cat "$work/error")"
    [ "$(cat "$work/out")" = "2 fine $left" ] || fail "$compiler, $sanitizer: printed $(cat "$work/out"), not 2 fine $left"
    [ "$(cat "$work/error")" = "roost: $name is in this program, and its allocator stays: roost stands aside" ] ||
        fail "$compiler, $sanitizer: said $(cat "$work/error")"
    code=0
    LD_PRELOAD="$ROOST_LIB" timeout 60 "$work/program" "$finds" >"$work/out" 2>"$work/error" || code=$?
    [ "$code" -ne 0 ] || fail "$compiler, $sanitizer: does not find the $finds"
    grep -q "$name" <(grep -v '^roost:' "$work/error") || fail "$compiler, $sanitizer: $(head -n 5 "$work/error")"
    tried=$((tried + 1))
}

sanitized gcc thread race ThreadSanitizer ":libm.so.6"
if command -v clang >/dev/null; then
    sanitized clang thread race ThreadSanitizer "$ROOST_LIB:libm.so.6"
    sanitized clang address overflow AddressSanitizer "$ROOST_LIB:libm.so.6"
fi
[ "$tried" -ne 0 ] || { echo "SKIPPED: no sanitizer runs here"; exit 77; }
echo "$tried sanitizers"
