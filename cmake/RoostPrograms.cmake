# Examples and benchmarks. They are plain programs on the system's malloc: what they run on is chosen when they run.
# SPDX-License-Identifier: MIT
include_guard()

foreach(_programs IN ITEMS examples bench)
    if(EXISTS "${PROJECT_SOURCE_DIR}/${_programs}/CMakeLists.txt")
        add_subdirectory(${_programs})
    endif()
endforeach()
