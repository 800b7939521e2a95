// What the status says of the figures of one turn.
#include "controller/report/status.h"

#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

class StatusTest : public TurnTest {
 protected:
  StatusTest() {
    facts_.seen.database_up = true;
    facts_.seen.effective = 200;
    facts_.seen.reserved = 3;
    facts_.sessions = 160;
  }
  [[nodiscard]] api::Status status(const api::Status& before = {}) { return build_status(turn_, {}, before); }
};

TEST_F(StatusTest, UsedIsAShareOfWhatTheRouteInForceCanGive) {
  facts_.saturation.now.used = 120;
  facts_.saturation.now.limit = 150;
  const auto current = status().current;
  ASSERT_TRUE(current);
  EXPECT_EQ(current->used, 160);
  EXPECT_EQ(current->used_percent, 80) << "of the pool, not of the server's 197";
}

TEST_F(StatusTest, NothingIsUsedOfALimitThatIsNotKnown) {
  const auto current = status().current;
  ASSERT_TRUE(current);
  EXPECT_EQ(current->used_percent, 0);
}

TEST_F(StatusTest, AtZeroInstancesTheSizesLastRecommendedAreKept) {
  facts_.plan.route = sizing::Route::Pooler;
  facts_.plan.demand = 1000;
  facts_.plan.pool_size = 150;
  facts_.plan.max_connections = 200;
  facts_.plan.uncapped_max_connections = 210;
  const auto before = status();
  facts_.plan = sizing::plan({}, {}, 1);
  const auto held = status(before).recommended;
  ASSERT_TRUE(held);
  EXPECT_EQ(held->max_connections, 200);
  EXPECT_EQ(held->uncapped_max_connections, 210);
  EXPECT_EQ(held->pool_size, 150);
  EXPECT_EQ(held->route, sizing::Route::Pooler);
  EXPECT_EQ(held->demand, 0) << "nobody opens any";
  EXPECT_EQ(held->formula, "0 instances: the present sizes are kept");
}

TEST_F(StatusTest, AtZeroInstancesFromTheBeginningNothingIsRecommended) {
  facts_.plan = sizing::plan({}, {}, 0);
  EXPECT_FALSE(status().recommended);
}

TEST_F(StatusTest, WhatCannotBeSeenChangesNoRecommendation) {
  facts_.plan.max_connections = 200;
  facts_.plan.formula = "7 instances";
  const auto before = status();
  facts_.problems.push_back({kWatchFailing, "no watch"});
  facts_.plan = sizing::plan({}, {}, 0);
  EXPECT_EQ(status(before).recommended->formula, "7 instances");
  EXPECT_EQ(status(before).recommended->max_connections, 200);
}

TEST_F(StatusTest, OfASpecThatCannotBeReadNothingIsUnderWay) {
  api::Status before;
  before.conditions = {{"Reconciling", "True", "ApplyPooler", "", 0, {}}};
  const Error error{ErrorKind::Invalid, "spec.suspend is 7", "ConnectionPolicy shop/shop-db", "use true or false"};
  const auto after = invalid_status(policy_, error, before, clock_.now());
  EXPECT_EQ(api::find_condition(after.conditions, "Reconciling"), nullptr);
  const auto* stalled = api::find_condition(after.conditions, "Stalled");
  ASSERT_NE(stalled, nullptr);
  EXPECT_EQ(stalled->reason, "InvalidSpec");
}

}  // namespace
}  // namespace pgrightsizer::controller
