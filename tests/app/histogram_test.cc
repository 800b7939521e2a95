#include "app/histogram.h"

#include <gtest/gtest.h>

namespace pgrightsizer::app {
namespace {

TEST(Histogram, EmptyIsZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.quantile_us(0.5), 0u);
  EXPECT_EQ(histogram.max_us(), 0u);
  EXPECT_TRUE(histogram.buckets().empty());
}

TEST(Histogram, SmallValuesAreExact) {
  Histogram histogram;
  for (std::uint64_t v = 1; v <= 10; ++v) histogram.record(v);
  EXPECT_EQ(histogram.quantile_us(0.5), 5u);
  EXPECT_EQ(histogram.quantile_us(1.0), 10u);
}

TEST(Histogram, QuantilesAreNeverTooLowAndAtMostOneSixteenthTooHigh) {
  Histogram histogram;
  for (std::uint64_t v = 1; v <= 100'000; ++v) histogram.record(v);
  for (const double q : {0.01, 0.5, 0.95, 0.99, 0.999}) {
    const double exact = q * 100'000;
    const auto found = static_cast<double>(histogram.quantile_us(q));
    EXPECT_GE(found, exact) << q;
    EXPECT_LE(found, exact * 1.0625) << q;
  }
  EXPECT_EQ(histogram.max_us(), 100'000u);
}

TEST(Histogram, OneOutlierIsTheMaximumAndNotTheMedian) {
  Histogram histogram;
  for (int i = 0; i < 99; ++i) histogram.record(1'000);
  histogram.record(7'654'321);
  EXPECT_LE(histogram.quantile_us(0.99), 1'063u);
  EXPECT_EQ(histogram.quantile_us(1.0), 7'654'321u);
}

TEST(Histogram, ValuesBeyondTheLargestAreKeptAsTheLargest) {
  Histogram histogram;
  histogram.record(~std::uint64_t{0});
  EXPECT_EQ(histogram.max_us(), std::uint64_t{1} << 36);
  EXPECT_EQ(histogram.count(), 1u);
}

TEST(Histogram, BucketsHoldEveryValueBelowTheirEdge) {
  Histogram histogram;
  for (std::uint64_t v = 0; v < 5'000; v += 7) histogram.record(v);
  std::uint64_t sum = 0;
  std::uint64_t last_edge = 0;
  for (const auto& [edge, count] : histogram.buckets()) {
    EXPECT_TRUE(sum == 0 || edge > last_edge);
    last_edge = edge;
    sum += count;
  }
  EXPECT_EQ(sum, histogram.count());
}

}  // namespace
}  // namespace pgrightsizer::app
