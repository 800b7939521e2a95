#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pgrightsizer/sizing/sizing.h"

namespace pgrightsizer::sizing {
namespace {

using testing::HasSubstr;

Workload workload(Count replicas, Count surge = 0, Count pods = 0) {
  Workload one;
  one.name = "api";
  one.replicas = replicas;
  one.max_surge = surge;
  one.pods_not_gone = pods;
  return one;
}

// ── Which instances count ───────────────────────────────────────────────────────────────────────

TEST(Counting, CurrentIsWhatIsAskedFor) {
  EXPECT_EQ(counted_instances(workload(10, 3, 14), CountInstances::Current), 10);
}

TEST(Counting, PlusSurgeCountsARollingUpdateAndWhoIsNotGone) {
  EXPECT_EQ(counted_instances(workload(10, 3, 12), CountInstances::CurrentPlusSurge), 13);
  EXPECT_EQ(counted_instances(workload(10, 3, 14), CountInstances::CurrentPlusSurge), 14);
}

TEST(Counting, AutoscalerMaxIsTheMostItMayBecome) {
  Workload one = workload(10, 3, 14);
  EXPECT_EQ(counted_instances(one, CountInstances::AutoscalerMax), 10) << "without one";
  one.autoscaler_max = 30;
  EXPECT_EQ(counted_instances(one, CountInstances::AutoscalerMax), 30);
  one.autoscaler_max = 5;
  EXPECT_EQ(counted_instances(one, CountInstances::AutoscalerMax), 10);
}

TEST(Counting, NoneIsNoneWhateverCouldBecomeOfIt) {
  Workload one = workload(0, 3, 2);
  one.autoscaler_max = 30;
  for (const auto how : {CountInstances::Current, CountInstances::CurrentPlusSurge,
                         CountInstances::AutoscalerMax}) {
    EXPECT_EQ(counted_instances(one, how), 0);
  }
}

TEST(Counting, Saturates) {
  EXPECT_EQ(counted_instances(workload(kSaturated, kSaturated), CountInstances::CurrentPlusSurge),
            kSaturated);
  EXPECT_EQ(surge_demand({workload(INT64_MAX, INT64_MAX)}, Environment::Production), kSaturated);
}

TEST(Counting, SurgeDemandIsTheMostThatARollingUpdateHolds) {
  EXPECT_EQ(surge_demand({workload(10, 3, 12), workload(4, 1, 7)}, Environment::Production),
            13 * 20 + 7 * 20);
}

TEST(Counting, AShareIsRoundedUpAsTheDeploymentsControllerDoes) {
  Workload one = workload(10);
  one.max_surge_percent = 25;
  EXPECT_EQ(surge_of(one, 10), 3);
  EXPECT_EQ(surge_of(one, 8), 2);
  EXPECT_EQ(surge_of(one, 0), 0);
  one.max_surge_percent = -5;
  EXPECT_EQ(surge_of(one, 10), 0);
  EXPECT_EQ(counted_instances(workload(10, 4), CountInstances::CurrentPlusSurge), 14);
}

// ── What direct connections can need ────────────────────────────────────────────────────────────

TEST(DirectCeiling, IsOneInstanceBelowTheFirstTier) {
  EXPECT_EQ(plan({workload(10)}, {}, 0).direct_ceiling, 49 * 20 + 50);
}

TEST(DirectCeiling, TakesTheLargestOfSeveral) {
  Workload small = workload(5);
  small.connections_per_instance = 5;
  EXPECT_EQ(plan({workload(5), small}, {}, 0).direct_ceiling, 49 * 20 + 50);
}

TEST(DirectCeiling, IsTheUsersBoundWhenThereIsNoTier) {
  Settings settings;
  settings.provision = Provision::Never;
  settings.max_connections = 3000;
  EXPECT_EQ(plan({workload(10)}, settings, 0).direct_ceiling, 3000);
}

TEST(RoleLimit, GivesTheServerItsLargestValueAtOnce) {
  Settings settings;
  settings.enforce = Enforce::RoleConnectionLimit;
  for (const Count instances : {1, 10, 49}) {
    const Plan one = plan({workload(instances)}, settings, 0);
    EXPECT_EQ(one.max_connections, 1030);
    EXPECT_EQ(one.route, Route::Direct);
  }
  EXPECT_THAT(plan({workload(10)}, settings, 0).formula, HasSubstr("by the role's limit"));
  EXPECT_EQ(plan({workload(50)}, settings, 0).max_connections, 200) << "pooled as ever";
}

TEST(RoleLimit, ARollingUpdateFitsIntoTheServersValue) {
  Settings settings;
  settings.enforce = Enforce::RoleConnectionLimit;
  Workload share = workload(10);
  share.max_surge_percent = 25;
  EXPECT_EQ(plan({share}, settings, 0).max_connections, (49 + 13) * 20 + 50);
  EXPECT_EQ(plan({workload(10, 4)}, settings, 0).max_connections, (49 + 4) * 20 + 50);
  EXPECT_EQ(plan({share, share, workload(3, 2)}, settings, 0).max_connections,
            (49 + 13 + 1 + 2) * 20 + 50)
      << "each share may round up";
  settings.enforce = Enforce::MaxConnections;
  EXPECT_EQ(plan({share}, settings, 0).direct_ceiling, 1030);
}

// ── Memory ──────────────────────────────────────────────────────────────────────────────────────

Memory memory(Count gigabytes, Count running = 250) {
  return {gigabytes * 1'000'000'000, 150'000'000, running};
}

TEST(MemoryGate, PredictsSlotsAndBackends) {
  EXPECT_EQ(predicted_bytes(memory(4), 250), 150'000'000 + 250 * 5'000'000);
  EXPECT_EQ(predicted_bytes(memory(4), 1030), 150'000'000 + 780 * 50'000 + 1030 * 5'000'000LL);
}

TEST(MemoryGate, TheCeilingIsTheLargestThatFits) {
  const Memory four = memory(4);
  const Count most = memory_ceiling(four);
  EXPECT_LE(predicted_bytes(four, most), 3'400'000'000);
  EXPECT_GT(predicted_bytes(four, most + 1), 3'400'000'000);
}

TEST(MemoryGate, TakesNothingBack) {
  EXPECT_EQ(memory_ceiling(memory(1, 1030)), 1030);
  Settings settings;
  settings.memory = memory(1, 1030);
  EXPECT_EQ(plan({workload(49)}, settings, 0).max_connections, 1030);
}

TEST(MemoryGate, EntersTheFirstTierEarlyAndSaysWhy) {
  Settings settings;
  settings.memory = memory(4);
  const Plan early = plan({workload(40)}, settings, 0);
  EXPECT_EQ(early.route, Route::Pooler);
  EXPECT_EQ(early.tier, 1);
  EXPECT_THAT(early.formula, HasSubstr("does not fit"));
}

TEST(MemoryGate, WithoutAPoolerTheRaiseIsRefusedWithTheArithmetic) {
  Settings settings;
  settings.provision = Provision::Never;
  settings.memory = memory(4);
  const Plan cut = plan({workload(49)}, settings, 0);
  EXPECT_TRUE(cut.clamped);
  EXPECT_EQ(cut.max_connections, memory_ceiling(memory(4)));
  EXPECT_EQ(cut.uncapped_max_connections, 1030);
  EXPECT_THAT(cut.formula,
              HasSubstr("1030 connections need 5.3 GB, more than 85 % of the container's 4.0 GB"));
}

TEST(MemoryGate, WithoutALimitThereIsNoGate) {
  EXPECT_EQ(ceiling_of({}), 5000);
}

// Once pooled the server is smaller, and so is what runs: the decision must not turn around.
TEST(MemoryGate, DoesNotFlap) {
  Settings settings;
  settings.memory = memory(4);
  const Count before = memory_ceiling(*settings.memory);
  settings.memory = {4'000'000'000, 147'500'000, 200};
  EXPECT_EQ(memory_ceiling(*settings.memory), before) << "it does not depend on what runs";
  EXPECT_EQ(plan({workload(40)}, settings, 1).route, Route::Pooler);
}

TEST(MemoryGate, AnAbsurdLimitDoesNoHarm) {
  Settings settings;
  settings.memory = Memory{INT64_MAX, 0, 100};
  EXPECT_EQ(plan({workload(10)}, settings, 0).max_connections, 250);
  settings.memory = Memory{1, 0, 100};
  EXPECT_EQ(plan({workload(2)}, settings, 0).max_connections, 90);
}

}  // namespace
}  // namespace pgrightsizer::sizing
