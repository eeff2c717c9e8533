# Shell functions for tests that look at a process from outside: expect and its kin, and hold.
# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck source=tests/cli/lib/expect.bash
. "$(dirname "${BASH_SOURCE[0]}")/../../cli/lib/expect.bash"
unset LD_PRELOAD ROOST_OPTIONS ROOST_STATS
export ROOST_STEWARD=0 # what is held shall stay as it is
held=()

# End what is held; returns the exit code of the last of it.
let_go() {
    local code=0
    exec 9>&- # their standard input ends
    [ ${#held[@]} -eq 0 ] || wait "${held[@]}" 2>/dev/null || code=$?
    held=()
    return $code
}
trap 'let_go; rm -rf "$scratch"' EXIT

# hold COMMAND...: start a process that prints "ready" when it can be looked at and ends with its standard input. Sets $pid; what
# it printed is in $scratch/held.
hold() {
    local line=''
    rm -f "$scratch/in" "$scratch/out"
    mkfifo "$scratch/in" "$scratch/out"
    "$@" <"$scratch/in" >"$scratch/out" 2>"$scratch/held.err" &
    pid=$!
    held+=("$pid")
    exec 9>"$scratch/in" 8<"$scratch/out"
    : >"$scratch/held"
    while read -r line <&8 && [ "$line" != ready ]; do
        echo "$line" >>"$scratch/held"
    done
    exec 8<&-
    [ "$line" = ready ] || {
        echo "$*: did not start: $(cat "$scratch/held.err")"
        exit 1
    }
}

# Where the system lets nobody read another process, there is nothing to test.
skip_unless_readable() {
    local message
    message=$("$ROOST_CMD" stat "$1" 2>&1 >/dev/null)
    if [ $? -eq 4 ]; then
        echo "SKIPPED: $message"
        exit 77
    fi
}
