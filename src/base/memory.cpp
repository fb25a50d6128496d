#include "base/memory.h"

#include <malloc.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

namespace telegen {

void release_free_memory() { ::malloc_trim(0); }

void release_startup_memory() {
  release_free_memory();
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0, end = 0;
    char rights[5] = {}, path[2] = {};
    // "begin-end rights offset device inode path"; only private text of files: nothing of it is ever written.
    if (std::sscanf(line.c_str(), "%lx-%lx %4s %*s %*s %*s %1s", &begin, &end, rights, path) != 4) continue;
    if (std::string_view(rights) != "r-xp" || path[0] != '/') continue;
    void* const text = reinterpret_cast<void*>(begin);  // NOLINT(performance-no-int-to-ptr): the kernel writes numbers
    ::madvise(text, end - begin, MADV_DONTNEED);
  }
}

}  // namespace telegen
