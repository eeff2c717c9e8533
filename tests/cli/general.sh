#!/bin/bash
# roost without a subcommand: help, version, and what it refuses.
# SPDX-License-Identifier: MIT
set -u
. "$(dirname "$0")/lib/expect.bash"

number() {
    sed -n "s/^#define ROOST_VERSION_$1 //p" "$ROOST_SOURCE_DIR/include/roost/roost.h"
}
expect 0 "roost $(number MAJOR).$(number MINOR).$(number PATCH)" '' "$ROOST_CMD" --version
expect 0 'Usage: roost COMMAND *run  *' '' "$ROOST_CMD" --help
expect 0 'Usage: roost run *--lib PATH*ROOST_LIBRARY*127*' '' "$ROOST_CMD" run --help
expect 0 'Usage: roost run *' '' "$ROOST_CMD" run -h

expect 127 '' "roost: there is no command 'fly'; try 'roost --help'" "$ROOST_CMD" fly
expect 2 '' 'roost: no command is given; *' "$ROOST_CMD"
expect 2 '' 'roost: --unknown is not an option; *' "$ROOST_CMD" --unknown
expect 2 '' 'roost: -x is not an option; *' "$ROOST_CMD" -x
expect 1 '' 'roost: standard output: *' sh -c "'$ROOST_CMD' --help >/dev/full"
finish
