# telegen_room(NAME [DEPENDS room…] [LIBRARIES imported-target…] SOURCES file…)
#
# One room is one static library. DEPENDS is the closed list of rooms whose headers it may include: CMake links them,
# and tests/architecture/check_rooms.py reads the same declaration and fails on an include that it does not allow.
# LIBRARIES are private to the room: a third-party header never crosses a room's border.
add_library(telegen_options INTERFACE)
target_compile_options(telegen_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers
                                                 -Wno-maybe-uninitialized  # GCC 12 sees ghosts in std::variant
                                                 -Werror=return-type -Werror=unused-result
                                                 -fstack-protector-strong)
target_include_directories(telegen_options INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/bpf)
if(TELEGEN_SANITIZE)
  target_compile_options(telegen_options INTERFACE -fsanitize=${TELEGEN_SANITIZE} -fno-omit-frame-pointer
                                                   -fno-sanitize-recover=all)
  target_link_options(telegen_options INTERFACE -fsanitize=${TELEGEN_SANITIZE})
endif()
if(TELEGEN_FUZZ)
  target_compile_options(telegen_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

function(telegen_room name)
  cmake_parse_arguments(ROOM "" "" "DEPENDS;LIBRARIES;SOURCES" ${ARGN})
  add_library(telegen_${name} STATIC ${ROOM_SOURCES})
  list(TRANSFORM ROOM_DEPENDS PREPEND telegen_)
  target_link_libraries(telegen_${name} PUBLIC telegen_options ${ROOM_DEPENDS} PRIVATE ${ROOM_LIBRARIES})
endfunction()

# Every folder below the caller that has a CMakeLists.txt: a new room or test needs no edit elsewhere.
function(telegen_add_folders)
  file(GLOB lists CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*/CMakeLists.txt)
  foreach(list IN LISTS lists)
    get_filename_component(folder ${list} DIRECTORY)
    add_subdirectory(${folder})
  endforeach()
endfunction()

# The layouts that kernel and user side share (bpf/abi); a room lists `abi` like any other.
add_library(telegen_abi INTERFACE)
