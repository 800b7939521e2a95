#include "pgrightsizer/schedule/schedule.h"

#include <date/tz.h>

#include <algorithm>
#include <exception>

#include "parser.h"

namespace pgrightsizer::schedule {
namespace {

using std::chrono::days;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;

// From one 29 February to the next there may be eight years.
constexpr days kLongestGap{9 * 366};
constexpr std::size_t kDaysOfMonth = 31;

const date::time_zone& zone_of(const void* zone) {
  return *static_cast<const date::time_zone*>(zone);
}

// Its calendar day there.
sys_days local_day(const void* zone, WallTime time) {
  const date::sys_seconds instant(std::chrono::floor<seconds>(time.time_since_epoch()));
  const auto local = zone_of(zone).to_local(instant).time_since_epoch();
  return sys_days(std::chrono::floor<days>(local));
}

WallTime instant_of(const void* zone, sys_days day, minutes time_of_day) {
  const date::local_seconds local(day.time_since_epoch() + time_of_day);
  const auto info = zone_of(zone).get_info(local);
  // Skipped by the clock: the moment of the change. Twice: the first.
  if (info.result == date::local_info::nonexistent)
    return WallTime(info.first.end.time_since_epoch());
  return WallTime(local.time_since_epoch() - info.first.offset);
}

}  // namespace

Result<Schedule> Schedule::parse(const std::string& cron, seconds duration,
                                 const std::string& time_zone) {
  Schedule schedule;
  if (auto read = Parser::read(cron, schedule); !read) return fail(std::move(read.error()));
  schedule.duration_ = duration;
  try {
    schedule.zone_ = date::locate_zone(time_zone);
  } catch (const std::exception&) {
    return fail(ErrorKind::Invalid, "the time zone \"" + time_zone + "\" is not known", {},
                "use an IANA name like UTC or Europe/Berlin");
  }
  const sys_days start{std::chrono::year{2000} / 1 / 1};
  for (days day{0}; day < kLongestGap; ++day)
    if (schedule.matches_day(start + day)) return schedule;
  return fail(ErrorKind::Invalid, "\"" + cron + "\" never comes about", {},
              "name a day that the month has");
}

bool Schedule::matches_day(sys_days local_day) const {
  const std::chrono::year_month_day date(local_day);
  if (!months_.test(static_cast<unsigned>(date.month()))) return false;
  const bool by_date = days_.test(static_cast<unsigned>(date.day()));
  const bool by_week = weekdays_.test(std::chrono::weekday(local_day).c_encoding());
  const bool both_restricted = days_.count() < kDaysOfMonth && !weekdays_.all();
  return both_restricted ? by_date || by_week : by_date && by_week;
}

template <typename Condition>
std::optional<WallTime> Schedule::find_in_day(sys_days local_day, bool forward,
                                              Condition condition) const {
  if (!matches_day(local_day)) return std::nullopt;
  constexpr int kMinutes = 24 * 60;
  for (int i = 0; i < kMinutes; ++i) {
    const int minute = forward ? i : kMinutes - 1 - i;
    if (!hours_.test(static_cast<std::size_t>(minute / 60)) ||
        !minutes_.test(static_cast<std::size_t>(minute % 60)))
      continue;
    const WallTime time = instant_of(zone_, local_day, minutes(minute));
    if (condition(time)) return time;
  }
  return std::nullopt;
}

WallTime Schedule::next_after(WallTime time) const {
  const sys_days first = local_day(zone_, time);
  for (days day{0}; day <= kLongestGap; ++day) {
    const auto found = find_in_day(first + day, true, [&](WallTime one) { return one > time; });
    if (found) return *found;
  }
  return WallTime::max();  // parse() has seen that there is a day
}

std::optional<WallTime> Schedule::open_since(WallTime time) const {
  const WallTime oldest = time - duration_;
  const sys_days last = local_day(zone_, oldest);
  for (sys_days day = local_day(zone_, time); day >= last; day -= days{1}) {
    const auto found = find_in_day(day, false, [&](WallTime one) { return one <= time; });
    if (found) return *found > oldest ? found : std::nullopt;
  }
  return std::nullopt;
}

std::vector<Interval> windows(const std::vector<Schedule>& schedules, WallTime now) {
  std::vector<Interval> found;
  for (const auto& schedule : schedules) {
    if (const auto since = schedule.open_since(now))
      found.push_back({*since, *since + schedule.duration()});
    const WallTime next = schedule.next_after(now);
    found.push_back({next, next + schedule.duration()});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.from < b.from; });
  return found;
}

}  // namespace pgrightsizer::schedule
