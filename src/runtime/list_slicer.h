// Cuts a List response into its items while it comes in, so that no list is ever held as a whole.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace pgrightsizer::runtime {

constexpr std::size_t kMaxObjectBytes = 8u << 20;

// Understands strings and nesting, nothing more: each item is checked by whoever parses it. One
// slicer per response; after a false from feed() it is of no further use. Not thread-safe.
class ListSlicer {
 public:
  // The view is valid during the call.
  using OnItem = std::function<void(std::string_view item)>;

  explicit ListSlicer(OnItem on_item, std::size_t max_object_bytes = kMaxObjectBytes)
      : on_item_(std::move(on_item)), max_object_bytes_(max_object_bytes) {}

  // The next piece, broken anywhere. False: error() says what is wrong.
  [[nodiscard]] bool feed(std::string_view piece);
  // The list has come to its end.
  [[nodiscard]] bool finished() const { return root_seen_ && depth_ == 0; }
  [[nodiscard]] const std::string& error() const { return error_; }

  // Of the list; complete once finished().
  [[nodiscard]] const std::string& resource_version() const { return resource_version_; }
  [[nodiscard]] const std::string& continue_token() const { return continue_token_; }

 private:
  enum class Capture { Nothing, Item, Metadata };

  [[nodiscard]] bool step(std::string_view piece, std::size_t i);
  void in_string(char c);
  void open(char c, std::size_t i);
  [[nodiscard]] bool close(std::string_view piece, std::size_t i);
  [[nodiscard]] bool keep(std::string_view bytes);
  [[nodiscard]] bool captured(std::string_view text);
  [[nodiscard]] bool wrong(const char* what);

  OnItem on_item_;
  std::size_t max_object_bytes_;
  std::string error_;

  int depth_ = 0;
  bool root_seen_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  bool is_value_ = false;  // at depth 1: behind the colon
  bool in_items_ = false;
  std::string key_;  // at depth 1

  Capture capture_ = Capture::Nothing;
  int capture_depth_ = 0;
  std::size_t capture_from_ = 0;  // in the present piece
  std::string buffer_;            // of the captured object, from earlier pieces

  std::string resource_version_;
  std::string continue_token_;
};

}  // namespace pgrightsizer::runtime
