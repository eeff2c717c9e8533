# What of unit/, api/, mt/ and stress/ cannot be on Windows, and what of the rest a short run takes. docs/windows.md says why.
# SPDX-License-Identifier: MIT
set(ROOST_TEST_TELLING "^(api|misuse|mt|stress)\\.")
list(APPEND ROOST_TEST_LEFT_OUT
    # fork, or the program executed anew
    unit.failures mt.fork mt.fork_handlers mt.lifecycle mt.no_memory mt.processes stress.asymmetric stress.fork
    # signals, sockets, cancelled threads
    unit.interrupted mt.cancel mt.handlers mt.signals mt.reporter stress.asleep
    # what Linux alone has
    unit.group_files api.explicit_huge api.figures api.huge api.smaps mt.pressure mt.ready mt.hollow mt.refused mt.sandbox mt.steward mt.steward_life mt.surroundings
    # what glibc alone has
    api.libc_results api.questions)
