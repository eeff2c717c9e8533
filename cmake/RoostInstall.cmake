# Installation: headers, libraries, the command, the CMake package and the pkg-config files.
# SPDX-License-Identifier: MIT
include_guard()
include(CMakePackageConfigHelpers)

set(_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/roost")
set(_pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/roost" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    FILES_MATCHING PATTERN "*.h")
install(FILES "${PROJECT_SOURCE_DIR}/docs/roost.7" DESTINATION "${CMAKE_INSTALL_MANDIR}/man7")
if(TARGET roost_command)
    install(TARGETS roost_command RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()

if(ROOST_PRODUCTS)
    install(TARGETS ${ROOST_PRODUCTS} EXPORT roostTargets
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}") # Windows' DLLs, beside the command that loads one
    install(EXPORT roostTargets NAMESPACE roost:: DESTINATION "${_package_dir}")
    configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/roostConfig.cmake.in"
        "${PROJECT_BINARY_DIR}/roostConfig.cmake" INSTALL_DESTINATION "${_package_dir}")
    # Until 1.0 a minor version may break its callers.
    write_basic_package_version_file("${PROJECT_BINARY_DIR}/roostConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
    install(FILES "${PROJECT_BINARY_DIR}/roostConfig.cmake" "${PROJECT_BINARY_DIR}/roostConfigVersion.cmake"
        DESTINATION "${_package_dir}")
endif()

# The prefix is stated relative to the .pc file, so that an installed tree may be moved.
file(RELATIVE_PATH _to_prefix "/p/${_pkgconfig_dir}" "/p")
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(ROOST_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
else()
    set(ROOST_PC_PREFIX "\${pcfiledir}/${_to_prefix}")
endif()
foreach(_dir IN ITEMS LIBDIR INCLUDEDIR)
    if(IS_ABSOLUTE "${CMAKE_INSTALL_${_dir}}")
        set(ROOST_PC_${_dir} "${CMAKE_INSTALL_${_dir}}")
    else()
        set(ROOST_PC_${_dir} "\${prefix}/${CMAKE_INSTALL_${_dir}}")
    endif()
endforeach()

function(roost_pkgconfig name description libs)
    set(ROOST_PC_NAME "${name}")
    set(ROOST_PC_DESCRIPTION "${description}")
    set(ROOST_PC_LIBS "${libs}")
    configure_file("${PROJECT_SOURCE_DIR}/cmake/roost.pc.in" "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION "${_pkgconfig_dir}")
endfunction()

if(TARGET roost_shared)
    # Kept although a program names nothing of it: its libraries' malloc is meant, too.
    roost_pkgconfig(roost "A memory allocator for servers; replaces malloc"
        "-Wl,--push-state,--no-as-needed,-u,malloc -lroost -Wl,--pop-state")
endif()
if(TARGET api)
    roost_pkgconfig(roost_api "A memory allocator for servers; the roost_ functions alone" "-lroost_api")
endif()
