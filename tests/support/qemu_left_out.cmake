# What of api/, misuse/, mt/, stress/ and returns/ cannot be under qemu-user, whatever roost does. docs/platforms.md says why.
# SPDX-License-Identifier: MIT
list(APPEND ROOST_TEST_LEFT_OUT
    # the program executed anew, which is the host's to do (binfmt_misc)
    api.explicit_huge misuse.misuse mt.lifecycle mt.no_memory mt.pressure mt.processes mt.refused mt.reporter mt.steward_life
    # fork in a process of several threads: qemu ends with an assertion of its own
    mt.fork stress.fork
    # resident memory, which is qemu's as well
    api.huge mt.exit mt.steward mt.threads stress.asleep returns
    # memory that is locked: qemu 7.2 says that it gave some back, and did not
    mt.surroundings)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "riscv64")
    # there a handler comes although it is in the mask of the one under way
    list(APPEND ROOST_TEST_LEFT_OUT mt.handlers)
endif()
