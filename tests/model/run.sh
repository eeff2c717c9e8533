#!/usr/bin/env bash
# Checks the model of the message protocol, roost.pml, with SPIN.
#
#   run.sh SCENARIO...     the protocol itself, in every state that a scenario can reach; without a name: those that take seconds
#   run.sh --long          all scenarios: some minutes, and up to 3 GiB of memory
#   run.sh --mutations [NAME...]   the protocol broken in each of several ways, or in those: every one must be caught
#
# ROOST_BUILD_DIR: where to work. CC: the C compiler. Exit code 77: spin or a C compiler is missing.
# SPDX-License-Identifier: MIT
set -euo pipefail
model=$(cd "$(dirname "$0")" && pwd)/roost.pml
compiler=${CC:-cc}
for program in spin "$compiler"; do
    command -v "$program" >/dev/null || {
        echo "skipped: no $program"
        exit 77
    }
done

# What each scenario has, and what it is there for.
declare -A scenario=(
    # An owner, two outsiders that send, collect and purge, a page whose reserve is smaller than its capacity.
    [pages]='-DNB=3 -DSENDERS=2'
    # The same with the other reserves that a page of few blocks may have.
    [reserve]='-DNB=3 -DRESERVE=2 -DSENDERS=1'
    [whole]='-DNB=2 -DRESERVE=2 -DSENDERS=2'
    # Two pages in every list.
    [two_pages]='-DNP=2 -DNB=2 -DSENDERS=1'
    # An owner that parks, an outsider, a thread that adopts and parks again.
    [lifecycle]='-DNB=3 -DSENDERS=1 -DADOPTERS=1'
    # The same with two pages of one block: what is taken from them is all there is.
    [one_block]='-DNP=2 -DNB=1 -DSENDERS=1 -DADOPTERS=1'
    # Two outsiders that meet at a heap while it is parked or adopted.
    [two_outsiders]='-DNB=2 -DSENDERS=2 -DADOPTERS=1 -DPURGES=0'
    [two_adopters]='-DNB=2 -DSENDERS=1 -DADOPTERS=2'
    # An outsider that also hollows pages out, and two of them.
    [holes]='-DNB=3 -DSENDERS=1 -DHOLDS=1'
    [holes_two]='-DNB=3 -DSENDERS=2 -DHOLDS=1 -DPURGES=0'
    # The same while the heap is parked and adopted, and with two pages.
    [holes_lifecycle]='-DNB=3 -DSENDERS=1 -DADOPTERS=1 -DHOLDS=1'
    [holes_pages]='-DNP=2 -DNB=2 -DSENDERS=1 -DHOLDS=1'
    [two_pages_lifecycle]='-DNP=2 -DNB=2 -DSENDERS=1 -DADOPTERS=1 -DPURGES=0'
)
quick=(pages reserve whole two_pages lifecycle one_block holes)
long=(two_outsiders two_adopters two_pages_lifecycle holes_two holes_lifecycle holes_pages)
megabytes=1400
optimise=-O2
depth=1500000

# Each mutation (roost.pml says what it is) and the scenario that shows it.
mutations=(
    'NO_VERSION pages'
    'TAKE_LEFT_ZERO pages'
    'PLAIN_ACTIVATE pages'
    'PURGE_NEW_ONLY pages'
    'PARK_ONE_LOOK lifecycle'
    'COLLECT_ONE_LOOK lifecycle'
    'IDLE_INBOX_ONLY lifecycle'
    'IDLE_NO_RECHECK lifecycle'
    'ACTIVATE_HELD holes'
    'END_HELD holes'
    'LET_GO_BLINDLY holes'
    'HOLD_ANY holes'
    'LIST_UNCOUNTED holes'
)

# check NAME FLAG...: leaves what pan said in $dir/out.
check() {
    dir=${ROOST_BUILD_DIR:-$scratch}/model/$1
    shift
    rm -rf "$dir"
    mkdir -p "$dir"
    (
        cd "$dir"
        spin -a "$@" "$model"
        "$compiler" "$optimise" -w -DSAFETY -DCOLLAPSE -DMEMLIM="$megabytes" -o pan pan.c
        ./pan -m"$depth" >out 2>&1
    )
}

# figures: of the last check.
figures() {
    grep -E 'states, stored|total actual memory' "$dir/out" | tr -s ' \t\n' ' '
}

fail() {
    echo "FAILED: $1"
    sed 's/^/    /' "$dir/out" | head -n 25
    failed=1
}

# Clean means: no error, nothing cut off. In `lifecycle` every step must be reached but those that say they never are.
run_scenario() {
    local flags unreached
    [[ -n ${scenario[$1]:-} ]] || {
        echo "no such scenario: $1" >&2
        exit 2
    }
    read -ra flags <<<"${scenario[$1]}"
    check "$1" "${flags[@]}"
    unreached=$(grep -E '\.pml:[0-9]+, state' "$dir/out" | grep -vc 'assert(0)' || true)
    if ! grep -q 'errors: 0' "$dir/out" || grep -qE 'max search depth too small|reached -DMEMLIM|out of memory' "$dir/out"; then
        fail "$1"
    elif [[ $1 == lifecycle && $unreached -ne 0 ]]; then
        fail "$1: steps that are never reached"
    else
        echo "$1: clean;$(figures)"
    fi
}

run_mutation() {
    local name=$1 base=$2 flags
    read -ra flags <<<"${scenario[$base]}"
    check "$name" "${flags[@]}" "-D$name=1"
    if ! grep -q 'assertion violated' "$dir/out"; then
        fail "$name in $base was not caught"
    else
        echo "$name: caught; $(grep -o 'assertion violated.*' "$dir/out" | cut -c 1-100)"
        rm -f "$dir"/*.trail
    fi
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
case ${1:-} in
--mutations)
    optimise=-O0 # each is found at once: it is the compiler that takes the time
    depth=30000  # the deepest is found at 10,316
    run=0
    for mutation in "${mutations[@]}"; do
        read -r name base <<<"$mutation"
        [[ $# -eq 1 || " ${*:2} " == *" $name "* ]] || continue
        run_mutation "$name" "$base"
        run=$((run + 1))
    done
    [[ $# -eq 1 || $run -eq $(($# - 1)) ]] || {
        echo "no such mutation among: ${*:2}" >&2
        exit 2
    }
    ;;
*)
    if [[ ${1:-} == --long ]]; then
        megabytes=3000
        set -- "${quick[@]}" "${long[@]}"
    elif (($# == 0)); then
        set -- "${quick[@]}"
    fi
    for name in "$@"; do
        run_scenario "$name"
    done
    ;;
esac
exit $failed
