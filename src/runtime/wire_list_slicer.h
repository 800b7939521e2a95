// Cuts a List response in protobuf into its items while it comes in: what list_slicer.h does for
// JSON, with the same promises.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "list_slicer.h"

namespace pgrightsizer::runtime {

// The response is the magic and then runtime.Unknown, whose field 2 is the list; of the list, field
// 1 is its metadata and each field 2 an item. Not thread-safe.
class WireListSlicer {
 public:
  using OnItem = std::function<void(std::string_view item)>;

  explicit WireListSlicer(OnItem on_item, std::size_t max_object_bytes = kMaxObjectBytes)
      : on_item_(std::move(on_item)), max_object_bytes_(max_object_bytes) {}

  [[nodiscard]] bool feed(std::string_view piece);
  [[nodiscard]] bool finished() const;
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] const std::string& resource_version() const { return resource_version_; }
  [[nodiscard]] const std::string& continue_token() const { return continue_token_; }

 private:
  enum class State { Magic, Key, Length, Number, Skip, Capture };

  void step(std::string_view& piece);
  void magic(std::string_view& piece);
  // One more byte of a varint; true when it is complete in varint_.
  [[nodiscard]] bool varint(std::string_view& piece);
  void key_read();
  void length_read();
  void skip(std::string_view& piece);
  void capture(std::string_view& piece);
  void captured(std::string_view bytes);
  void consume(std::string_view& piece, std::size_t count);
  void wrong(const char* what);

  OnItem on_item_;
  std::size_t max_object_bytes_;
  std::string error_;

  State state_ = State::Magic;
  std::size_t magic_seen_ = 0;
  std::uint64_t varint_ = 0;
  unsigned varint_shift_ = 0;
  std::uint64_t field_ = 0;
  std::uint64_t left_ = 0;  // of what is skipped or captured
  bool list_seen_ = false;
  bool inside_ = false;          // the list
  std::uint64_t list_left_ = 0;  // of the list
  std::string buffer_;           // of the captured object, from earlier pieces

  std::string resource_version_;
  std::string continue_token_;
};

}  // namespace pgrightsizer::runtime
