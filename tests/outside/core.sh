#!/bin/bash
# Core files: the figures of the process that left it, damage found in it, and files that are no whole core.
# SPDX-License-Identifier: MIT
set -u
. "$(dirname "$0")/lib/holder.bash"

# The kernel's own core, where it writes one into the directory; else gdb's gcore.
cd "$scratch" || exit 1
make_core() { # make_core HOLDER-ARGUMENT...
    rm -f core core.*
    hold "$HOLDER" "$@"
    case $(cat /proc/sys/kernel/core_pattern) in
    core | core.%p)
        let_go 2>/dev/null
        mv core* the_core 2>/dev/null && return
        ;;
    esac
    command -v gcore >/dev/null || {
        echo "SKIPPED: the system writes no core file here, and there is no gcore"
        exit 77
    }
    hold "$HOLDER" "$@"
    gcore -o core "$pid" >/dev/null 2>&1 && mv "core.$pid" the_core
    let_go
    [ -s the_core ] || {
        echo "SKIPPED: gcore cannot write a core file here"
        exit 77
    }
}

make_core --abort
expect 0 '{*}' '' "$ROOST_CMD" stat --json the_core
cp .out stat.json
compared=0
while read -r name value; do
    got=$(sed -n "s/^\(\"process\":{\)*\"$name\":\([0-9]*\)[,}].*/\2/p" stat.json | head -n 1)
    case $name in
    resident* | faults_*) [ -z "$got" ] || fail "$name is '$got', which a core cannot tell" ;;
    steward_* | calls_* | allocated_peak) ;;
    *) [ "$got" = "$value" ] || fail "$name is '$got', the process itself said $value" ;;
    esac
    compared=$((compared + 1))
done <held
[ "$compared" -ge 35 ] || fail "only $compared figures were compared"
expect 0 'the_core: * pages, * free blocks, 3 heaps, * large blocks: sound*' '' "$ROOST_CMD" check the_core
expect 0 '*"program":"outside_holder"*"core":true*' '' "$ROOST_CMD" stat -j the_core

# Cut anywhere, it is read or refused, and never believed to be whole where it is not.
size=$(stat -c %s the_core)
for part in 1 2 5 10 20 30 40 50 60 70 80 90 95 99; do
    head -c $((size * part / 100)) the_core >cut
    "$ROOST_CMD" stat --json cut >cut.json 2>cut.err
    code=$?
    case $code in
    0) cmp -s <(grep -v '"clock_ms"\|"library"' cut.json) <(grep -v '"clock_ms"\|"library"' stat.json) || fail "cut to $part %: other figures, and no word of it" ;;
    7) grep -q '^roost: cut is truncated' cut.err || fail "cut to $part %: said '$(cat cut.err)'" ;;
    *) fail "cut to $part %: exit code $code, $(cat cut.err)" ;;
    esac
    out=$("$ROOST_CMD" check cut 2>&1)
    case $?:$out in
    0:cut*sound* | 7:'roost: cut is truncated'*) ;;
    *) fail "cut to $part %: check said '$out'" ;;
    esac
done
# The same of gcore's files, whose segments are in another order.
if command -v gcore >/dev/null; then
    hold "$HOLDER"
    gcore -o other "$pid" >/dev/null 2>&1 && mv "other.$pid" other_core
    let_go
    for part in 5 30 60; do
        head -c $(($(stat -c %s other_core) * part / 100)) other_core >cut
        out=$("$ROOST_CMD" stat cut 2>&1)
        case $?:$out in
        0:cut,* | 7:'roost: cut is truncated'*) ;;
        *) fail "gcore's, cut to $part %: said '$out'" ;;
        esac
    done
fi
head -c 40 the_core >cut
expect 3 '' 'roost: cut is neither a process number nor a core file' "$ROOST_CMD" stat cut
head -c 100 the_core >cut
expect 7 '' 'roost: cut is truncated: *' "$ROOST_CMD" stat cut
: >cut
expect 3 '' 'roost: cut is neither *' "$ROOST_CMD" check cut
expect 3 '' 'roost: * is neither a process number nor a core file' "$ROOST_CMD" stat "$HOLDER"

# Another version of the descriptor, and one that lacks a name: found by what is written in it.
if command -v python3 >/dev/null; then
    edit() { # edit OLD NEW: bytes in the core
        python3 - "$1" "$2" <<'PYTHON'
import sys
data = open("the_core", "rb").read()
old, new = (eval("b'" + word + "'") for word in sys.argv[1:])
assert len(old) == len(new) and data.count(old) >= 1, (old, data.count(old))
open("edited", "wb").write(data.replace(old, new))
PYTHON
    }
    edit 'roostliv\x01\x00\x00\x00' 'roostliv\x63\x00\x00\x00' || exit 1
    expect 6 '' 'roost: edited runs roost with descriptor version 99, this command reads version 1' "$ROOST_CMD" stat edited
    edit '\x00slice.left\x00' '\x00slice.lost\x00' || exit 1
    expect 6 '' 'roost: its roost does not tell "slice.left": this command cannot read that version' "$ROOST_CMD" check edited
fi

make_core --damage link --abort
expect 1 '*its free list leads to 0x4141414141414140*the_core: *1 finding*' '' "$ROOST_CMD" check the_core
finish
