# Examples and benchmarks. They are plain programs on the system's malloc: what they run on is chosen when they run.
# A benchmark that needs more than pthreads is described in bench/CMakeLists.txt.
# SPDX-License-Identifier: MIT
include_guard()

file(GLOB _examples CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/*.c")
foreach(_source IN LISTS _examples)
    get_filename_component(_name "${_source}" NAME_WE)
    add_executable(example_${_name} "${_source}")
    set_target_properties(example_${_name} PROPERTIES OUTPUT_NAME ${_name}
        RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/examples")
    target_link_libraries(example_${_name} PRIVATE roost_flags)
    target_include_directories(example_${_name} PRIVATE "${PROJECT_SOURCE_DIR}/include")
endforeach()

if(EXISTS "${PROJECT_SOURCE_DIR}/bench/CMakeLists.txt")
    add_subdirectory(bench)
else()
    file(GLOB _benches CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/bench/*.c")
    foreach(_source IN LISTS _benches)
        get_filename_component(_name "${_source}" NAME_WE)
        add_executable(bench_${_name} "${_source}")
        set_target_properties(bench_${_name} PROPERTIES OUTPUT_NAME ${_name}
            RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")
        target_link_libraries(bench_${_name} PRIVATE roost_test_flags m)
    endforeach()
endif()
