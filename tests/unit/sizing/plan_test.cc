#include <gtest/gtest.h>

#include <vector>

#include "pgrightsizer/sizing/sizing.h"

namespace pgrightsizer::sizing {
namespace {

Workload workload(Count replicas, std::optional<Count> connections = std::nullopt) {
  Workload one;
  one.name = "api";
  one.replicas = replicas;
  one.connections_per_instance = connections;
  return one;
}

Plan plan_of(Count replicas, const Settings& settings = {}, int present_tier = 0) {
  return plan({workload(replicas)}, settings, present_tier);
}

// ── The contract's checkpoints, coming from below ───────────────────────────────────────────────

struct Checkpoint {
  Count instances;
  Route route;
  Count pool_size;
  Count max_connections;
};

class FromBelow : public testing::TestWithParam<Checkpoint> {};

TEST_P(FromBelow, HasTheContractsFigures) {
  const Checkpoint& expected = GetParam();
  const Plan actual = plan_of(expected.instances);
  EXPECT_EQ(actual.route, expected.route);
  EXPECT_EQ(actual.pool_size, expected.pool_size);
  EXPECT_EQ(actual.max_connections, expected.max_connections);
  EXPECT_EQ(actual.uncapped_max_connections, expected.max_connections);
  EXPECT_FALSE(actual.clamped);
  EXPECT_FALSE(actual.hold);
}

INSTANTIATE_TEST_SUITE_P(
    Checkpoints, FromBelow,
    testing::Values(Checkpoint{1, Route::Direct, 0, 70}, Checkpoint{9, Route::Direct, 0, 230},
                    Checkpoint{10, Route::Direct, 0, 250}, Checkpoint{11, Route::Direct, 0, 270},
                    Checkpoint{12, Route::Direct, 0, 290}, Checkpoint{49, Route::Direct, 0, 1030},
                    Checkpoint{50, Route::Pooler, 150, 200},
                    Checkpoint{99, Route::Pooler, 150, 200},
                    Checkpoint{100, Route::Pooler, 200, 250},
                    Checkpoint{1000, Route::Pooler, 200, 250},
                    Checkpoint{Count{1} << 31, Route::Pooler, 200, 250},
                    Checkpoint{INT64_MAX, Route::Pooler, 200, 250}),
    [](const auto& info) { return std::to_string(info.param.instances) + "instances"; });

TEST(Plan, DevelopmentCountsTenConnectionsEach) {
  Settings settings;
  settings.environment = Environment::Development;
  EXPECT_EQ(plan_of(10, settings).max_connections, 150);
  const Plan fifty = plan_of(50, settings);
  EXPECT_EQ(fifty.pool_size, 150);
  EXPECT_EQ(fifty.max_connections, 200);
}

TEST(Plan, ATierThatWouldNotSaveConnectionsIsNotEntered) {
  const Plan fifty = plan({workload(50, 1)}, {}, 0);
  EXPECT_EQ(fifty.route, Route::Direct);
  EXPECT_EQ(fifty.max_connections, 100);
  // 200 is the pool and the buffer, 201 is more.
  EXPECT_EQ(plan({workload(50, 4)}, {}, 0).route, Route::Direct);
  EXPECT_EQ(plan({workload(67, 3)}, {}, 0).route, Route::Pooler);
}

TEST(Plan, ATierWhoseOwnDemandIsTooSmallGivesWayToTheOneBelow) {
  const Plan hundred = plan({workload(120, 2)}, {}, 0);
  EXPECT_EQ(hundred.tier, 1);
  EXPECT_EQ(hundred.max_connections, 200);
}

// ── Hysteresis ──────────────────────────────────────────────────────────────────────────────────

TEST(Plan, TheFirstTierIsLeftAtFortyInstances) {
  EXPECT_EQ(plan_of(49, {}, 1).tier, 1);
  EXPECT_EQ(plan_of(41, {}, 1).tier, 1);
  EXPECT_EQ(plan_of(41, {}, 1).max_connections, 200);
  EXPECT_EQ(plan_of(40, {}, 1).tier, 0);
  EXPECT_EQ(plan_of(40, {}, 1).max_connections, 850);
}

TEST(Plan, TheSecondTierIsLeftForTheFirstAtNinetyInstances) {
  EXPECT_EQ(plan_of(91, {}, 2).tier, 2);
  EXPECT_EQ(plan_of(91, {}, 2).max_connections, 250);
  EXPECT_EQ(plan_of(90, {}, 2).tier, 1);
  EXPECT_EQ(plan_of(90, {}, 2).max_connections, 200);
  EXPECT_EQ(plan_of(45, {}, 2).tier, 1) << "who was in the second tier was in the first, too";
}

TEST(Plan, ATierIsNotEnteredByItsHysteresis) {
  EXPECT_EQ(plan_of(45, {}, 0).tier, 0);
  EXPECT_EQ(plan_of(95, {}, 1).tier, 1);
}

TEST(Plan, AnotherPoolSizeMovesNoTrafficWithinTheHysteresis) {
  Settings settings;
  settings.tiers[0].pool_size = 180;  // 150 until now
  const Plan edited = plan_of(45, settings, tier_of_pool(settings, 150));
  EXPECT_EQ(edited.route, Route::Pooler);
  EXPECT_EQ(edited.pool_size, 180);
  EXPECT_EQ(plan_of(40, settings, tier_of_pool(settings, 150)).route, Route::Direct);
}

TEST(Plan, RisingThroughTwoTiersEntersTheSecondAtOnce) { EXPECT_EQ(plan_of(120, {}, 0).tier, 2); }

TEST(Plan, FallingThroughTwoTiersLeavesBothAtOnce) {
  const Plan five = plan_of(5, {}, 2);
  EXPECT_EQ(five.tier, 0);
  EXPECT_EQ(five.route, Route::Direct);
  EXPECT_EQ(five.max_connections, 150);
}

TEST(Plan, FlappingAcrossTheThresholdMovesNothingAfterTheFirstCrossing) {
  int tier = 0;
  int changes = 0;
  for (const Count instances : {49, 50, 49, 50, 49, 41, 50}) {
    const int next = plan_of(instances, {}, tier).tier;
    changes += next != tier;
    tier = next;
  }
  EXPECT_EQ(changes, 1);
}

// ── The ceiling ─────────────────────────────────────────────────────────────────────────────────

Settings ceiling(Count max_connections) {
  Settings settings;
  settings.max_connections = max_connections;
  return settings;
}

TEST(Plan, TheFirstTierIsEnteredEarlyWhenTheDirectTargetExceedsTheCeiling) {
  EXPECT_EQ(plan_of(22, ceiling(500)).max_connections, 490);
  const Plan beyond = plan_of(23, ceiling(500));
  EXPECT_EQ(beyond.tier, 1);
  EXPECT_EQ(beyond.max_connections, 200);
  EXPECT_FALSE(beyond.clamped);
}

TEST(Plan, ATierEnteredEarlyIsLeftWhenItWouldFitWithTheHysteresisAdded) {
  EXPECT_EQ(plan_of(13, ceiling(500), 1).tier, 1) << "(13 + 10) × 20 + 50 = 510";
  EXPECT_EQ(plan_of(12, ceiling(500), 1).tier, 0) << "(12 + 10) × 20 + 50 = 490";
}

TEST(Plan, WithoutAPoolerTheCeilingCutsAndTheUncappedFigureStaysVisible) {
  Settings settings = ceiling(500);
  settings.provision = Provision::Never;
  const Plan cut = plan_of(49, settings);
  EXPECT_EQ(cut.max_connections, 500);
  EXPECT_EQ(cut.uncapped_max_connections, 1030);
  EXPECT_TRUE(cut.clamped);
  EXPECT_EQ(cut.formula, "49 instances × 20 + 50 = 1030, cut to 500");
}

TEST(Plan, ThePoolIsCutWithTheCeilingBecauseCapsMustFitTheServer) {
  const Plan cut = plan_of(50, ceiling(180));
  EXPECT_EQ(cut.tier, 1);
  EXPECT_EQ(cut.max_connections, 180);
  EXPECT_EQ(cut.uncapped_max_connections, 200);
  EXPECT_EQ(cut.pool_size, 130);
  EXPECT_TRUE(cut.clamped);
}

TEST(Plan, NothingExceedsPostgreSqlsOwnRange) {
  Settings settings = ceiling(kSaturated);
  settings.provision = Provision::Never;
  for (const Count replicas : {Count{20'000}, (Count{1} << 31) - 1, Count{1} << 31, kSaturated}) {
    const Plan huge = plan_of(replicas, settings);
    EXPECT_EQ(huge.max_connections, kMaxConnectionsCeiling) << replicas;
    EXPECT_TRUE(huge.clamped);
    EXPECT_LE(huge.uncapped_max_connections, kSaturated);
  }
}

TEST(Plan, SmallServersHaveAMinimum) {
  Settings settings;
  settings.buffer = 20;
  settings.min_connections = 40;
  const Plan small = plan({workload(1, 5)}, settings, 0);
  EXPECT_EQ(small.max_connections, 40);
  EXPECT_EQ(small.uncapped_max_connections, 25);
  EXPECT_FALSE(small.clamped);
  EXPECT_EQ(small.formula, "1 instance × 5 + 20 = 25, lifted to the minimum of 40");
}

// ── Always, Never, none ─────────────────────────────────────────────────────────────────────────

TEST(Plan, AlwaysPoolsBelowTheFirstTierWithTheDemandUpToItsPool) {
  Settings settings;
  settings.provision = Provision::Always;
  const Plan five = plan_of(5, settings);
  EXPECT_EQ(five.route, Route::Pooler);
  EXPECT_EQ(five.pool_size, 100);
  EXPECT_EQ(five.max_connections, 150);
  EXPECT_EQ(plan_of(10, settings).pool_size, 150);
  EXPECT_EQ(plan_of(10, settings).max_connections, 200);
  EXPECT_EQ(plan({workload(1, 1)}, settings, 0).pool_size, 10);
  EXPECT_EQ(plan_of(50, settings).max_connections, 200);
  EXPECT_EQ(plan_of(100, settings).max_connections, 250);
}

TEST(Plan, AlwaysFallsFromATierToItsOwnPool) {
  Settings settings;
  settings.provision = Provision::Always;
  EXPECT_EQ(plan_of(5, settings, 2).pool_size, 100);
  EXPECT_EQ(plan_of(45, settings, 1).pool_size, 150);
}

TEST(Plan, NeverIsDirectWhateverTheCountAndThePresentTier) {
  Settings settings;
  settings.provision = Provision::Never;
  EXPECT_EQ(plan_of(200, settings, 2).route, Route::Direct);
  EXPECT_EQ(plan_of(200, settings, 2).max_connections, 4050);
}

TEST(Plan, NoInstancesHoldThePresentSize) {
  for (const int tier : {0, 1, 2}) {
    const Plan none = plan_of(0, {}, tier);
    EXPECT_TRUE(none.hold);
    EXPECT_EQ(none.tier, tier);
    EXPECT_EQ(none.route, tier > 0 ? Route::Pooler : Route::Direct);
    EXPECT_EQ(none.formula, "0 instances: the present sizes are kept");
  }
  EXPECT_TRUE(plan({}, {}, 0).hold);
}

// ── For people ──────────────────────────────────────────────────────────────────────────────────

TEST(Plan, TheFormulaReadsLikeTheSpecification) {
  EXPECT_EQ(plan_of(10).formula, "10 instances × 20 + 50 = 250");
  EXPECT_EQ(plan_of(1).formula, "1 instance × 20 + 50 = 70");
  EXPECT_EQ(plan_of(50).formula, "50 instances ≥ 50: pool 150; 150 + 50 = 200");
  EXPECT_EQ(plan_of(100).formula, "100 instances ≥ 100: pool 200; 200 + 50 = 250");
  EXPECT_EQ(plan_of(45, {}, 1).formula,
            "45 instances > 40, the tier is kept: pool 150; 150 + 50 = 200");
}

TEST(Plan, TheFormulaOfSeveralWorkloadsNamesEachOne) {
  EXPECT_EQ(plan({workload(30, 20), workload(5, 8)}, {}, 0).formula, "30 × 20 + 5 × 8 + 50 = 690");
  EXPECT_EQ(plan({workload(30, 20), workload(0, 8)}, {}, 0).formula, "30 × 20 + 50 = 650");
}

TEST(Plan, EveryWorkloadIsListedWithItsPart) {
  const Plan both = plan({workload(30, 20), workload(5, 8)}, {}, 0);
  EXPECT_EQ(both.instances, 35);
  EXPECT_EQ(both.demand, 640);
  ASSERT_EQ(both.workloads.size(), 2U);
  EXPECT_EQ(both.workloads[1].instances, 5);
  EXPECT_EQ(both.workloads[1].connections_per_instance, 8);
  EXPECT_EQ(both.workloads[1].connections, 40);
}

}  // namespace
}  // namespace pgrightsizer::sizing
