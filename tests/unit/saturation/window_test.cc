#include <gtest/gtest.h>

#include "pgrightsizer/saturation/saturation.h"

namespace pgrightsizer::saturation {
namespace {

using std::chrono::milliseconds;

class WindowTest : public testing::Test {
 protected:
  WindowTest() { thresholds_.window = seconds(60); }

  // Looks every 5 s for so long.
  void look(seconds time, Sample sample) {
    for (seconds passed{0}; passed < time; passed += seconds(5)) {
      now_ += seconds(5);
      sample.at = now_;
      window_.add(sample, thresholds_.window);
    }
  }
  static Sample direct(Count used) {
    Sample sample;
    sample.used = used;
    sample.limit = 100;
    return sample;
  }
  static Sample pooled(Count used, Count waiting = 0) {
    Sample sample = direct(used);
    sample.pooled = true;
    sample.waiting = waiting;
    return sample;
  }
  [[nodiscard]] Level level() const { return window_.state(thresholds_, now_).value().level; }

  Thresholds thresholds_;
  Window window_;
  Instant now_{seconds(1'000)};
};

TEST_F(WindowTest, NothingIsSaidBeforeTheLooksCoverTheWindow) {
  look(seconds(60), direct(100));
  EXPECT_FALSE(window_.state(thresholds_, now_));
  look(seconds(5), direct(100));
  EXPECT_EQ(level(), Level::Critical);
}

TEST_F(WindowTest, TheThresholdsAreToTheLetter) {
  look(seconds(65), direct(80));
  EXPECT_EQ(level(), Level::Normal);
  look(seconds(65), direct(81));
  EXPECT_EQ(level(), Level::Warning);
  look(seconds(65), direct(95));
  EXPECT_EQ(level(), Level::Warning);
  look(seconds(65), direct(96));
  EXPECT_EQ(level(), Level::Critical);
  look(seconds(65), direct(0));
  EXPECT_EQ(level(), Level::Normal);
}

TEST_F(WindowTest, TheMeanOfTheWindowCounts) {
  look(seconds(60), direct(100));
  look(seconds(30), direct(50));
  EXPECT_DOUBLE_EQ(window_.state(thresholds_, now_)->percent, 75);
  EXPECT_EQ(level(), Level::Normal);
}

TEST_F(WindowTest, ALookAfterALongSilenceBeginsAnew) {
  look(seconds(65), direct(100));
  now_ += seconds(61);
  look(seconds(5), direct(100));
  EXPECT_FALSE(window_.state(thresholds_, now_));
}

TEST_F(WindowTest, NothingIsSaidAfterALongSilence) {
  look(seconds(65), direct(100));
  now_ += seconds(60);
  EXPECT_EQ(level(), Level::Critical);
  now_ += seconds(1);
  EXPECT_FALSE(window_.state(thresholds_, now_));
}

TEST_F(WindowTest, TheOtherRouteBeginsAnew) {
  look(seconds(65), direct(100));
  look(seconds(5), pooled(100));
  EXPECT_FALSE(window_.state(thresholds_, now_));
}

TEST_F(WindowTest, ALookWithoutALimitCountsForNothing) {
  look(seconds(65), direct(81));
  Sample unknown;
  look(seconds(5), unknown);
  EXPECT_EQ(level(), Level::Warning);
}

TEST_F(WindowTest, AFullPoolThatLetsNobodyWaitMayBeAWarningOnly) {
  thresholds_.critical_needs_waiting = true;
  look(seconds(65), pooled(100, 0));
  EXPECT_EQ(level(), Level::Warning);
  look(seconds(60), pooled(100, 1));
  EXPECT_EQ(level(), Level::Critical);
  look(seconds(5), pooled(100, 0));
  EXPECT_EQ(level(), Level::Warning) << "in every look somebody must wait";
}

TEST_F(WindowTest, TheMeanWaitOfTheTransactionsCounts) {
  auto sample = pooled(10);
  sample.transactions = 10;
  sample.waited = milliseconds(1'000);
  look(seconds(65), sample);
  EXPECT_EQ(level(), Level::Normal) << "100 ms is not longer than 100 ms";
  sample.waited = milliseconds(1'600);
  look(seconds(60), sample);
  EXPECT_EQ(window_.state(thresholds_, now_)->wait, milliseconds(160));
  EXPECT_EQ(level(), Level::WaitTooLong);
}

TEST_F(WindowTest, AWaitThatThreeLooksSeeCountsAlthoughNoTransactionEnds) {
  look(seconds(65), pooled(10));
  auto stuck = pooled(10, 1);
  stuck.longest_wait = milliseconds(101);
  look(seconds(10), stuck);
  EXPECT_EQ(level(), Level::Normal) << "two looks";
  look(seconds(5), stuck);
  EXPECT_EQ(level(), Level::WaitTooLong);
  look(seconds(5), pooled(10));
  EXPECT_EQ(level(), Level::Normal);
}

TEST_F(WindowTest, FullIsWorseThanWaiting) {
  auto sample = pooled(97, 3);
  sample.longest_wait = milliseconds(300);
  look(seconds(65), sample);
  EXPECT_EQ(level(), Level::Critical);
}

}  // namespace
}  // namespace pgrightsizer::saturation
