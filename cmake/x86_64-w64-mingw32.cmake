# Toolchain file: roost for Windows, by mingw-w64; its tests run by wine. Debian: gcc- and g++-mingw-w64-x86-64, libck-dev, wine64.
#
#   cmake --preset windows
#
# Wine's prefix is made in the build directory, or where ROOST_WINEPREFIX in the environment says. SPDX-License-Identifier: MIT
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc)
# For the tests alone: of Debian's two the one whose library has std::thread.
find_program(ROOST_MINGW_CXX NAMES x86_64-w64-mingw32-g++-posix x86_64-w64-mingw32-g++ REQUIRED)
set(CMAKE_CXX_COMPILER "${ROOST_MINGW_CXX}")
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
set(CMAKE_FIND_ROOT_PATH /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} /usr/x86_64-w64-mingw32/lib/pkgconfig)

# ConcurrencyKit's headers, which belong to no system.
set(_shared_headers "${CMAKE_BINARY_DIR}/shared-include")
file(GLOB _headers /usr/include/gcc /usr/include/ck_*.h)
file(MAKE_DIRECTORY "${_shared_headers}")
foreach(_header IN LISTS _headers)
    get_filename_component(_name "${_header}" NAME)
    file(CREATE_LINK "${_header}" "${_shared_headers}/${_name}" SYMBOLIC)
endforeach()
set(CMAKE_C_FLAGS_INIT "-isystem ${_shared_headers}")
set(CMAKE_CXX_FLAGS_INIT "")

set(ROOST_TEST_INCLUDE_BEFORE "${CMAKE_CURRENT_LIST_DIR}/../tests/support/windows")

# Tests are linked with the compiler's libraries, so that they need none of them beside themselves.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")

find_program(ROOST_WINE NAMES wine64 wine HINTS /usr/lib/wine /usr/lib64/wine)
set(CMAKE_CROSSCOMPILING_EMULATOR "${CMAKE_CURRENT_LIST_DIR}/../scripts/lib/wine.sh" "${CMAKE_BINARY_DIR}" "${ROOST_WINE}")
