#pragma once

#include <chrono>
#include <cstdint>

namespace pgrightsizer::app {

// Deadlines and latencies use the steady clock; what a person or the judge reads uses wall time.
using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

inline constexpr TimePoint kNever = TimePoint::max();

inline std::int64_t wall_ms() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
}

}  // namespace pgrightsizer::app
