#!/usr/bin/env bash
# scripts/programs.py itself: a row that is sound; a wrong answer, a crash and a hang are told, and leave nothing running; what is missing is left out
# by name; bad arguments are refused in one line.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need gcc python3
python=$(real_python)
script=$ROOST_SOURCE_DIR/scripts/programs.py
export TMPDIR=$work

cat >"$work/broken.c" <<'C'
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void begin(int argc, char **argv, char **environment) __attribute__((constructor));
static void begin(int argc, char **argv, char **environment)
{
    (void)environment;
    if (argc < 2 || strstr(argv[1], "work.py") == NULL)
        return;
#ifdef CRASH
    abort();
#elif defined(HANG)
    if (fork() >= 0)
        for (;;)
            pause();
#endif
}
#ifdef WRONG
unsigned long adler32(unsigned long a, const void *b, unsigned c) { (void)a, (void)b; return c; }
unsigned long adler32_z(unsigned long a, const void *b, size_t c) { (void)a, (void)b; return c; }
#endif
C
for kind in WRONG CRASH HANG; do
    gcc -shared -fPIC -D$kind "$work/broken.c" -o "$work/$kind.so"
done

run() {
    timeout -k 5 120 "$python" "$script" --warm 0 "$@" >"$work/out" 2>"$work/err"
}
tells() {
    grep -q -e "$1" "$work/out" "$work/err" || { cat "$work/out" "$work/err" >&2; fail "not told: $1"; }
}

run --rounds 1 --libs "glibc,roost=$ROOST_LIB,W=$work/WRONG.so" python && fail "a wrong answer passes"
tells '| DIFFERENT on W |$' # and roost's is right
run --rounds 1 --timeout 2 --libs "C=$work/CRASH.so,H=$work/HANG.so" python && fail "a crash and a hang pass"
tells 'C: FAILED: .*SIGABRT'
tells 'H: FAILED: .*no end after 2 s'
pgrep -f "$work/programs-.*work.py" >&2 && fail "the above is still running"
[ -z "$(ls -d "$work"/programs-* 2>/dev/null)" ] || fail "directories are left: $(ls -d "$work"/programs-*)"

mkdir "$work/none"
timeout 20 env PATH="$work/none" "$python" "$script" --libs glibc mariadb >"$work/out" 2>"$work/err" && fail "nothing to run, and it passes"
tells 'SKIPPED: mariadb: .*not installed'
refused() {
    run "$@" && fail "accepted: $*"
    [ "$(wc -l <"$work/err")" -le 8 ] && ! grep -q Traceback "$work/err" || { cat "$work/err" >&2; fail "not refused in a line: $*"; }
}
refused nosuchrow
refused --rounds 0 python
refused --libs nosuchlib python
refused --libs "x=$work/no.so" python
refused --output "$work/no/where" --libs glibc python
echo "sound rows pass; what is wrong, crashes or hangs is told"
