// What the process keeps resident.
#pragma once

namespace pgrightsizer::cli {

// Called once at start, before there are threads: one heap for all of them, and large blocks go
// back to the kernel as soon as they are free.
void keep_the_heap_small();

// Gives free heap back and unmaps the read-only pages of the program and of its libraries; what is
// in use comes back from the page cache, at the cost of a minor fault. Starting touches several
// times the code that watching needs (OpenSSL's tables, the libraries behind libpq, the command
// line), and none of that is evicted where memory is plentiful. Safe at any time, from any thread.
void release_what_is_not_in_use();

}  // namespace pgrightsizer::cli
