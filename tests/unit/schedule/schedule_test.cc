#include "pgrightsizer/schedule/schedule.h"

#include <gmock/gmock.h>

namespace pgrightsizer::schedule {
namespace {

using namespace std::chrono;
using namespace std::chrono_literals;
using testing::HasSubstr;

WallTime utc(year_month_day day, minutes time = 0min) { return WallTime(sys_days(day) + time); }

Schedule parsed(const std::string& cron, const std::string& zone = "UTC", seconds duration = 2h) {
  auto schedule = Schedule::parse(cron, duration, zone);
  if (!schedule) throw std::runtime_error(schedule.error().message());
  return *schedule;
}

struct Case {
  const char* cron;
  WallTime from;
  WallTime next;
};

// Two corners of each field, and what goes beyond a field.
const Case kCases[] = {
    {"0 * * * *", utc(2026y / 3 / 1, 59min), utc(2026y / 3 / 1, 60min)},
    {"59 * * * *", utc(2026y / 3 / 1, 59min), utc(2026y / 3 / 1, 119min)},
    {"0 0 * * *", utc(2026y / 3 / 1, 0min), utc(2026y / 3 / 2)},
    {"30 23 * * *", utc(2026y / 12 / 31, 23h + 30min), utc(2027y / 1 / 1, 23h + 30min)},
    {"0 0 1 * *", utc(2026y / 1 / 31, 12h), utc(2026y / 2 / 1)},
    {"0 0 31 * *", utc(2026y / 3 / 31), utc(2026y / 5 / 31)},
    {"0 0 1 1 *", utc(2026y / 1 / 1), utc(2027y / 1 / 1)},
    {"0 0 31 12 *", utc(2026y / 1 / 1), utc(2026y / 12 / 31)},
    {"0 0 * * 0", utc(2026y / 11 / 26), utc(2026y / 11 / 29)},
    {"0 0 * * 7", utc(2026y / 11 / 26), utc(2026y / 11 / 29)},
    {"0 0 * * SAT", utc(2026y / 11 / 26), utc(2026y / 11 / 28)},
    {"0 0 * * 5-7", utc(2026y / 11 / 29), utc(2026y / 12 / 4)},
    {"0 0 29 2 *", utc(2026y / 1 / 1), utc(2028y / 2 / 29)},
    {"0 0 29 2 *", utc(2096y / 2 / 29), utc(2104y / 2 / 29)},
    {"*/40 * * * *", utc(2026y / 1 / 1, 40min), utc(2026y / 1 / 1, 60min)},
    {"5-10/5,50 3 * * *", utc(2026y / 1 / 1, 3h + 5min), utc(2026y / 1 / 1, 3h + 10min)},
    {"0 20/2 * * *", utc(2026y / 1 / 1, 20h), utc(2026y / 1 / 1, 22h)},
    {"1/2147483647 * * * *", utc(2026y / 1 / 1, 1min), utc(2026y / 1 / 1, 61min)},
    {"0 */24 * * *", utc(2026y / 1 / 1), utc(2026y / 1 / 2)},
    {"0 0 13 * fri", utc(2026y / 11 / 26), utc(2026y / 11 / 27)},  // either
    {"@weekly", utc(2026y / 11 / 26), utc(2026y / 11 / 29)},
    {"0 0 * feb,NOV *", utc(2026y / 11 / 30, 1min), utc(2027y / 2 / 1)},
};

TEST(Schedule, OpensNext) {
  for (const auto& one : kCases) EXPECT_EQ(parsed(one.cron).next_after(one.from), one.next) << one.cron;
}

TEST(Schedule, IsLocalTime) {
  EXPECT_EQ(parsed("0 2 * * *", "Asia/Kolkata").next_after(utc(2026y / 1 / 1)),
            utc(2026y / 1 / 1, 20h + 30min));
  EXPECT_EQ(parsed("0 0 1 * *", "Pacific/Kiritimati").next_after(utc(2026y / 1 / 1)),
            utc(2026y / 1 / 31, 10h));
}

// In Berlin the clock goes from 2:00 to 3:00 on 29 March 2026, and from 3:00 to 2:00 on 25 October.
TEST(Schedule, ATimeThatIsSkippedOpensAtTheChange) {
  const auto schedule = parsed("30 2 * * *", "Europe/Berlin");
  EXPECT_EQ(schedule.next_after(utc(2026y / 3 / 28, 12h)), utc(2026y / 3 / 29, 1h));
  EXPECT_EQ(schedule.next_after(utc(2026y / 3 / 29, 1h)), utc(2026y / 3 / 30, 30min));
}

TEST(Schedule, ATimeThatComesTwiceOpensOnce) {
  const auto schedule = parsed("30 2 * * *", "Europe/Berlin");
  EXPECT_EQ(schedule.next_after(utc(2026y / 10 / 24, 12h)), utc(2026y / 10 / 25, 30min));
  EXPECT_EQ(schedule.next_after(utc(2026y / 10 / 25, 30min)), utc(2026y / 10 / 26, 1h + 30min));
}

TEST(Schedule, AWindowIsOpenForItsDuration) {
  const auto schedule = parsed("0 2 * * *");
  const auto opens = utc(2026y / 1 / 1, 2h);
  EXPECT_EQ(schedule.open_since(opens - 1ms), std::nullopt);
  EXPECT_EQ(schedule.open_since(opens), opens);
  EXPECT_EQ(schedule.open_since(opens + 2h - 1ms), opens);
  EXPECT_EQ(schedule.open_since(opens + 2h), std::nullopt);
}

TEST(Schedule, OneThatIsLongerThanItsPeriodIsAlwaysOpen) {
  const auto schedule = parsed("0 2 * * *", "UTC", 25h);
  for (auto time = utc(2026y / 1 / 1); time < utc(2026y / 1 / 3); time += 17min)
    EXPECT_TRUE(schedule.open_since(time));
}

TEST(Windows, AreThoseThatAreOpenAndTheNextOfEach) {
  const auto found = windows({parsed("0 2 * * *"), parsed("0 3 * * *")}, utc(2026y / 1 / 1, 150min));
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].from, utc(2026y / 1 / 1, 2h));
  EXPECT_EQ(found[0].to, utc(2026y / 1 / 1, 4h));
  EXPECT_EQ(found[1].from, utc(2026y / 1 / 1, 3h));
  EXPECT_EQ(found[2].from, utc(2026y / 1 / 2, 2h));
  EXPECT_TRUE(windows({}, utc(2026y / 1 / 1)).empty());
}

struct Bad {
  const char* cron;
  const char* zone;
  const char* says;
};

const Bad kBad[] = {
    {"", "UTC", "0 fields instead of 5"},
    {"0 2 * *", "UTC", "4 fields instead of 5"},
    {"0 2 * * * *", "UTC", "6 fields"},
    {"60 2 * * *", "UTC", "minute \"60\""},
    {"-1 2 * * *", "UTC", "minute \"-1\""},
    {"0 24 * * *", "UTC", "hour \"24\""},
    {"0 0 0 * *", "UTC", "day of month \"0\""},
    {"0 0 32 * *", "UTC", "day of month \"32\""},
    {"0 0 1 13 *", "UTC", "month \"13\""},
    {"0 0 1 FOO *", "UTC", "month \"FOO\""},
    {"0 0 * * 8", "UTC", "day of week \"8\""},
    {"0 0 * * MON-", "UTC", "day of week \"MON-\""},
    {"10-5 0 * * *", "UTC", "minute \"10-5\""},
    {"*/0 0 * * *", "UTC", "minute \"*/0\""},
    {"1,,2 0 * * *", "UTC", "minute \"1,,2\""},
    {"1, 0 * * *", "UTC", "minute \"1,\""},
    {"1e1 0 * * *", "UTC", "minute \"1e1\""},
    {"@reboot", "UTC", "1 fields"},
    {"0 0 30 2 *", "UTC", "never comes about"},
    {"0 0 * * *", "Mars/Olympus", "time zone \"Mars/Olympus\" is not known"},
    {"0 0 * * *", "../../etc/passwd", "is not known"},
    {"0 0 * * *", "", "is not known"},
};

TEST(Schedule, SaysWhatIsWrong) {
  for (const auto& one : kBad) {
    const auto schedule = Schedule::parse(one.cron, 2h, one.zone);
    ASSERT_FALSE(schedule) << one.cron;
    EXPECT_EQ(schedule.error().kind, ErrorKind::Invalid);
    EXPECT_THAT(schedule.error().what, HasSubstr(one.says));
    EXPECT_FALSE(schedule.error().remedy.empty()) << one.cron;
  }
}

}  // namespace
}  // namespace pgrightsizer::schedule
