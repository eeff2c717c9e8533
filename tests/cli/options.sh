#!/bin/bash
# The sources of options as a user meets them, roost options, roost figures, and the documents made from the tables.
# SPDX-License-Identifier: MIT
set -u
. "$(dirname "$0")/lib/expect.bash"
unset ROOST_OPTIONS ROOST_VERBOSE ROOST_PURGE_DELAY ROOST_CONF
cd "$scratch" || exit 1

# said PATTERN COMMAND...: some line of what the command says fits.
said() {
    local pattern=$1 line
    shift
    checks=$((checks + 1))
    "$@" >/dev/null 2>"$scratch/.said"
    while IFS= read -r line; do
        # shellcheck disable=SC2053
        [[ $line == $pattern ]] && return
    done <"$scratch/.said"
    fail "$*: no line '$pattern' in: $(cat "$scratch/.said")"
}

run=("$ROOST_CMD" run -- true)
printf '%s\n' '# mine' 'purge_delay = 50' >mine.conf
said 'roost: option purge_delay = 1000 ms (default)' env ROOST_CONF= ROOST_VERBOSE=1 "${run[@]}"
said 'roost: option verbose = 1 (environment)' env ROOST_VERBOSE=1 "${run[@]}"
said 'roost: option purge_delay = 50 ms (file)' env ROOST_CONF=mine.conf ROOST_VERBOSE=1 "${run[@]}"
said 'roost: option purge_delay = 60 ms (ROOST_OPTIONS)' env ROOST_CONF=mine.conf ROOST_OPTIONS=verbose=1,purge_delay=60 \
    "${run[@]}"
said 'roost: option purge_delay = 70 ms (environment)' env ROOST_CONF=mine.conf ROOST_OPTIONS=verbose=1,purge_delay=60 \
    ROOST_PURGE_DELAY=70 "${run[@]}"

# One line for what is not understood; then the program runs.
expect 0 '' 'roost: ROOST_OPTIONS: there is no option "purge_dely"; is purge_delay meant?' \
    env ROOST_OPTIONS=purge_dely=5 "${run[@]}"
expect 0 '' 'roost: environment: there is no option "PURGE_DELY"; is purge_delay meant?' \
    env ROOST_PURGE_DELY=5 "${run[@]}"
expect 0 '' '' env ROOST_SOMETHING=5 "${run[@]}"
expect 0 '' 'roost: ROOST_PURGE_DELAY: option purge_delay: "soon" is not a number; kept 1000' \
    env ROOST_PURGE_DELAY=soon "${run[@]}"
for bad in nowhere.conf /; do
    expect 0 '' "roost: $bad: cannot be read" env ROOST_CONF=$bad "${run[@]}"
done
mkfifo pipe
expect 0 '' '' timeout 20 env ROOST_CONF=pipe "${run[@]}"

# Turned off.
expect 0 '' '' env ROOST_DISABLE=1 ROOST_VERBOSE=1 "${run[@]}"
expect 0 '' "roost: running true on the system's malloc (ROOST_DISABLE)" env ROOST_DISABLE=1 "$ROOST_CMD" run -v true
said 'roost: version *' env ROOST_DISABLE=0 ROOST_VERBOSE=1 "${run[@]}"

# A program that runs with more rights than its user has: linked with roost, set-user-id.
linked() {
    cat >linked.c <<'C'
#include <roost/roost.h>
#include <stdio.h>
const char roost_default_options[] = "steward=0";
int main(void)
{
    char delay[32], steward[32];
    roost_option_get("purge_delay", delay, sizeof delay);
    roost_option_get("steward", steward, sizeof steward);
    printf("%s %s\n", delay, steward);
    return 0;
}
C
    "${CC:-cc}" -I"$ROOST_SOURCE_DIR/include" linked.c "$(dirname "$ROOST_LIB")/libroost_api.a" -lpthread -o linked
}
if linked 2>linked.log; then
    expect 0 '1000 0' '' ./linked
    expect 0 '70 1' '' env ROOST_PURGE_DELAY=70 ROOST_STEWARD=1 ./linked
    chmod 755 "$scratch"
    chmod 4755 linked
    if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null && ! findmnt -no OPTIONS -T . | grep -q nosuid; then
        expect 0 '1000 0' '' setpriv --reuid=65534 --regid=65534 --clear-groups \
            env ROOST_PURGE_DELAY=70 ROOST_STEWARD=1 ROOST_CONF=mine.conf ./linked
    else
        echo "a set-user-id program: not tried, it takes root"
    fi
else
    fail "$(cat linked.log)"
fi

# The tables.
while read -r name; do
    expect 0 "*$name: *" '' "$ROOST_CMD" options
done < <(sed -n 's/^    X(\([a-z_]*\),.*/\1/p' "$ROOST_SOURCE_DIR/include/roost/options.h")
while read -r name; do
    expect 0 "*  $name *" '' "$ROOST_CMD" figures
done < <(sed -n 's/^    X(\([a-z_]*\),.*/\1/p' "$ROOST_SOURCE_DIR/include/roost/stats.h")
long=$("$ROOST_CMD" options | awk 'length > 100')
[ -z "$long" ] || fail "longer than 100 columns: $long"
expect 0 'Usage: roost options *' '' "$ROOST_CMD" options --help
expect 0 'Usage: roost figures *' '' "$ROOST_CMD" figures --help
expect 2 '' "roost: options: 'x' is too much; *" "$ROOST_CMD" options x
expect 2 '' 'roost: figures: --colour is not an option; *' "$ROOST_CMD" figures --colour

# The documents, and that a difference is found.
generate=$ROOST_SOURCE_DIR/scripts/generate.sh
expect 0 '' '' "$generate" --check
sed 's/^| `verbose` |/| `verbosy` |/' "$ROOST_SOURCE_DIR/docs/options.md" >changed.md
expect 1 '*changed.md is not what the tables say; *' '' "$generate" --check "$scratch/changed.md"
"$generate" "$scratch/changed.md" >/dev/null
cmp -s changed.md "$ROOST_SOURCE_DIR/docs/options.md" || fail "the document is not mended"
finish
