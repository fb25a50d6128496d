// Memory that a process took and does not need any more.
#pragma once

namespace telegen {

// Gives back the pages of program text (of this binary and its libraries) that are mapped now, and what the allocator
// holds free. Text is never modified, so what is needed again is found in the page cache at the next call. For a
// process that is about to wait: start-up runs code, of libraries above all, that is never run again.
void release_startup_memory();

// Gives back what the allocator holds free. By itself it keeps the pages of whatever a burst needed: between two blocks
// that are in use, and in the arena of each thread. Takes milliseconds, in which threads that allocate may wait.
void release_free_memory();

}  // namespace telegen
