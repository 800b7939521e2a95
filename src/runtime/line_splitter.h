// Cuts a watch, one JSON text per line, into its lines while it comes in.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace pgrightsizer::runtime {

// Not thread-safe.
class LineSplitter {
 public:
  using OnLine = std::function<void(std::string_view line)>;

  LineSplitter(OnLine on_line, std::size_t max_line_bytes)
      : on_line_(std::move(on_line)), max_line_bytes_(max_line_bytes) {}

  // Empty lines are skipped. False: a line is longer than the bound.
  [[nodiscard]] bool feed(std::string_view piece);

 private:
  OnLine on_line_;
  std::size_t max_line_bytes_;
  std::string begun_;  // the line whose end has not come yet
};

}  // namespace pgrightsizer::runtime
