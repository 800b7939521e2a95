#include "wire_list_slicer.h"

#include <algorithm>

#include "pgrightsizer/kube/json_text.h"
#include "pgrightsizer/kube/wire.h"

namespace pgrightsizer::runtime {
namespace {

constexpr std::size_t kKeptCapacity = 64u << 10;
constexpr std::uint64_t kMetadata = 1;  // of a list; runtime.Unknown has its type there
constexpr std::uint64_t kItems = 2;     // of a list; runtime.Unknown has the list there

}  // namespace

bool WireListSlicer::finished() const {
  return list_seen_ && state_ == State::Key && varint_shift_ == 0 && list_left_ == 0;
}

bool WireListSlicer::feed(std::string_view piece) {
  while (!piece.empty() && error_.empty()) step(piece);
  return error_.empty();
}

void WireListSlicer::step(std::string_view& piece) {
  switch (state_) {
    case State::Magic:
      return magic(piece);
    case State::Key:
      if (list_left_ == 0) inside_ = false;
      if (varint(piece)) key_read();
      return;
    case State::Length:
      if (varint(piece)) length_read();
      return;
    case State::Number:
      if (varint(piece)) state_ = State::Key;
      return;
    case State::Skip:
      return skip(piece);
    case State::Capture:
      return capture(piece);
  }
}

void WireListSlicer::magic(std::string_view& piece) {
  if (piece.front() != kube::wire::kMagic[magic_seen_]) return wrong("not Kubernetes' protobuf");
  piece.remove_prefix(1);
  if (++magic_seen_ == kube::wire::kMagic.size()) state_ = State::Key;
}

bool WireListSlicer::varint(std::string_view& piece) {
  if (varint_shift_ == 0) varint_ = 0;
  if (varint_shift_ > 63) {
    wrong("a number is too long");
    return false;
  }
  const auto byte = static_cast<unsigned char>(piece.front());
  varint_ |= static_cast<std::uint64_t>(byte & 0x7f) << varint_shift_;
  varint_shift_ = byte < 0x80 ? 0 : varint_shift_ + 7;
  consume(piece, 1);
  return error_.empty() && byte < 0x80;
}

void WireListSlicer::key_read() {
  field_ = varint_ >> 3;
  switch (varint_ & 7) {
    case 0:
      state_ = State::Number;
      return;
    case 2:
      state_ = State::Length;
      return;
    case 1:
    case 5:
      left_ = (varint_ & 7) == 1 ? 8 : 4;
      state_ = State::Skip;
      return;
    default:
      wrong("a field has no known type");
  }
}

void WireListSlicer::length_read() {
  if (inside_ && varint_ > list_left_) return wrong("an object is longer than its list");
  left_ = varint_;
  state_ = left_ > 0 ? State::Skip : State::Key;
  if (!inside_ && field_ == kItems) {
    list_seen_ = true;
    inside_ = true;
    list_left_ = left_;
    state_ = State::Key;
  } else if (inside_ && (field_ == kMetadata || field_ == kItems)) {
    if (left_ > max_object_bytes_) return wrong("an object is too large");
    state_ = State::Capture;
    if (left_ == 0) captured({});
  }
}

void WireListSlicer::skip(std::string_view& piece) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, piece.size()));
  left_ -= count;
  if (left_ == 0) state_ = State::Key;
  consume(piece, count);
}

void WireListSlicer::capture(std::string_view& piece) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, piece.size()));
  const std::string_view head = piece.substr(0, count);
  left_ -= count;
  if (left_ > 0) {
    buffer_ += head;
  } else if (buffer_.empty()) {
    captured(head);
  } else {
    buffer_ += head;
    captured(buffer_);
    buffer_.clear();
    if (buffer_.capacity() > kKeptCapacity) buffer_.shrink_to_fit();
  }
  consume(piece, count);
}

void WireListSlicer::captured(std::string_view bytes) {
  state_ = State::Key;
  if (field_ == kItems) return on_item_(bytes);
  const auto metadata = kube::wire::decode_list_meta(bytes);
  if (!metadata) return wrong("the list's metadata is not readable");
  resource_version_ = kube::text_at(*metadata, {"resourceVersion"});
  continue_token_ = kube::text_at(*metadata, {"continue"});
}

void WireListSlicer::consume(std::string_view& piece, std::size_t count) {
  piece.remove_prefix(count);
  if (!inside_) return;
  if (count > list_left_) return wrong("an object is longer than its list");
  list_left_ -= count;
}

void WireListSlicer::wrong(const char* what) { error_ = what; }

}  // namespace pgrightsizer::runtime
