// The times that Kubernetes writes.
#pragma once

#include <chrono>
#include <compare>
#include <optional>
#include <string_view>

namespace pgrightsizer {

// In two parts: nanoseconds alone would end in 2262.
struct NanoTime {
  std::chrono::sys_seconds second;
  std::chrono::nanoseconds rest{0};  // below a second
  auto operator<=>(const NanoTime&) const = default;
};

// "2026-11-23T17:07:26.123456789Z", or with an offset; what is finer than a nanosecond is cut off.
// Nothing when it is not RFC 3339.
[[nodiscard]] std::optional<NanoTime> parse_rfc3339(std::string_view text);

}  // namespace pgrightsizer
