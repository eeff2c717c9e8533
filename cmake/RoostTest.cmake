# roost_test(name SOURCES file... [KIND api|api_shared|malloc|malloc_static|fake|plain] [LIBS lib...] [TIMEOUT seconds]
#            [LABELS label...] [ARGS argument...] [DEFINES definition...] [PROCESSORS n] [CMOCKA])
#   Adds a test program and its ctest.
#     api            libroost_api.a: the roost_ names, and the hidden rst_ functions (the default)
#     api_shared     libroost_api.so
#     malloc         libroost.so: malloc is roost's, in the whole program
#     malloc_static  libroost.a, whole
#     fake           the floors above the OS on tests/os_fake.c
#     plain          no allocator
#   A kind that this build does not have (malloc under AddressSanitizer) adds nothing. CMOCKA links cmocka.
#
# roost_script_test(name SCRIPT file [INTERPRETER program] [ARGS argument...] [TIMEOUT seconds] [LABELS label...])
#   Adds a script as a ctest: exit code 77 means skipped. In its environment: ROOST_LIB and ROOST_CMD (libroost.so and
#   the command, as built), ROOST_SOURCE_DIR, ROOST_BUILD_DIR, and CC and CXX.
# SPDX-License-Identifier: MIT
include_guard()

find_package(PkgConfig)
if(PkgConfig_FOUND)
    pkg_check_modules(CMOCKA IMPORTED_TARGET cmocka)
endif()
option(ROOST_TEST_SCRIPTS "Add the tests that are scripts, beside those that are programs: they want this machine's C library and processor" ON)
find_program(ROOST_SHELL NAMES bash REQUIRED)
if(NOT TARGET PkgConfig::CMOCKA)
    message(STATUS "roost: cmocka is missing (Debian: libcmocka-dev), tests/support/cmocka stands in for it")
    add_library(roost_cmocka INTERFACE)
    target_include_directories(roost_cmocka SYSTEM INTERFACE "${PROJECT_SOURCE_DIR}/tests/support/cmocka")
    add_library(PkgConfig::CMOCKA ALIAS roost_cmocka)
endif()
find_package(Python3 COMPONENTS Interpreter)

set(_san_env "")
if(ROOST_SANITIZE)
    # LeakSanitizer does not look into roost's memory for pointers, so what it reports there is wrong.
    list(APPEND _san_env "ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:strict_string_checks=1"
        "UBSAN_OPTIONS=print_stacktrace=1" "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1")
endif()

# What tests ask of other systems, where Windows has it under other names.
if(WIN32)
    add_library(roost_posix STATIC "${PROJECT_SOURCE_DIR}/tests/support/windows/posix.c")
    target_link_libraries(roost_posix PRIVATE roost_test_flags)
    set(ROOST_TEST_LIBS roost_posix)
endif()

# The floors above the OS, on the fake one.
file(GLOB _fake CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/os_fake*.c")
if(_fake AND ROOST_SOURCES)
    set(_fake_sources ${ROOST_SOURCES} ${_fake})
    list(FILTER _fake_sources EXCLUDE REGEX "/src/(os/os_(unix|linux|windows)|redirect)[a-z_]*\\.c$")
    add_library(roost_fake STATIC ${_fake_sources})
    target_link_libraries(roost_fake PRIVATE roost_inner)
    target_include_directories(roost_fake PRIVATE "${PROJECT_SOURCE_DIR}/tests" ${ROOST_TEST_INCLUDE_BEFORE})
endif()

function(roost_test name)
    cmake_parse_arguments(PARSE_ARGV 1 T "CMOCKA" "KIND;TIMEOUT;PROCESSORS" "SOURCES;LIBS;LABELS;ARGS;DEFINES")
    if(T_UNPARSED_ARGUMENTS OR NOT T_SOURCES)
        message(FATAL_ERROR "roost_test(${name}): no SOURCES, or not understood: ${T_UNPARSED_ARGUMENTS}")
    endif()
    if(NOT T_KIND)
        set(T_KIND api)
    endif()
    set(lib_api api_static)
    set(lib_api_shared api)
    set(lib_malloc roost_shared)
    set(lib_malloc_static roost_static)
    set(lib_fake roost_fake)
    if(NOT T_KIND STREQUAL "plain")
        if(NOT DEFINED lib_${T_KIND})
            message(FATAL_ERROR "roost_test(${name}): no such KIND: ${T_KIND}")
        endif()
        if(NOT TARGET ${lib_${T_KIND}})
            return()
        endif()
    endif()

    string(REPLACE "." "_" target "test_${name}")
    add_executable(${target} ${T_SOURCES})
    target_compile_definitions(${target} PRIVATE ${T_DEFINES})
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/tests/support")
    target_link_libraries(${target} PRIVATE roost_test_flags ${T_LIBS})
    if(T_CMOCKA)
        target_link_libraries(${target} PRIVATE PkgConfig::CMOCKA)
    endif()
    if(T_KIND STREQUAL "malloc_static")
        # Whole: what a test refers to weakly would else stay out.
        target_link_libraries(${target} PRIVATE "$<LINK_LIBRARY:WHOLE_ARCHIVE,roost_static>")
    elseif(NOT T_KIND STREQUAL "plain")
        target_link_libraries(${target} PRIVATE ${lib_${T_KIND}})
    endif()
    target_link_libraries(${target} PRIVATE ${ROOST_TEST_LIBS})

    if(DEFINED ROOST_CXX_PROGRAMS AND NOT ROOST_CXX_PROGRAMS)
        set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C) # roost_static has a part in C++ that needs no runtime
    endif()

    add_test(NAME ${name} COMMAND ${target} ${T_ARGS})
    roost_test_properties(${name} "${T_TIMEOUT}" "${T_PROCESSORS}" "${T_LABELS}")
    set_tests_properties(${name} PROPERTIES ENVIRONMENT "${_san_env}")
endfunction()

function(roost_script_test name)
    cmake_parse_arguments(PARSE_ARGV 1 T "" "SCRIPT;INTERPRETER;TIMEOUT;PROCESSORS" "ARGS;LABELS")
    if(NOT T_INTERPRETER)
        set(T_INTERPRETER "${ROOST_SHELL}")
    endif()
    add_test(NAME ${name} COMMAND "${T_INTERPRETER}" "${T_SCRIPT}" ${T_ARGS})
    roost_test_properties(${name} "${T_TIMEOUT}" "${T_PROCESSORS}" "${T_LABELS}")
    set(environment "ROOST_SOURCE_DIR=${PROJECT_SOURCE_DIR}" "ROOST_BUILD_DIR=${PROJECT_BINARY_DIR}"
        "CC=${CMAKE_C_COMPILER}" "CXX=${CMAKE_CXX_COMPILER}")
    if(TARGET roost_shared)
        list(APPEND environment "ROOST_LIB=$<TARGET_FILE:roost_shared>")
    endif()
    if(TARGET roost_command)
        list(APPEND environment "ROOST_CMD=$<TARGET_FILE:roost_command>")
    endif()
    set_tests_properties(${name} PROPERTIES ENVIRONMENT "${environment};${_san_env}")
endfunction()

function(roost_test_properties name timeout processors labels)
    if(NOT timeout)
        set(timeout 120)
    endif()
    if(NOT processors)
        set(processors 1)
    endif()
    set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout} PROCESSORS ${processors} SKIP_RETURN_CODE 77
        LABELS "${labels}")
endfunction()

# What a test's source asks for by a word in its first ten lines: sets `out` to TRUE when it is there.
function(roost_source_asks out source word)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
    file(STRINGS "${source}" lines LIMIT_COUNT 10)
    string(FIND "${lines}" "${word}" at)
    if(at EQUAL -1)
        set(${out} FALSE PARENT_SCOPE)
    else()
        set(${out} TRUE PARENT_SCOPE)
    endif()
endfunction()
