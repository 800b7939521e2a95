// Maintenance windows: when they open, from five fields of cron in a time zone, and for how long.
#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/base/result.h"

namespace pgrightsizer::schedule {

// `to` is the first moment after it.
struct Interval {
  WallTime from;
  WallTime to;
};

// Minute, hour, day of month, month, day of week: `*`, numbers, ranges, lists, steps ("*/15",
// "5-40/5"), names (JAN, mon), 7 for Sunday, or one of @hourly, @daily, @midnight, @weekly, @monthly,
// @yearly, @annually. When both kinds of days leave some out, either may match, as cron has it; a
// field that names every value counts as `*`.
//
// The fields are local time. A time that the clock skips in spring opens the window at the moment of
// the change, one that comes twice in autumn at the first. A duration is elapsed time.
//
// Immutable, and thread-safe.
class Schedule {
 public:
  // Invalid names the field of the cron text, or the zone, and the remedy. A schedule that never
  // comes about (30 February) is Invalid, too.
  [[nodiscard]] static Result<Schedule> parse(const std::string& cron, std::chrono::seconds duration,
                                              const std::string& time_zone);

  // The first opening after this moment; there always is one.
  [[nodiscard]] WallTime next_after(WallTime time) const;
  // The last opening at or before it, if that window is still open then.
  [[nodiscard]] std::optional<WallTime> open_since(WallTime time) const;
  [[nodiscard]] std::chrono::seconds duration() const { return duration_; }

 private:
  friend class Parser;
  Schedule() = default;
  [[nodiscard]] bool matches_day(std::chrono::sys_days local_day) const;
  // The first opening of the local day that satisfies the condition, in the order given.
  template <typename Condition>
  [[nodiscard]] std::optional<WallTime> find_in_day(std::chrono::sys_days local_day, bool forward,
                                                    Condition condition) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;  // 0: Sunday
  std::chrono::seconds duration_{0};
  const void* zone_ = nullptr;  // of the time zone library, which keeps it for ever
};

// The windows that are open now and the next of each schedule, in order of `from`.
[[nodiscard]] std::vector<Interval> windows(const std::vector<Schedule>& schedules, WallTime now);

}  // namespace pgrightsizer::schedule
