# telegen_bpf_object(FAMILY) compiles bpf/FAMILY.bpf.c and generates its libbpf skeleton: <FAMILY.skel.h>, by linking
# telegen_bpf. The kernel types come from the build machine's own BTF where it has one that is of the right architecture,
# else from the header in the tree; CO-RE relocates either to the kernel that runs the program.
find_program(CLANG_BPF NAMES clang-19 clang REQUIRED)
find_program(LLVM_STRIP NAMES llvm-strip-19 llvm-strip REQUIRED)
find_program(BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64")
  set(TELEGEN_BPF_ARCH x86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(TELEGEN_BPF_ARCH arm64)
else()
  message(FATAL_ERROR "Telegen has no syscall register table for ${CMAKE_SYSTEM_PROCESSOR}; see bpf/lib/extract.bpf.h")
endif()

set(BPF_GENERATED ${CMAKE_BINARY_DIR}/bpf)
file(MAKE_DIRECTORY ${BPF_GENERATED})
add_library(telegen_bpf INTERFACE)
target_include_directories(telegen_bpf INTERFACE ${BPF_GENERATED})
target_link_libraries(telegen_bpf INTERFACE PkgConfig::libbpf)

file(GLOB BPF_HEADERS CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bpf/lib/*.h ${PROJECT_SOURCE_DIR}/bpf/abi/*.h)

function(telegen_bpf_object family)
  set(source ${PROJECT_SOURCE_DIR}/bpf/${family}.bpf.c)
  set(object ${BPF_GENERATED}/${family}.bpf.o)
  set(skeleton ${BPF_GENERATED}/${family}.skel.h)
  add_custom_command(OUTPUT ${object}
    COMMAND ${CLANG_BPF} -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-function -Wno-unused-parameter
            -D__TARGET_ARCH_${TELEGEN_BPF_ARCH} -I${BPF_GENERATED} -I${PROJECT_SOURCE_DIR}/bpf -c ${source} -o ${object}
    COMMAND ${LLVM_STRIP} -g ${object}
    DEPENDS ${source} ${BPF_HEADERS} ${BPF_GENERATED}/vmlinux.h
    COMMENT "BPF object ${family}" VERBATIM)
  add_custom_command(OUTPUT ${skeleton}
    COMMAND ${CMAKE_COMMAND} -E echo "// NOLINTBEGIN: written by bpftool" > ${skeleton}
    COMMAND ${BPFTOOL} gen skeleton ${object} name ${family}_bpf >> ${skeleton}
    COMMAND ${CMAKE_COMMAND} -E echo "// NOLINTEND" >> ${skeleton}
    DEPENDS ${object}
    COMMENT "BPF skeleton ${family}" VERBATIM)
  add_custom_target(telegen_bpf_${family} DEPENDS ${skeleton})
  add_dependencies(telegen_bpf telegen_bpf_${family})
endfunction()

# Makes vmlinux.h; called once, by the folder that compiles the objects.
macro(telegen_kernel_types)
  if(EXISTS /sys/kernel/btf/vmlinux AND NOT TELEGEN_VMLINUX_FALLBACK AND NOT CMAKE_CROSSCOMPILING)
    add_custom_command(OUTPUT ${BPF_GENERATED}/vmlinux.h
      COMMAND ${BPFTOOL} btf dump file /sys/kernel/btf/vmlinux format c > ${BPF_GENERATED}/vmlinux.h
      COMMENT "Kernel types from this machine's BTF" VERBATIM)
  else()
    add_custom_command(OUTPUT ${BPF_GENERATED}/vmlinux.h
      COMMAND ${CMAKE_COMMAND} -E copy ${PROJECT_SOURCE_DIR}/bpf/lib/vmlinux_fallback.h ${BPF_GENERATED}/vmlinux.h
      DEPENDS ${PROJECT_SOURCE_DIR}/bpf/lib/vmlinux_fallback.h
      COMMENT "Kernel types from the tree")
  endif()
endmacro()
