# Sets ROOST_VERSION_FROM_HEADER: include/roost/roost.h is the one place that states the version.
# SPDX-License-Identifier: MIT
set(_roost_header "${CMAKE_CURRENT_SOURCE_DIR}/include/roost/roost.h")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${_roost_header}")
file(STRINGS "${_roost_header}" _roost_lines REGEX "^#define ROOST_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
set(_roost_numbers "")
foreach(_part IN ITEMS MAJOR MINOR PATCH)
    if(NOT "${_roost_lines}" MATCHES "ROOST_VERSION_${_part} ([0-9]+)")
        message(FATAL_ERROR "include/roost/roost.h does not define ROOST_VERSION_${_part}")
    endif()
    list(APPEND _roost_numbers "${CMAKE_MATCH_1}")
endforeach()
list(JOIN _roost_numbers "." ROOST_VERSION_FROM_HEADER)
