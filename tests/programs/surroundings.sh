#!/usr/bin/env bash
# Places where a program has little: a chroot without /proc, /sys, /etc and /dev, read-only; new namespaces; set-user-id; thousands of short
# processes at once; under strace. Each part needs rights or a program of its own and is left out by name without.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need gcc setpriv
chmod 755 "$work"
cp -L "$ROOST_LIB" "$work/libroost.so"
chmod 755 "$work/libroost.so"
ROOST_LIB=$work/libroost.so

cat >"$work/program.c" <<'C'
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void *work(void *result)
{
    for (int round = 0; round < 20; round++) {
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
    int at_start = errno, status = 1;
    pthread_t thread[3];
    long result[3] = {0};
    for (int i = 0; i < 3; i++)
        pthread_create(&thread[i], NULL, work, &result[i]);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    pid_t child = fork();
    if (child == 0) {
        work(&result[0]);
        _exit(result[0] == 2 * result[1] ? 0 : 2);
    }
    if (waitpid(child, &status, 0) != child || status != 0)
        return 1;
    printf("%d %ld %ld %ld\n", at_start, result[0], result[1], result[2]);
    return 0;
}
C
gcc -O1 -pthread "$work/program.c" -o "$work/program"
chmod 755 "$work/program"
on_system 60 "$work/program" >"$work/expected" || fail "the program on glibc"
left_out() {
    echo "  left out: $*"
}
as_expected() { # WHAT: of $work/out and $work/proof, that roost was there
    same "$work/expected" "$work/out" "the output $1"
    proved "$work/proof" "$1"
}

# A root directory of its own, bound read-only; nothing is in it but the program and what it links.
in_chroot() {
    local root=$work/root file
    mkdir "$root"
    for file in $(ldd "$work/program" | grep -o '/[^ ]*') "$ROOST_LIB" "$work/program"; do
        mkdir -p "$root/$(dirname "$file")"
        cp -L "$file" "$root/$file"
    done
    cat >"$work/enter.sh" <<'SH'
mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 77
if touch "$1/file" 2>/dev/null; then exit 77; fi
exec chroot "$@"
SH
    if ! timeout 20 unshare -m sh "$work/enter.sh" "$root" "$work/program" >/dev/null 2>&1; then
        left_out "a read-only chroot is not permitted here"
        return
    fi
    # The chroot itself is entered without the library, which lies at the same place inside.
    sed -i 's|exec chroot "$@"|exec chroot --userspec=65534:65534 "$1" /env.sh|' "$work/enter.sh"
    gcc -O1 -static -x c - -o "$root/env.sh" <<C
#include <unistd.h>
int main(void)
{
    char *environment[] = {"LD_PRELOAD=$ROOST_LIB", "ROOST_STATS=1", "ROOST_STATS_FILE=/no/such/place", NULL}, *argv[] = {"program", NULL};
    execve("$work/program", argv, environment);
    return 126;
}
C
    timeout -k 5 60 unshare -m sh "$work/enter.sh" "$root" >"$work/out" 2>"$work/proof" || fail "exit code $? in a chroot: $(tail -n 3 "$work/proof")"
    same "$work/expected" "$work/out" "the output in a chroot"
    grep -q '^roost: .*/no/such/place' "$work/proof" || fail "nothing said of a file that cannot be written: $(cat "$work/proof")"
    echo "  in a chroot, read-only"
}

in_namespaces() {
    if ! timeout 20 unshare -Urpmn -f --mount-proc true 2>/dev/null; then
        left_out "namespaces are not permitted here"
        return
    fi
    timeout -k 5 60 unshare -Urpmn -f --mount-proc env LD_PRELOAD="$ROOST_LIB" ROOST_STATS=1 "$work/program" >"$work/out" 2>"$work/proof" ||
        fail "exit code $? in namespaces"
    as_expected "as process 1 of new namespaces"
    echo "  as process 1 of new namespaces"
}

set_user_id() {
    if [ "$(id -u)" -ne 0 ] || findmnt -n -o OPTIONS -T "$work" | grep -q nosuid; then
        left_out "set-user-id programs cannot be made here"
        return
    fi
    local nobody=(timeout -k 5 60 setpriv --reuid=65534 --regid=65534 --clear-groups env "LD_PRELOAD=$ROOST_LIB" ROOST_STATS=1 ROOST_VERBOSE=1)
    cp "$work/program" "$work/preloaded"
    ln -s libroost.so "$work/libroost.so.0"
    gcc -O1 -pthread "$work/program.c" "$ROOST_LIB" -Wl,-rpath,"$work" -o "$work/linked"
    chmod 4755 "$work/preloaded" "$work/linked"
    for program in preloaded linked; do
        "${nobody[@]}" "$work/$program" >"$work/out" 2>"$work/proof" || fail "exit code $? of a set-user-id program"
        same "$work/expected" "$work/out" "the output of a set-user-id program, $program"
        ! grep -q '^roost' "$work/proof" || fail "a set-user-id program ($program) took options from the environment: $(head -n 2 "$work/proof")"
    done
    chmod 755 "$work/linked"
    "${nobody[@]}" "$work/linked" >/dev/null 2>"$work/proof"
    grep -q '^roost: ' "$work/proof" || fail "without the bit the same program says nothing either"
    echo "  set-user-id"
}

exec_storm() {
    cat >"$work/storm.sh" <<'SH'
i=0
while [ $i -lt 250 ]; do
    /bin/true & /bin/true & /bin/true & /bin/true
    wait $! || exit 1
    i=$((i + 1))
done
wait
SH
    on_roost_proved 100 sh "$work/storm.sh" >/dev/null
    echo "  1000 short processes"
}

under_strace() {
    if ! command -v strace >/dev/null || ! strace -qq -e trace=none true 2>/dev/null; then
        left_out "strace is missing, or may trace nothing here"
        return
    fi
    timeout -k 5 100 strace -f -qq -o "$work/trace" -E LD_PRELOAD="$ROOST_LIB" -E ROOST_STATS=1 "$work/program" >"$work/out" 2>"$work/proof" ||
        fail "exit code $? under strace"
    as_expected "under strace"
    echo "  under strace, $(wc -l <"$work/trace") system calls"
}

in_chroot
in_namespaces
set_user_id
exec_storm
under_strace
