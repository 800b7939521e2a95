#include "sights.h"

namespace pgrightsizer::transition {
namespace {

// 10 instances on a server that is large enough for every size of direct traffic.
Sight limited(Count limit, Count wanted, Count sessions) {
  Sight sight = at_rest_direct(10);
  sight.plan.max_connections = sight.seen.effective = sight.seen.requested = 1030;
  sight.seen.role_limit = limit;
  sight.seen.role_sessions = sessions;
  sight.rules.role_limit = wanted;
  return sight;
}

// The poolers serve, and nobody is sent to them yet.
Sight about_to_move() {
  Sight sight = just_switched(50);
  sight.seen.route = Route::Direct;
  return sight;
}

TEST(RoleLimit, RisesAtOnce) {
  EXPECT_THAT(limited(280, 480, 200).next(), Does(StepKind::SetRoleLimit, 480));
}

TEST(RoleLimit, IsLoweredWhenTheSessionsFit) {
  EXPECT_THAT(limited(480, 280, 281).next(), WaitsFor(Topic::RoleLimit));
  EXPECT_THAT(limited(480, 280, 280).next(), Does(StepKind::SetRoleLimit, 280));
}

TEST(RoleLimit, NoneIsTheLargest) {
  EXPECT_THAT(limited(-1, 280, 281).next(), WaitsFor(Topic::RoleLimit));
  EXPECT_THAT(limited(-1, 280, 200).next(), Does(StepKind::SetRoleLimit, 280));
}

TEST(RoleLimit, AtRestNothingIsDone) {
  EXPECT_THAT(limited(280, 280, 200).next(), Is(StepKind::None));
  Sight sight = at_rest_direct(10);
  EXPECT_THAT(sight.next(), Is(StepKind::None)) << "it is not limited";
}

TEST(RoleLimit, AWaitForSessionsHoldsUpNoRestart) {
  Sight sight = limited(480, 280, 281);
  sight.seen.effective = 250;
  sight.seen.direct_capacity = 400;
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 1030));
}

TEST(RoleLimit, IsLiftedBeforeTheFirstClientGetsToThePooler) {
  Sight sight = about_to_move();
  sight.seen.role_limit = 1000;
  sight.rules.role_limit = 1000;
  EXPECT_THAT(sight.next(), Does(StepKind::SetRoleLimit, -1));
  sight.seen.role_limit = -1;
  EXPECT_THAT(sight.next(), Is(StepKind::SwitchToPooler));
}

TEST(RoleLimit, IsLiftedAtOnceWhenAMoveIsAhead) {
  Sight sight = limited(280, 1220, 280);
  sight.scale_to(60);
  EXPECT_THAT(sight.next(), Does(StepKind::SetRoleLimit, -1)) << "before there is any pooler";
  sight.history.retry_at = sight.now + seconds{60};
  EXPECT_THAT(sight.next(), Does(StepKind::SetRoleLimit, -1)) << "a move that was turned back, too";
}

TEST(RoleLimit, BehindThePoolerThereIsNone) {
  Sight sight = at_rest_pooled(50);
  sight.rules.role_limit = 1020;
  sight.seen.role_limit = 1000;
  EXPECT_THAT(sight.next(), Does(StepKind::SetRoleLimit, -1));
}

TEST(RoleLimit, ItIsSetAgainWhenTheWayBackHasSettled) {
  Sight sight = limited(-1, 280, 200);
  sight.seen.route_settled = false;
  EXPECT_THAT(sight.next(), testing::Not(Is(StepKind::SetRoleLimit)));
}

TEST(Readiness, TheFlipWaitsUntilSessionsWereLookedAt) {
  Sight sight = about_to_move();
  sight.seen.looks_at_sessions = 2;
  EXPECT_THAT(sight.next(), Is(StepKind::SwitchToPooler)) << "with onIncompatible Move";
  sight.rules.look_at_sessions = true;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Readiness));
}

}  // namespace
}  // namespace pgrightsizer::transition
