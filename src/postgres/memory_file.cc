#include "memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace pgrightsizer::postgres {

Result<MemoryFile> MemoryFile::create(const std::string& content) {
  MemoryFile file(memfd_create("pgrightsizer", MFD_CLOEXEC));
  std::size_t done = 0;
  while (file.descriptor_ >= 0 && done < content.size()) {
    const ssize_t n = ::write(file.descriptor_, content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    done += static_cast<std::size_t>(n);
  }
  if (file.descriptor_ < 0 || done < content.size())
    return fail(ErrorKind::Internal,
                "a file in memory cannot be made: " + std::generic_category().message(errno));
  return file;
}

MemoryFile::MemoryFile(MemoryFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

MemoryFile::~MemoryFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string MemoryFile::path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

}  // namespace pgrightsizer::postgres
