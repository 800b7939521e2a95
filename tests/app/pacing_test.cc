#include "app/pacing.h"

#include <gtest/gtest.h>

namespace pgrightsizer::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Schedule, KeepsTheRateExactly) {
  Random random(1);
  const TimePoint start{seconds(1000)};
  Schedule schedule(4, start, random);
  int arrivals = 0;
  while (schedule.next() < start + seconds(100)) {
    ++arrivals;
    schedule.advance();
  }
  EXPECT_NEAR(arrivals, 400, 1);
}

TEST(Schedule, IsNeverMoreThanHalfAnIntervalOffAndNeverGoesBack) {
  Random random(2);
  Schedule schedule(4, TimePoint{}, random);
  TimePoint last = schedule.next();
  for (int i = 0; i < 1000; ++i) {
    schedule.advance();
    EXPECT_GE(schedule.next() - last, milliseconds(125 - 63));
    EXPECT_LE(schedule.next() - last, milliseconds(375));
    last = schedule.next();
  }
}

TEST(Schedule, RateZeroNeverArrives) {
  Random random(3);
  Schedule schedule(0, TimePoint{}, random);
  EXPECT_EQ(schedule.next(), kNever);
  schedule.advance();
  EXPECT_EQ(schedule.next(), kNever);
}

TEST(Schedule, InstancesStartAtDifferentPhases) {
  Random random(4);
  const Schedule one(1, TimePoint{}, random);
  const Schedule other(1, TimePoint{}, random);
  EXPECT_NE(one.next(), other.next());
}

TEST(Backoff, GrowsWithinItsBounds) {
  Random random(5);
  Backoff backoff(milliseconds(100), milliseconds(2000), random);
  EXPECT_FALSE(backoff.failing());
  Duration bound = milliseconds(200);
  for (int i = 0; i < 100; ++i) {
    const Duration wait = backoff.fail();
    EXPECT_GE(wait, bound / 2);
    EXPECT_LE(wait, bound);
    bound = std::min<Duration>(bound * 2, milliseconds(2000));
  }
  EXPECT_TRUE(backoff.failing());
  backoff.reset();
  EXPECT_LE(backoff.fail(), milliseconds(200));
}

TEST(Jittered, StaysWithinItsFraction) {
  Random random(6);
  for (int i = 0; i < 1000; ++i) {
    const Duration life = jittered(seconds(40), 0.1, random);
    EXPECT_GE(life, seconds(36));
    EXPECT_LE(life, seconds(44));
  }
}

TEST(CappedRate, ManyInstancesShareTheCap) {
  EXPECT_DOUBLE_EQ(capped_rate(4, 400, 0), 4);
  EXPECT_DOUBLE_EQ(capped_rate(4, 400, 100), 4);
  EXPECT_DOUBLE_EQ(capped_rate(4, 400, 200), 2);
}

}  // namespace
}  // namespace pgrightsizer::app
