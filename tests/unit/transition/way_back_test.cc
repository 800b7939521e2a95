#include "sights.h"

namespace pgrightsizer::transition {
namespace {

using testing::HasSubstr;

// 50 instances became 10; their pods have gone.
Sight going_back(Count instances = 10) {
  Sight sight = at_rest_pooled(50);
  sight.scale_to(instances);
  sight.seen.direct_capacity = 20 * instances;
  return sight;
}

TEST(WayBack, RaisesWhileEverythingIsStillPooled) {
  Sight sight = going_back();
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 250));
  sight.seen.requested = 250;
  EXPECT_THAT(sight.next(), Is(StepKind::FreezePooler));
  pause(sight);
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 250));
}

TEST(WayBack, ThenReplacedPodsMustStartSmallThenCapsShrinkThenTheRouteMoves) {
  Sight sight = going_back();
  sight.seen.effective = sight.seen.requested = 250;
  EXPECT_THAT(sight.next(), Is(StepKind::ApplyPooler));
  EXPECT_EQ(sight.next().boot_cap, 2);
  EXPECT_EQ(sight.next().pool_size, 150);
  sight.seen.pooler->boot_cap = 2;
  // 247 − 200 − 10 = 37 for two pods.
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, 18));
  for (PoolerPod& pod : sight.seen.pods) pod.cap = pod.announced = 18;
  EXPECT_THAT(sight.next(), Is(StepKind::SwitchToDirect));
}

TEST(WayBack, WithManyDatabasesReplacedPodsNeedRoomHoweverSmallTheyStart) {
  Sight sight = going_back();
  sight.seen.effective = sight.seen.requested = 250;
  for (PoolerPod& pod : sight.seen.pods) pod.least = 3;
  sight.seen.pooler->least = 3;
  EXPECT_EQ(sight.next().boot_cap, 2);
  sight.seen.pooler->boot_cap = 2;
  // 247 − 200 − 10 = 37 for two pods, of which each is counted with 1 when it is replaced.
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, 17));
  for (PoolerPod& pod : sight.seen.pods) pod.cap = pod.announced = 17;
  EXPECT_THAT(sight.next(), Is(StepKind::SwitchToDirect));
}

TEST(WayBack, WaitsUntilTheFrontServiceWouldHaveAnEndpoint) {
  Sight sight = going_back();
  sight.seen.effective = sight.seen.requested = 250;
  sight.seen.pooler->boot_cap = 2;
  for (PoolerPod& pod : sight.seen.pods) pod.cap = pod.announced = 18;
  sight.seen.database_ready = false;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Database));
  sight.seen.database_ready = true;
  EXPECT_THAT(sight.next(), Is(StepKind::SwitchToDirect));
}

TEST(WayBack, DoesNotMoveWhileServersAreAboveTheirCaps) {
  Sight sight = going_back();
  sight.seen.effective = sight.seen.requested = 250;
  sight.seen.pooler->boot_cap = 2;
  for (PoolerPod& pod : sight.seen.pods) pod.cap = pod.announced = 18;
  sight.seen.pods[1].servers = 40;
  EXPECT_THAT(sight.next(), Is(StepKind::Reconnect));
  EXPECT_EQ(sight.next().pod, "b");
}

TEST(WayBack, DoesNotMoveWhileTerminatingPoolersHoldRoom) {
  Sight sight = going_back();
  sight.seen.effective = sight.seen.requested = 250;
  sight.seen.pooler->boot_cap = 2;
  for (PoolerPod& pod : sight.seen.pods) pod.cap = pod.announced = 12;
  sight.seen.pods.push_back(pooler_pod("old", 75));
  sight.seen.pods.back().terminating = true;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::CapsShrinking));
}

TEST(WayBack, DoesNotMoveWhileApplicationPodsThatAreNotGoneWouldNotFit) {
  Sight sight = going_back();
  sight.seen.effective = sight.seen.requested = 250;
  sight.seen.direct_capacity = 1000;
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::NoRoom));
  EXPECT_THAT(step.reason, HasSubstr("1000 direct + 150 pooled + 10 others > 247 usable"));
}

TEST(WayBack, DoesNotShrinkForARoomThatCannotBeMade) {
  Sight sight = going_back();
  sight.seen.effective = sight.seen.requested = 250;
  sight.seen.direct_capacity = 1000;
  sight.seen.pods[0].cap = sight.seen.pods[0].announced = 18;
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, 75)) << "pods keep their share meanwhile";
}

TEST(WayBack, WaitsForTheScaleDownWindow) {
  Sight sight = going_back();
  sight.seen.stabilized = false;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Stabilizing));
}

TEST(WayBack, ServesOnWhileItsRestartWaits) {
  Sight sight = going_back();
  sight.seen.requested = 250;
  sight.rules.restart = RestartPolicy::Manual;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
  sight.seen.pods[0] = pooler_pod("new", 18);
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, 75));
}

TEST(WayBack, NeedsNoRestartWhenTheServerIsLargeEnough) {
  Sight sight = going_back(5);
  EXPECT_THAT(sight.next(), Is(StepKind::ApplyPooler)) << "100 + 150 + 36 + 10 > 197";
  sight.seen.pooler->boot_cap = 2;
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, 43));
}

TEST(WayBack, WithoutAnyPoolerLeftTheRouteMovesAtOnce) {
  Sight sight = going_back(5);
  sight.seen.pooler.reset();
  sight.seen.pods.clear();
  sight.seen.stabilized = false;
  EXPECT_THAT(sight.next(), Is(StepKind::SwitchToDirect));
}

// ── The pooler is left ──────────────────────────────────────────────────────────────────────────

Sight back_on_the_direct_route() {
  Sight sight = going_back();
  sight.seen.effective = sight.seen.requested = 250;
  sight.seen.route = Route::Direct;
  sight.seen.pooler->boot_cap = 2;
  for (PoolerPod& pod : sight.seen.pods) pod.cap = pod.announced = 18;
  return sight;
}

TEST(LeavingThePooler, WaitsForTheRouteThenForItsClients) {
  Sight sight = back_on_the_direct_route();
  sight.seen.route_settled = false;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RouteSettling));
  sight.seen.route_settled = true;
  sight.history.drain_since = sight.now - seconds{60};
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::PooledDraining));
  EXPECT_THAT(step.reason, HasSubstr("200 clients"));
  EXPECT_EQ(step.deadline, sight.now + seconds{540});
}

TEST(LeavingThePooler, TerminateIdleEndsItsClientsUntilOverdue) {
  Sight sight = back_on_the_direct_route();
  sight.rules.drain = Drain::TerminateIdle;
  EXPECT_THAT(sight.next(), Is(StepKind::DrainPooled));
  sight.history.drain_since = sight.now - seconds{600};
  EXPECT_THAT(sight.next(), WaitsFor(Topic::PooledDraining));
}

TEST(LeavingThePooler, RemovesItWhenNobodyIsConnected) {
  Sight sight = back_on_the_direct_route();
  for (PoolerPod& pod : sight.seen.pods) pod.clients = 0;
  EXPECT_THAT(sight.next(), Is(StepKind::RemovePooler));
}

TEST(LeavingThePooler, APodThatCannotBeAskedMayHaveClients) {
  Sight sight = back_on_the_direct_route();
  for (PoolerPod& pod : sight.seen.pods) pod.clients = 0;
  sight.seen.pods[0].console = false;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::PooledDraining));
  sight.seen.pods[0].ready = false;
  EXPECT_THAT(sight.next(), Is(StepKind::RemovePooler)) << "it never served anybody";
}

TEST(LeavingThePooler, CapsDoNotGrowAgainAfterTheSwitch) {
  Sight sight = back_on_the_direct_route();
  for (PoolerPod& pod : sight.seen.pods) pod.cap = pod.announced = 2;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::PooledDraining));
}

TEST(LeavingThePooler, AnewMoveToThePoolerTurnsItAround) {
  Sight sight = back_on_the_direct_route();
  sight.scale_to(50);
  EXPECT_THAT(sight.next(), Is(StepKind::SwitchToPooler));
}

// ── Turned back ─────────────────────────────────────────────────────────────────────────────────

// Moved to the pooler with 1030 connections; logins through it fail.
Sight failing(seconds since) {
  Sight sight = just_switched(50);
  sight.seen.pooled_login = Login::Failing;
  sight.seen.pooled_login_failing_since = sight.now - since;
  return sight;
}

TEST(TurnBack, WaitsHalfAMinute) {
  Sight sight = failing(seconds{10});
  sight.seen.direct_sessions = 1010;
  sight.seen.pooler->boot_cap = 2;
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::PooledLogin));
  EXPECT_EQ(step.deadline, sight.now + seconds{20});
}

TEST(TurnBack, IsDoneWhenEverybodyFitsAndTriedAgainInFiveMinutes) {
  const Sight sight = failing(seconds{30});
  const Step step = sight.next();
  EXPECT_THAT(step, Is(StepKind::TurnBack));
  EXPECT_EQ(step.deadline, sight.now + seconds{300});
}

TEST(TurnBack, WaitsTwiceAsLongEachTime) {
  Sight sight = failing(seconds{30});
  sight.history.turned_back_since = sight.now - seconds{1000};
  sight.history.retry_at = *sight.history.turned_back_since + seconds{600};
  EXPECT_EQ(sight.next().deadline, sight.now + seconds{1200});
  sight.history.retry_at = *sight.history.turned_back_since + seconds{80'000};
  EXPECT_EQ(sight.next().deadline, sight.now + seconds{86'400});
}

TEST(TurnBack, ShrinksAndVerifiesFirst) {
  Sight sight = failing(seconds{30});
  sight.seen.direct_sessions = 800;
  for (PoolerPod& pod : sight.seen.pods) pod.cap = pod.announced = 75;
  EXPECT_THAT(sight.next(), Is(StepKind::ApplyPooler));
  EXPECT_EQ(sight.next().boot_cap, 2);
  sight.seen.pooler->boot_cap = 2;
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, (1027 - 980 - 10) / 2));
  for (PoolerPod& pod : sight.seen.pods) {
    pod.cap = pod.announced = 18;
    pod.servers = 75;
  }
  EXPECT_THAT(sight.next(), Is(StepKind::Reconnect));
  for (PoolerPod& pod : sight.seen.pods) pod.servers = 18;
  EXPECT_THAT(sight.next(), Is(StepKind::TurnBack));
}

TEST(TurnBack, IsNotDoneWhenMaxConnectionsWasLowered) {
  Sight sight = at_rest_pooled(50);
  sight.seen.pooled_login = Login::Failing;
  sight.seen.pooled_login_failing_since = sight.now - seconds{600};
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::PooledLogin));
  EXPECT_THAT(step.reason, HasSubstr("the way back is closed"));
}

TEST(TurnBack, IsNotDoneForAFullServerOrForLoginsThatFailEverywhere) {
  Sight sight = failing(seconds{60});
  sight.seen.pooled_login = Login::ServerFull;
  EXPECT_THAT(sight.next().kind, testing::Ne(StepKind::TurnBack));
  sight.seen.pooled_login = Login::Failing;
  sight.seen.direct_login = Login::Failing;
  EXPECT_THAT(sight.next(), testing::Not(Is(StepKind::TurnBack)));
}

}  // namespace
}  // namespace pgrightsizer::transition
