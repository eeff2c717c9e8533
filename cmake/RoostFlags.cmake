# Build options, and three interface targets that carry the flags:
#   roost_flags        everything: language level, warnings, sanitizers, coverage
#   roost_inner        what the allocator itself is compiled with
#   roost_test_flags   what programs that test an allocator are compiled with
# SPDX-License-Identifier: MIT
include_guard()

option(ROOST_CHECKED "Verify invariants while running" OFF)
option(ROOST_WERROR "Treat warnings as errors" OFF)
option(ROOST_COVERAGE "Record test coverage (gcov)" OFF)
set(ROOST_TLS_MODEL initial-exec CACHE STRING "Thread-local storage model; global-dynamic allows a late dlopen")
set_property(CACHE ROOST_TLS_MODEL PROPERTY STRINGS initial-exec local-dynamic global-dynamic)
set(ROOST_SANITIZE "" CACHE STRING "Sanitizers, separated by commas: address, undefined, thread")

option(ROOST_FUZZ "Build the fuzzers of tests/fuzz/ with libFuzzer (clang); implies address and undefined" OFF)
if(ROOST_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "ROOST_FUZZ needs clang, whose libFuzzer it uses")
    endif()
    set(ROOST_SANITIZE "fuzzer-no-link,address,undefined")
endif()

# AddressSanitizer and ThreadSanitizer bring a malloc of their own, which a library that replaces malloc would
# take from under them. There, only the roost_ API is built and tested.
set(_replace ON)
if(ROOST_SANITIZE MATCHES "address|thread")
    set(_replace OFF)
endif()
option(ROOST_REPLACE_MALLOC "Build the libraries that replace malloc" ${_replace})
if(ROOST_REPLACE_MALLOC AND NOT _replace)
    message(FATAL_ERROR "ROOST_REPLACE_MALLOC cannot be had together with ROOST_SANITIZE=${ROOST_SANITIZE}")
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

add_library(roost_flags INTERFACE)
if(NOT WIN32) # there roost itself asks the system, and the tests say what they need
    target_link_libraries(roost_flags INTERFACE Threads::Threads)
endif()
target_compile_options(roost_flags INTERFACE
    -Wall -Wextra -Wshadow -Wundef -Wpointer-arith -Wformat=2 -Wwrite-strings
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    $<$<BOOL:${ROOST_WERROR}>:-Werror>
    $<$<CONFIG:Release>:-g>)
# Written with nothing behind the =, so that a source may say `#define _GNU_SOURCE` as well.
target_compile_definitions(roost_flags INTERFACE
    $<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE=> $<$<BOOL:${ROOST_CHECKED}>:RST_CHECKED=1>)
if(ROOST_SANITIZE)
    set(_sanitize -fsanitize=${ROOST_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_compile_options(roost_flags INTERFACE ${_sanitize})
    target_link_options(roost_flags INTERFACE ${_sanitize})
endif()
if(ROOST_COVERAGE)
    # Counters are shared by threads and written out by forked children: atomic, or the figures lie.
    target_compile_options(roost_flags INTERFACE --coverage -fprofile-update=atomic)
    target_link_options(roost_flags INTERFACE --coverage)
endif()

add_library(roost_inner INTERFACE)
target_link_libraries(roost_inner INTERFACE roost_flags)
target_include_directories(roost_inner INTERFACE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
# Of a name that assembler mentions, and of weak references to the C++ runtime, link-time optimisation does not know. It gains nothing here
# (docs/decisions/0011): where distributions ask it of all, this library is without it.
target_compile_options(roost_inner INTERFACE -fno-lto)
if(WIN32)
    # What a file declares lies in the same library, near: found without a detour by a pointer.
    target_compile_options(roost_inner INTERFACE -mcmodel=small)
else()
    target_compile_options(roost_inner INTERFACE
        -fvisibility=hidden -ftls-model=${ROOST_TLS_MODEL} -fno-semantic-interposition)
endif()

# Without these the compiler turns our calloc (malloc, then memset) into a call to calloc, that is, to itself, and
# drops a malloc whose block is only freed.
set(ROOST_NO_BUILTIN_MALLOC "")
foreach(_name IN ITEMS malloc calloc realloc free aligned_alloc memalign posix_memalign)
    list(APPEND ROOST_NO_BUILTIN_MALLOC -fno-builtin-${_name})
endforeach()

add_library(roost_test_flags INTERFACE)
target_link_libraries(roost_test_flags INTERFACE roost_flags Threads::Threads)
target_include_directories(roost_test_flags INTERFACE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/tests"
    ${ROOST_TEST_INCLUDE_BEFORE}) # by a toolchain: what its libc's headers lack
# A test's assert() is meant, also in a release build. And tests ask for sizes and hand back pointers that a compiler
# would rightly warn of.
target_compile_options(roost_test_flags INTERFACE -UNDEBUG ${ROOST_NO_BUILTIN_MALLOC}
    $<$<C_COMPILER_ID:GNU>:-Wno-alloc-size-larger-than;-Wno-free-nonheap-object;-Wno-use-after-free>)
