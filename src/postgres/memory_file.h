// A file that exists only in memory: for libraries that take nothing but a path.
#pragma once

#include <string>

#include "pgrightsizer/base/result.h"

namespace pgrightsizer::postgres {

class MemoryFile {
 public:
  [[nodiscard]] static Result<MemoryFile> create(const std::string& content);
  MemoryFile(MemoryFile&& other) noexcept;
  MemoryFile& operator=(MemoryFile&&) = delete;
  ~MemoryFile();

  // Valid while this object lives, in this process.
  [[nodiscard]] std::string path() const;

 private:
  explicit MemoryFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace pgrightsizer::postgres
