#include "app/timeline.h"

#include <gtest/gtest.h>

namespace pgrightsizer::app {
namespace {

TEST(Timeline, QuietSecondsAreZeros) {
  Timeline timeline;
  timeline.at(1000).succeeded = 4;
  timeline.at(1003).failed = 1;
  const auto seconds = timeline.between(0, 1004);
  ASSERT_EQ(seconds.size(), 5u);
  EXPECT_EQ(seconds[0].epoch_s, 1000);
  EXPECT_EQ(seconds[0].succeeded, 4u);
  EXPECT_EQ(seconds[1].succeeded, 0u);
  EXPECT_EQ(seconds[3].failed, 1u);
}

TEST(Timeline, ForgetsWhatIsOlderThanTheRing) {
  Timeline timeline;
  timeline.at(1000).succeeded = 4;
  timeline.at(1000 + Timeline::kSeconds).succeeded = 5;
  const auto seconds = timeline.between(0, 1000 + Timeline::kSeconds);
  ASSERT_EQ(seconds.size(), Timeline::kSeconds);
  EXPECT_EQ(seconds.front().epoch_s, 1001);
  EXPECT_EQ(seconds.back().succeeded, 5u);
}

TEST(Timeline, FromCuts) {
  Timeline timeline;
  for (int s = 1000; s < 1010; ++s) timeline.at(s).succeeded = 1;
  EXPECT_EQ(timeline.between(1007, 1009).size(), 3u);
  EXPECT_TRUE(timeline.between(1010, 1009).empty());
  EXPECT_TRUE(Timeline().between(0, 2000).empty());
}

}  // namespace
}  // namespace pgrightsizer::app
