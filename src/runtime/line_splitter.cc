#include "line_splitter.h"

namespace pgrightsizer::runtime {
namespace {

constexpr std::size_t kKeptCapacity = 64u << 10;

}  // namespace

bool LineSplitter::feed(std::string_view piece) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    const std::string_view head = piece.substr(0, end);
    if (begun_.size() + head.size() > max_line_bytes_) return false;
    if (end == std::string_view::npos) {
      begun_ += head;
      return true;
    }
    if (begun_.empty()) {
      if (!head.empty()) on_line_(head);
    } else {
      begun_ += head;
      on_line_(begun_);
      begun_.clear();
      if (begun_.capacity() > kKeptCapacity) begun_.shrink_to_fit();
    }
    piece.remove_prefix(end + 1);
  }
  return true;
}

}  // namespace pgrightsizer::runtime
