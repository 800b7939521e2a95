#include "app/ranges.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>

namespace pgrightsizer::app {
namespace {

using List = std::vector<Ranges::Range>;

TEST(Ranges, InOrderIsOneRange) {
  Ranges ranges;
  for (int i = 1; i <= 1000; ++i) ranges.add(i);
  EXPECT_EQ(ranges.all(), (List{{1, 1000}}));
  EXPECT_EQ(ranges.count(), 1000u);
}

TEST(Ranges, AGapStaysUntilItIsFilled) {
  Ranges ranges;
  for (const int seq : {1, 2, 4, 5}) ranges.add(seq);
  EXPECT_EQ(ranges.all(), (List{{1, 2}, {4, 5}}));
  ranges.add(3);
  EXPECT_EQ(ranges.all(), (List{{1, 5}}));
}

TEST(Ranges, AddingTwiceCountsOnce) {
  Ranges ranges;
  for (const int seq : {7, 7, 6, 6, 7}) ranges.add(seq);
  EXPECT_EQ(ranges.count(), 2u);
  EXPECT_EQ(ranges.all(), (List{{6, 7}}));
}

TEST(Ranges, FromCutsTheRangeItFallsInto) {
  Ranges ranges;
  for (const int seq : {1, 2, 3, 8, 9}) ranges.add(seq);
  EXPECT_EQ(ranges.from(3), (List{{3, 3}, {8, 9}}));
  EXPECT_EQ(ranges.from(4), (List{{8, 9}}));
  EXPECT_TRUE(ranges.from(10).empty());
}

TEST(Ranges, AnyOrderGivesTheSameSet) {
  std::minstd_rand random(7);
  std::vector<std::int64_t> seqs(300);
  std::iota(seqs.begin(), seqs.end(), 1);
  for (int round = 0; round < 50; ++round) {
    std::shuffle(seqs.begin(), seqs.end(), random);
    Ranges ranges;
    std::set<std::int64_t> expected;
    for (std::size_t i = 0; i < 200; ++i) {
      ranges.add(seqs[i]);
      expected.insert(seqs[i]);
    }
    std::set<std::int64_t> found;
    std::int64_t last = -1;
    for (const auto& [low, high] : ranges.all()) {
      ASSERT_GT(low, last + 1) << "adjacent ranges are one range";
      for (std::int64_t s = low; s <= high; ++s) found.insert(s);
      last = high;
    }
    ASSERT_EQ(found, expected);
    ASSERT_EQ(ranges.count(), expected.size());
  }
}

}  // namespace
}  // namespace pgrightsizer::app
