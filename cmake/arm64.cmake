# Cross-compiles for arm64: Debian's compiler, and headers and libraries from the root that scripts/setup-arm64 makes.
# Programs are run, by ctest too, in QEMU's emulator of single programs.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc-12)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++-12)

if("$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(CMAKE_SYSROOT $ENV{HOME}/.cache/telegen/sysroot-arm64)
else()
  set(CMAKE_SYSROOT $ENV{XDG_CACHE_HOME}/telegen/sysroot-arm64)
endif()
if(NOT EXISTS ${CMAKE_SYSROOT}/packages)
  message(FATAL_ERROR "there is no arm64 root at ${CMAKE_SYSROOT}: run scripts/setup-arm64")
endif()

# Tools are the host's; what is compiled against and linked is not.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig)

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L ${CMAKE_SYSROOT})
