// Cuts a watch in protobuf, one frame behind its length of four bytes, into its frames while it
// comes in.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace pgrightsizer::runtime {

// Not thread-safe.
class FrameSplitter {
 public:
  using OnFrame = std::function<void(std::string_view frame)>;

  FrameSplitter(OnFrame on_frame, std::size_t max_frame_bytes)
      : on_frame_(std::move(on_frame)), max_frame_bytes_(max_frame_bytes) {}

  // Empty frames are skipped. False: a frame is longer than the bound.
  [[nodiscard]] bool feed(std::string_view piece);

 private:
  [[nodiscard]] std::size_t length_of(std::string_view head) const;

  OnFrame on_frame_;
  std::size_t max_frame_bytes_;
  std::string begun_;  // the frame, with its length, whose end has not come yet
};

}  // namespace pgrightsizer::runtime
