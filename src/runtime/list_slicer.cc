#include "list_slicer.h"

#include "pgrightsizer/kube/json_text.h"

namespace pgrightsizer::runtime {
namespace {

constexpr std::size_t kKeptCapacity = 64u << 10;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace

bool ListSlicer::feed(std::string_view piece) {
  if (!error_.empty()) return false;
  capture_from_ = 0;
  for (std::size_t i = 0; i < piece.size(); ++i) {
    if (in_string_) {
      in_string(piece[i]);
    } else if (!step(piece, i)) {
      return false;
    }
  }
  return capture_ == Capture::Nothing || keep(piece.substr(capture_from_));
}

void ListSlicer::in_string(char c) {
  const bool is_key = depth_ == 1 && !is_value_;
  if (escaped_) {
    escaped_ = false;
  } else if (c == '\\') {
    escaped_ = true;
  } else if (c == '"') {
    in_string_ = false;
    return;
  }
  if (is_key) key_ += c;
}

bool ListSlicer::step(std::string_view piece, std::size_t i) {
  const char c = piece[i];
  if (depth_ == 0 && !is_space(c) && (root_seen_ || c != '{')) return wrong("not one JSON object");
  switch (c) {
    case '"':
      in_string_ = true;
      if (depth_ == 1 && !is_value_) key_.clear();
      return true;
    case '{':
    case '[':
      open(c, i);
      return true;
    case '}':
    case ']':
      return close(piece, i);
    case ':':
      if (depth_ == 1) is_value_ = true;
      return true;
    case ',':
      if (depth_ == 1) is_value_ = false;
      return true;
    default:
      return true;
  }
}

void ListSlicer::open(char c, std::size_t i) {
  root_seen_ = true;
  ++depth_;
  if (capture_ != Capture::Nothing) return;
  if (depth_ == 2 && c == '[' && key_ == "items") in_items_ = true;
  if (depth_ == 2 && c == '{' && key_ == "metadata") capture_ = Capture::Metadata;
  if (depth_ == 3 && c == '{' && in_items_) capture_ = Capture::Item;
  if (capture_ == Capture::Nothing) return;
  capture_depth_ = depth_;
  capture_from_ = i;
}

bool ListSlicer::close(std::string_view piece, std::size_t i) {
  if (capture_ != Capture::Nothing && depth_ == capture_depth_) {
    const std::string_view here = piece.substr(capture_from_, i + 1 - capture_from_);
    if (buffer_.empty() && here.size() <= max_object_bytes_) {
      if (!captured(here)) return false;
    } else {
      if (!keep(here) || !captured(buffer_)) return false;
      buffer_.clear();
      if (buffer_.capacity() > kKeptCapacity) buffer_.shrink_to_fit();
    }
    capture_ = Capture::Nothing;
  }
  if (depth_ == 2) in_items_ = false;
  --depth_;
  return true;
}

bool ListSlicer::keep(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > max_object_bytes_) return wrong("an object is too large");
  buffer_ += bytes;
  return true;
}

bool ListSlicer::captured(std::string_view text) {
  if (capture_ == Capture::Item) {
    on_item_(text);
    return true;
  }
  const auto metadata = kube::parse_json(text);
  if (!metadata) return wrong("the list's metadata is not JSON");
  resource_version_ = kube::text_at(*metadata, {"resourceVersion"});
  continue_token_ = kube::text_at(*metadata, {"continue"});
  return true;
}

bool ListSlicer::wrong(const char* what) {
  error_ = what;
  return false;
}

}  // namespace pgrightsizer::runtime
