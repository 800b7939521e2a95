#include <gtest/gtest.h>

#include "pgrightsizer/sizing/sizing.h"

namespace pgrightsizer::sizing {
namespace {

TEST(Pool, TheBootCapIsWhatTheBufferLeavesForEachPod) {
  EXPECT_EQ(boot_cap(50, 3, 2), 18);
  EXPECT_EQ(boot_cap(50, 3, 1), 37);
  EXPECT_EQ(boot_cap(50, 3, 8), 4);
  EXPECT_EQ(boot_cap(100, 13, 2), 38);
}

TEST(Pool, TheBootCapIsNeverBelowTwo) {
  EXPECT_EQ(boot_cap(20, 3, 8), 2);
  EXPECT_EQ(boot_cap(20, 30, 2), 2);
  EXPECT_EQ(boot_cap(50, 3, 0), 37);
}

TEST(Pool, TheShareIsAnEqualPartRoundedDown) {
  EXPECT_EQ(pool_share(150, 2), 75);
  EXPECT_EQ(pool_share(200, 2), 100);
  EXPECT_EQ(pool_share(150, 4), 37);
  EXPECT_EQ(pool_share(150, 0), 150);
}

TEST(Pool, TheShareIsNeverZeroBecauseZeroMeansUnlimitedToPgBouncer) {
  EXPECT_EQ(pool_share(0, 2), 2);
  EXPECT_EQ(pool_share(3, 8), 2);
}

TEST(Pool, TheTierInForceIsReadBackFromThePool) {
  const Settings settings;
  EXPECT_EQ(tier_of_pool(settings, 150), 1);
  EXPECT_EQ(tier_of_pool(settings, 200), 2);
  EXPECT_EQ(tier_of_pool(settings, 0), 0);
}

TEST(Pool, OfAnotherSizeThanAnyTiersIsReadBackAsTheNearest) {
  struct Case {
    const char* edit;
    Count present;
    std::vector<Tier> tiers;
    int tier;
  };
  const Case cases[] = {
      {"the first raised", 150, {{50, 180}, {100, 200}}, 1},
      {"the first lowered", 150, {{50, 120}, {100, 200}}, 1},
      {"the second raised", 200, {{50, 150}, {100, 220}}, 2},
      {"the second lowered", 200, {{50, 150}, {100, 180}}, 2},
      {"the only one raised", 150, {{50, 500}}, 1},
      {"the only one lowered", 150, {{50, 20}}, 1},
      {"both raised", 150, {{50, 300}, {100, 400}}, 1},
      {"all tiers removed", 150, {}, 0},
  };
  for (const auto& one : cases) {
    Settings settings;
    settings.tiers = one.tiers;
    EXPECT_EQ(tier_of_pool(settings, one.present), one.tier) << one.edit;
  }
}

TEST(Pool, ThatACeilingCutsNowIsReadBackAsTheNearest) {
  Settings settings;
  settings.max_connections = 180;
  EXPECT_EQ(tier_of_pool(settings, 150), 1);
}

TEST(Pool, ThatIsAlwaysThereMayBeBelowTheFirstTier) {
  Settings settings;
  settings.provision = Provision::Always;
  EXPECT_EQ(tier_of_pool(settings, 149), 0);
  EXPECT_EQ(tier_of_pool(settings, 150), 1);
}

TEST(Pool, APoolThatTheCeilingCutsIsStillReadBackAsItsTier) {
  Settings settings;
  settings.max_connections = 180;
  EXPECT_EQ(pool_within_ceiling(settings, 150), 130);
  EXPECT_EQ(tier_of_pool(settings, 130), 1);
  settings.max_connections = 40;
  EXPECT_EQ(pool_within_ceiling(settings, 150), 4);
}

}  // namespace
}  // namespace pgrightsizer::sizing
