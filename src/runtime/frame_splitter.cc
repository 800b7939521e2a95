#include "frame_splitter.h"

#include <algorithm>

namespace pgrightsizer::runtime {
namespace {

constexpr std::size_t kHead = 4;
constexpr std::size_t kKeptCapacity = 64u << 10;

}  // namespace

std::size_t FrameSplitter::length_of(std::string_view head) const {
  std::size_t length = 0;
  for (std::size_t i = 0; i < kHead; ++i) length = length << 8 | static_cast<unsigned char>(head[i]);
  return length;
}

bool FrameSplitter::feed(std::string_view piece) {
  while (!piece.empty() || !begun_.empty()) {
    // Most frames lie whole in one piece and are not copied.
    const std::string_view seen = begun_.empty() ? piece : std::string_view(begun_);
    const std::size_t length = seen.size() < kHead ? 0 : length_of(seen);
    if (length > max_frame_bytes_) return false;
    const std::size_t wanted = kHead + length;
    if (seen.size() >= wanted) {
      if (length > 0) on_frame_(seen.substr(kHead, length));
      if (begun_.empty()) {
        piece.remove_prefix(wanted);
      } else {
        begun_.clear();
        if (begun_.capacity() > kKeptCapacity) begun_.shrink_to_fit();
      }
      continue;
    }
    if (piece.empty()) return true;
    const std::size_t more = std::min(wanted - begun_.size(), piece.size());
    begun_ += piece.substr(0, more);
    piece.remove_prefix(more);
  }
  return true;
}

}  // namespace pgrightsizer::runtime
