# Toolchain file: roost for riscv64, its tests run by qemu-user. Debian: gcc- and g++-riscv64-linux-gnu, libck-dev, qemu-user.
#
#   cmake --preset riscv64
#
# The tests use cmocka where pkg-config finds it for riscv64, in a directory that the environment variable ROOST_CROSS_ROOT names; else
# tests/support/cmocka/. QEMU_CPU, QEMU_RESERVED_VA and the like are qemu's own. SPDX-License-Identifier: MIT
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR riscv64)
set(CMAKE_C_COMPILER riscv64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER riscv64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-riscv64 -E ROOST_ARENA_SIZE=256m -L /usr/riscv64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH /usr/riscv64-linux-gnu $ENV{ROOST_CROSS_ROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

# pkg-config must not find what is for this machine.
set(ENV{PKG_CONFIG_LIBDIR} "$ENV{ROOST_CROSS_ROOT}/usr/lib/riscv64-linux-gnu/pkgconfig")
if(DEFINED ENV{ROOST_CROSS_ROOT})
    set(ENV{PKG_CONFIG_SYSROOT_DIR} "$ENV{ROOST_CROSS_ROOT}")
    set(CMAKE_EXE_LINKER_FLAGS_INIT
        "-Wl,-rpath,$ENV{ROOST_CROSS_ROOT}/usr/lib/riscv64-linux-gnu -Wl,-rpath-link,$ENV{ROOST_CROSS_ROOT}/usr/lib/riscv64-linux-gnu")
endif()
