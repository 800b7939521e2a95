#include "wire_reader.h"

namespace pgrightsizer::kube::wire {

bool Reader::next() {
  if (rest_.empty() || broken_) return false;
  std::uint64_t key = 0;
  broken_ = !read_varint(key) || (key >> 3) == 0 || (key >> 3) > 0x1fffffff;
  if (broken_) return false;
  number_ = static_cast<std::uint32_t>(key >> 3);
  broken_ = !read_value(key & 7);
  return !broken_;
}

bool Reader::read_value(std::uint64_t wire_type) {
  type_ = static_cast<WireType>(wire_type);
  switch (type_) {
    case WireType::Varint:
      return read_varint(varint_);
    case WireType::Fixed64:
      return take(8);
    case WireType::Fixed32:
      return take(4);
    case WireType::Bytes: {
      std::uint64_t length = 0;
      return read_varint(length) && take(length);
    }
  }
  return false;  // groups, which Kubernetes never had
}

bool Reader::read_varint(std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) return false;
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool Reader::take(std::uint64_t count) {
  if (count > rest_.size()) return false;
  bytes_ = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return true;
}

}  // namespace pgrightsizer::kube::wire
