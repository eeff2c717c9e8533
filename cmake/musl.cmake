# Toolchain file: roost for musl, on this machine's processor. Debian: musl-tools.
#
#   cmake --preset musl
#
# Nothing that was built for glibc may be found. There is no C++ library for musl in Debian: g++ compiles cxx_new.cc, which needs none, and
# what would be linked in C++ is left out. SPDX-License-Identifier: MIT
set(CMAKE_C_COMPILER musl-gcc)
set(CMAKE_CXX_COMPILER g++)
set(CMAKE_CXX_COMPILER_WORKS TRUE)
set(ROOST_CXX_PROGRAMS OFF)
set(ROOST_TEST_INCLUDE_BEFORE "${CMAKE_CURRENT_LIST_DIR}/../tests/support/musl")
set(CMAKE_FIND_ROOT_PATH /usr/lib/x86_64-linux-musl)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/x86_64-linux-musl/pkgconfig)

# What is neither glibc's nor musl's: the kernel's headers, and ConcurrencyKit's.
set(_shared_headers "${CMAKE_BINARY_DIR}/musl-include")
file(GLOB _headers /usr/include/linux /usr/include/asm-generic /usr/include/x86_64-linux-gnu/asm /usr/include/gcc /usr/include/ck_*.h)
file(MAKE_DIRECTORY "${_shared_headers}")
foreach(_header IN LISTS _headers)
    get_filename_component(_name "${_header}" NAME)
    file(CREATE_LINK "${_header}" "${_shared_headers}/${_name}" SYMBOLIC)
endforeach()
set(CMAKE_C_FLAGS_INIT "-isystem ${_shared_headers}")
set(CMAKE_CXX_FLAGS_INIT "")
