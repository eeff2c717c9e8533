#!/bin/bash
# roost is found however a program got it: preloaded, from a library that is deleted, linked in statically, at a fixed address or
# not, stripped.
# SPDX-License-Identifier: MIT
set -u
. "$(dirname "$0")/lib/holder.bash"
[ -n "${ROOST_LIB:-}" ] || { echo "SKIPPED: this build has no libroost.so"; exit 77; }
archive=$(dirname "$(realpath "$ROOST_LIB")")/libroost.a

cat >"$scratch/holds.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>
int main(void)
{
    char c;
    char *volatile p = malloc(5000000);
    p[0] = 1;
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    alarm(60);
    puts("ready");
    fflush(stdout);
    return read(0, &c, 1) != 0 || p[0] != 1;
}
END

# look WHAT COMMAND...
look() {
    hold "${@:2}"
    skip_unless_readable "$pid"
    expect 0 '{*"large_live_bytes":500*}' '' "$ROOST_CMD" stat --json "$pid"
    expect 0 'process *: sound*' '' "$ROOST_CMD" check "$pid"
    let_go
}
cc=("${CC:-cc}" -O1 "$scratch/holds.c" -o "$scratch/holds")
"${cc[@]}" || exit 1
cp "$ROOST_LIB" "$scratch/gone.so"
look preloaded env LD_PRELOAD="$ROOST_LIB" "$scratch/holds"
hold env LD_PRELOAD="$scratch/gone.so" "$scratch/holds"
rm "$scratch/gone.so"
expect 0 '*roost * in *gone.so (deleted)*' '' "$ROOST_CMD" stat "$pid"
expect 0 'process *: sound*' '' "$ROOST_CMD" check "$pid"
let_go

static=("$archive" -Wl,-u,malloc -pthread)
"${cc[@]}" "${static[@]}" && look 'linked in' "$scratch/holds"
strip "$scratch/holds" && look 'stripped' "$scratch/holds"
"${cc[@]}" "${static[@]}" -Wl,--gc-sections -s && look 'sections collected' "$scratch/holds"
if "${cc[@]}" "${static[@]}" -static -no-pie -s 2>"$scratch/errors"; then
    look 'static, at a fixed address' "$scratch/holds"
    "${cc[@]}" "${static[@]}" -static-pie -s 2>>"$scratch/errors" && look 'static, at any address' "$scratch/holds"
else
    echo "not tried: no static programs can be linked here: $(head -n 1 "$scratch/errors")"
fi
finish
