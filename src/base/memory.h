// Memory that a process took to start and does not need to run.
#pragma once

namespace telegen {

// Gives back the pages of program text (of this binary and its libraries) that are mapped now, and what the allocator
// holds free. Text is never modified, so what is needed again is found in the page cache at the next call. For a
// process that is about to wait: start-up runs code, of libraries above all, that is never run again.
void release_startup_memory();

}  // namespace telegen
