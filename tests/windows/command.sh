#!/bin/bash
# command.sh PROGRAM [EMULATOR...]: roost.exe; PROGRAM is runs.c. SPDX-License-Identifier: MIT
set -u
program=$1
shift
roost=("$@" "$ROOST_CMD")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

# gives CODE OUT ERR COMMAND...: its exit code, its whole output without carriage returns, and a pattern for what it says on standard error.
gives() {
    local code=$1 out=$2 err=$3 got
    shift 3
    "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
    got=$?
    sed -i 's/\r$//' "$scratch/out" "$scratch/err"
    # shellcheck disable=SC2053
    if [ $got -ne "$code" ] || [[ $(<"$scratch/out") != $out ]] || [[ $(<"$scratch/err") != $err ]]; then
        echo "FAILED: ${*: -4}: exit code $got, not $code, or other text: $(cat "$scratch/out" "$scratch/err")"
        failed=1
    fi
}

gives 0 'roost [0-9]*.[0-9]*.[0-9]' '' "${roost[@]}" --version
gives 0 'Usage: roost COMMAND*' '' "${roost[@]}" --help
gives 0 '*purge_delay*leave_alone*' '' "${roost[@]}" options
gives 0 'Usage: roost run*' '' "${roost[@]}" run --help
gives 1 '' 'roost: stat: there is none on Windows;*' "${roost[@]}" stat 1
gives 1 '' 'roost: top: there is none on Windows;*' "${roost[@]}" top
gives 127 '' "roost: there is no command 'fly'*" "${roost[@]}" fly
gives 2 '' 'roost: run: no program is given*' "${roost[@]}" run
gives 0 'alone' '' "$@" "$program"
gives 0 'on roost' '' "${roost[@]}" run -- "$program"
gives 0 'on roost' 'roost: running *runs.exe on *roost.dll' "${roost[@]}" run -v "$program"
# shellcheck disable=SC1003
gives 7 $'on roost\n\\[7\\]\n\\[a b\\]\n\\[\\"\\\\\\]\n\\[\\]\n\\[\\*\\]' '' "${roost[@]}" run -- "$program" 7 'a b' '"\' '' '*'
gives 3 $'on roost\n\\[3\\]' '' env ROOST_LIBRARY=roost.dll "${roost[@]}" run "$program" 3
gives 0 'on roost' 'roost: explicit_huge: 0 of 64 MiB are had in pages of 2 MiB: *' env ROOST_EXPLICIT_HUGE=64m "${roost[@]}" run -- "$program"
gives 0 'alone' '' env ROOST_DISABLE=1 "${roost[@]}" run -- "$program"
gives 0 'roost is loaded, and not called' '' env ROOST_DISABLE_REDIRECT=1 "${roost[@]}" run -- "$program"
gives 127 '' 'roost: cannot run not_there: it is not found*' "${roost[@]}" run -- not_there
gives 127 '' 'roost: the library is not found: other.dll' "${roost[@]}" run --lib other.dll -- "$program"
gives 0 'alone' 'roost: *runs.exe cannot load the library: it runs on its own allocator' \
    "${roost[@]}" run --lib "$ROOST_SOURCE_DIR/LICENSE" -- "$program"
exit $failed
