#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pgrightsizer::app {

// What happened in each of the last 900 seconds of wall time, so that failures can be laid beside
// the steps of the operator.
class Timeline {
 public:
  static constexpr std::size_t kSeconds = 900;

  struct Second {
    std::int64_t epoch_s = 0;
    std::uint32_t succeeded = 0;
    std::uint32_t failed = 0;
    std::uint32_t refused = 0;
    std::uint32_t unknown = 0;
    std::uint32_t slowest_ms = 0;  // of those that succeeded in it
  };

  // The counters of this second; the one that was 900 s earlier in its place is forgotten.
  Second& at(std::int64_t epoch_s);

  // Every second from max(from_s, first one known) to `to_s`, oldest first, quiet ones as zeros.
  std::vector<Second> between(std::int64_t from_s, std::int64_t to_s) const;

 private:
  std::array<Second, kSeconds> ring_{};
  std::int64_t first_s_ = 0;
};

}  // namespace pgrightsizer::app
