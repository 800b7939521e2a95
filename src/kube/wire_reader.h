// Fields of one protobuf message, one after the other.
#pragma once

#include <cstdint>
#include <string_view>

namespace pgrightsizer::kube::wire {

enum class WireType : std::uint8_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  // The next field; false at the end, or when what follows is no field: then broken() is true.
  [[nodiscard]] bool next();
  [[nodiscard]] bool broken() const { return broken_; }

  [[nodiscard]] std::uint32_t number() const { return number_; }
  [[nodiscard]] WireType type() const { return type_; }
  [[nodiscard]] std::uint64_t varint() const { return varint_; }  // of a Varint
  [[nodiscard]] std::string_view bytes() const { return bytes_; }  // of Bytes

 private:
  [[nodiscard]] bool read_varint(std::uint64_t& value);
  [[nodiscard]] bool take(std::uint64_t count);
  [[nodiscard]] bool read_value(std::uint64_t wire_type);

  std::string_view rest_;
  bool broken_ = false;
  std::uint32_t number_ = 0;
  WireType type_ = WireType::Varint;
  std::uint64_t varint_ = 0;
  std::string_view bytes_;
};

}  // namespace pgrightsizer::kube::wire
