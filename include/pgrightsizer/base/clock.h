// Time as an argument: production passes SystemClock, tests a ManualClock of their own.
#pragma once

#include <chrono>

namespace pgrightsizer {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime now() const = 0;                                  // for people and status
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady() const = 0;  // for durations
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override;
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override;
};

}  // namespace pgrightsizer
