# The floors (one OBJECT library each, from its directory) and the products made of them:
#   roost_shared, roost_static   libroost.so and .a: replace malloc
#   api, api_static              libroost_api.so and .a: the roost_ names alone
#   roost_command                the command `roost`
# ROOST_FLOORS lists the floors' targets from the lowest up, for the structure tests.
# SPDX-License-Identifier: MIT
include_guard()

# Files outside the floor's own build: another system's, those that only a malloc-replacing product has, and what libroost.so alone has.
if(WIN32)
    set(_other_system "/os_(unix|linux)[a-z_]*\\.c$")
    list(APPEND _other_system "/(override(_libc)?\\.c|cxx_new\\.cc)$" "/(dlopen|aside)\\.c$")
    set(_replacing "/override_windows\\.c$")
    set(_shared_only "/redirect_process\\.c$")
else()
    set(_other_system "/(os_windows|redirect|override_windows)[a-z_]*\\.c$")
    set(_replacing "/(override(_libc)?\\.c|cxx_new\\.cc)$")
    set(_shared_only "/(dlopen|aside)\\.c$")
endif()
string(REPLACE ";" "|" _other_system "${_other_system}")

function(roost_floor target directory)
    file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${directory}/*.c")
    list(FILTER sources EXCLUDE REGEX "${_other_system}")
    list(FILTER sources EXCLUDE REGEX "${_replacing}")
    list(FILTER sources EXCLUDE REGEX "${_shared_only}")
    if(NOT sources)
        message(STATUS "roost: ${directory} has no sources")
        return()
    endif()
    add_library(${target} OBJECT ${sources})
    target_link_libraries(${target} PRIVATE roost_inner)
    target_compile_options(${target} PRIVATE -Wmissing-prototypes)
    set(ROOST_FLOORS ${ROOST_FLOORS} ${target} PARENT_SCOPE)
    set(ROOST_SOURCES ${ROOST_SOURCES} ${sources} PARENT_SCOPE)
endfunction()

set(ROOST_FLOORS "")
set(ROOST_SOURCES "")
roost_floor(roost_os src/os)
roost_floor(roost_core src/core)
roost_floor(roost_threadcache src/threadcache)
roost_floor(roost_stats src/stats)
roost_floor(roost_face src)

set(ROOST_OBJECTS "")
foreach(_floor IN LISTS ROOST_FLOORS)
    list(APPEND ROOST_OBJECTS $<TARGET_OBJECTS:${_floor}>)
endforeach()

file(GLOB _replacing_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.c" "${PROJECT_SOURCE_DIR}/src/*.cc")
list(FILTER _replacing_sources EXCLUDE REGEX "${_other_system}")
list(FILTER _replacing_sources INCLUDE REGEX "${_replacing}")
if(ROOST_REPLACE_MALLOC AND _replacing_sources)
    add_library(roost_override OBJECT ${_replacing_sources})
    target_link_libraries(roost_override PRIVATE roost_inner)
    target_compile_options(roost_override PRIVATE ${ROOST_NO_BUILTIN_MALLOC})
    if(WIN32)
        # Programs linked with the archive may have been told that these names come from another module.
        add_library(roost_override_imported OBJECT ${_replacing_sources})
        target_link_libraries(roost_override_imported PRIVATE roost_inner)
        target_compile_options(roost_override_imported PRIVATE ${ROOST_NO_BUILTIN_MALLOC})
        target_compile_definitions(roost_override_imported PRIVATE ROOST_IMPORT_POINTERS=1)
    endif()
    # A program may replace operator new alone: our other forms must reach it by its name, in one jump. No C++ runtime is needed.
    set_source_files_properties("${PROJECT_SOURCE_DIR}/src/cxx_new.cc" PROPERTIES
        COMPILE_OPTIONS "-fsemantic-interposition;-fno-plt;-fexceptions;-faligned-new")
    # What operator new throws may pass through it, where the compiler does not turn its last call into a jump.
    set_source_files_properties("${PROJECT_SOURCE_DIR}/src/override.c" PROPERTIES COMPILE_OPTIONS "-fexceptions")
endif()

# roost_library(target name type objects...): one product.
function(roost_library target name type)
    add_library(${target} ${type} ${ARGN})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} LINKER_LANGUAGE C
        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
        ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}" LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
    target_include_directories(${target} PUBLIC
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
    target_link_libraries(${target} PRIVATE "$<BUILD_INTERFACE:roost_flags>")
    if(WIN32)
        target_link_libraries(${target} PRIVATE synchronization)
        if(type STREQUAL SHARED)
            set_target_properties(${target} PROPERTIES PREFIX "" RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
            target_link_options(${target} PRIVATE -static-libgcc)
        endif()
    elseif(type STREQUAL SHARED)
        # Bound at load: a lazy binding inside malloc would enter the dynamic linker from places where it must not.
        target_link_options(${target} PRIVATE LINKER:-z,now LINKER:-z,relro)
        if(NOT ROOST_SANITIZE)
            target_link_options(${target} PRIVATE LINKER:-z,defs)
        endif()
    else()
        target_link_libraries(${target} INTERFACE Threads::Threads)
    endif()
endfunction()

set(ROOST_PRODUCTS "")
if(ROOST_OBJECTS)
    roost_library(api roost_api SHARED ${ROOST_OBJECTS})
    roost_library(api_static roost_api STATIC ${ROOST_OBJECTS})
    list(APPEND ROOST_PRODUCTS api api_static)
endif()
if(TARGET roost_override AND WIN32)
    add_library(roost_shared_only OBJECT "${PROJECT_SOURCE_DIR}/src/redirect_process.c")
    target_link_libraries(roost_shared_only PRIVATE roost_inner)
    file(STRINGS "${PROJECT_SOURCE_DIR}/src/override_windows.c" _names REGEX "^NAME\\(")
    set(_exports "EXPORTS\n")
    foreach(_name IN LISTS _names)
        string(REGEX REPLACE "^NAME\\(([a-z_]+),.*" "\\1" _name "${_name}")
        string(APPEND _exports "    ${_name} = rst_named_${_name}\n")
    endforeach()
    file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/roost.def" CONTENT "${_exports}")
    roost_library(roost_shared roost SHARED ${ROOST_OBJECTS} $<TARGET_OBJECTS:roost_override> $<TARGET_OBJECTS:roost_shared_only>
        "${PROJECT_BINARY_DIR}/roost.def")
    roost_library(roost_static roost STATIC ${ROOST_OBJECTS} $<TARGET_OBJECTS:roost_override_imported>)
    set_target_properties(roost_shared PROPERTIES EXPORT_NAME roost)
    list(APPEND ROOST_PRODUCTS roost_shared roost_static)
elseif(TARGET roost_override)
    add_library(roost_shared_only OBJECT "${PROJECT_SOURCE_DIR}/src/dlopen.c" "${PROJECT_SOURCE_DIR}/src/aside.c")
    target_link_libraries(roost_shared_only PRIVATE roost_inner)
    roost_library(roost_shared roost SHARED ${ROOST_OBJECTS} $<TARGET_OBJECTS:roost_override>
        $<TARGET_OBJECTS:roost_shared_only>)
    roost_library(roost_static roost STATIC ${ROOST_OBJECTS} $<TARGET_OBJECTS:roost_override>)
    set_target_properties(roost_shared PROPERTIES EXPORT_NAME roost)
    # A program that never names malloc still runs on it in libc. Linkers that drop a library of which nothing is
    # named (--as-needed, the default of some distributions) must take ours all the same.
    target_link_options(roost_static INTERFACE LINKER:-u,malloc)
    set(_kept LINKER:--push-state,--no-as-needed)
    target_link_options(roost_shared INTERFACE
        "$<BUILD_INTERFACE:${_kept},$<TARGET_FILE:roost_shared>,--pop-state>"
        "$<INSTALL_INTERFACE:${_kept},$<TARGET_FILE:roost::roost>,--pop-state>")
    list(APPEND ROOST_PRODUCTS roost_shared roost_static)
endif()
if(TARGET roost_shared)
    add_library(roost::roost ALIAS roost_shared)
    add_library(roost::roost_static ALIAS roost_static)
endif()
if(TARGET api)
    add_library(roost::api ALIAS api)
    add_library(roost::api_static ALIAS api_static)
endif()

file(GLOB _tool_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tools/*.c")
if(_tool_sources AND NOT WIN32) # it reads other processes, as Linux shows them
    include(RoostPage)
    roost_page(_page)
    add_executable(roost_command ${_tool_sources} "${_page}")
    set_target_properties(roost_command PROPERTIES OUTPUT_NAME roost RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
    target_link_libraries(roost_command PRIVATE roost_flags)
    target_include_directories(roost_command PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/tools")
    target_link_libraries(roost_command PRIVATE m)
    set(CURSES_NEED_WIDE TRUE)
    find_package(Curses QUIET)
    if(Curses_FOUND)
        target_include_directories(roost_command PRIVATE ${CURSES_INCLUDE_DIRS})
        target_compile_definitions(roost_command PRIVATE ROOST_HAVE_CURSES=1)
        target_link_libraries(roost_command PRIVATE ${CURSES_LIBRARIES})
    else()
        message(STATUS "roost: curses is missing (Debian: libncurses-dev), 'roost top' knows only --batch")
    endif()
    target_compile_definitions(roost_command PRIVATE
        "ROOST_INSTALL_LIBDIR=\"${CMAKE_INSTALL_FULL_LIBDIR}\"" "ROOST_MULTIARCH=\"${CMAKE_LIBRARY_ARCHITECTURE}\"")
endif()
