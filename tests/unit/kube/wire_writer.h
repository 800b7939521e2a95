// Protobuf as Kubernetes writes it, for tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pgrightsizer/kube/wire.h"

namespace pgrightsizer::kube::wire {

inline std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
  return out + static_cast<char>(value);
}
inline std::string number(std::uint32_t field, std::int64_t value) {
  return varint(field << 3) + varint(static_cast<std::uint64_t>(value));
}
inline std::string bytes(std::uint32_t field, std::string_view value) {
  return varint(field << 3 | 2) + varint(value.size()) + std::string(value);
}
inline std::string entry(std::uint32_t field, std::string_view key, std::string_view value) {
  return bytes(field, bytes(1, key) + bytes(2, value));
}

// In runtime.Unknown, with the fields around it that every answer has.
inline std::string enveloped(std::string_view kind, std::string_view object) {
  return std::string(kMagic) + bytes(1, bytes(1, "v1") + bytes(2, kind)) + bytes(2, object) +
         bytes(3, "") + bytes(4, "");
}
inline std::string frame(std::string_view type, std::string_view kind, std::string_view object) {
  const std::string event = bytes(1, type) + bytes(2, bytes(1, enveloped(kind, object)));
  std::string out;
  for (const unsigned shift : {24u, 16u, 8u, 0u}) out += static_cast<char>(event.size() >> shift & 0xff);
  return out + event;
}

// metadata of a Pod in the namespace shop
inline std::string pod(std::string_view name, int version) {
  return bytes(1, bytes(1, name) + bytes(3, "shop") + bytes(6, std::to_string(version)));
}
inline std::string bookmark(int version, bool ends_initial_events) {
  return bytes(1, bytes(6, std::to_string(version)) +
                      (ends_initial_events ? entry(12, "k8s.io/initial-events-end", "true") : ""));
}

}  // namespace pgrightsizer::kube::wire
