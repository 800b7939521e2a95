// The times that Kubernetes writes.
#pragma once

#include <chrono>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "pgrightsizer/base/clock.h"

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

// "2026-11-23T17:07:26Z", with ".123" if it is not a whole second.
[[nodiscard]] std::string to_rfc3339(WallTime time);

}  // namespace pgrightsizer
