#include "sights.h"

namespace pgrightsizer::transition {
namespace {

using testing::HasSubstr;

// 49 instances direct; the fiftieth is on its way and the pooler's pods are there.
Sight before_the_switch() {
  Sight sight = just_switched(50);
  sight.seen.route = Route::Direct;
  sight.seen.pooled_login = Login::Ok;
  for (PoolerPod& pod : sight.seen.pods) pod.clients = 0;
  return sight;
}

TEST(ToPooler, BeginsWithAPoolerThatTakesOnlyWhatIsFree) {
  Sight sight = at_rest_direct(49);
  sight.scale_to(50);
  const Step step = sight.next();
  EXPECT_THAT(step, Is(StepKind::ApplyPooler));
  EXPECT_EQ(step.pool_size, 150);
  EXPECT_EQ(step.max_clients, 10'000);
  // 1027 usable − 1000 − 10 = 17: for two pods, and for two more that replace them.
  EXPECT_EQ(step.boot_cap, 4);
}

TEST(ToPooler, OnAFullServerThePoolerStartsWithTheMinimumThatIsAlwaysGranted) {
  Sight sight = at_rest_direct(10);
  sight.scale_to(50);
  const Step step = sight.next();
  EXPECT_THAT(step, Is(StepKind::ApplyPooler));
  EXPECT_EQ(step.boot_cap, 2);
}

TEST(ToPooler, WithRoomThePoolerStartsWithTheFullBootCap) {
  Sight sight = at_rest_direct(50);
  sight.seen.effective = sight.seen.requested = 2000;
  EXPECT_EQ(sight.next().boot_cap, 18);
}

TEST(ToPooler, NothingIsLoweredBeforeTheMove) {
  Sight sight = at_rest_direct(49);
  sight.scale_to(50);
  sight.rules.restart = RestartPolicy::Immediate;
  EXPECT_THAT(sight.next(), Is(StepKind::ApplyPooler));
  EXPECT_THAT(before_the_switch().next(), Is(StepKind::SwitchToPooler));
}

TEST(ToPooler, WaitsForAPodThatIsReadyAndWhoseConsoleAnswers) {
  Sight sight = before_the_switch();
  for (PoolerPod& pod : sight.seen.pods) pod.ready = false;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::PoolerStarting));
  sight.seen.pods[0].ready = true;
  EXPECT_THAT(sight.next(), Is(StepKind::SwitchToPooler)) << "one is enough";
  sight.seen.pods[0].console = false;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::PoolerStarting));
}

TEST(ToPooler, DoesNotCountTerminatingPodsAsServing) {
  Sight sight = before_the_switch();
  for (PoolerPod& pod : sight.seen.pods) pod.terminating = true;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::PoolerStarting));
}

TEST(ToPooler, IsHeldWhileDirectSessionsUseTlsAndThePoolerHasNoCertificate) {
  Sight sight = before_the_switch();
  sight.seen.needs_tls = true;
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::NeedsTls));
  EXPECT_THAT(step.reason, HasSubstr("pooler.tlsSecretName"));
}

struct Probe {
  Login pooled;
  Login direct;
  bool switches;
};

class LoginProbe : public testing::TestWithParam<Probe> {};

TEST_P(LoginProbe, DecidesAboutTheSwitch) {
  Sight sight = before_the_switch();
  sight.seen.pooled_login = GetParam().pooled;
  sight.seen.direct_login = GetParam().direct;
  if (GetParam().switches) {
    EXPECT_THAT(sight.next(), Is(StepKind::SwitchToPooler));
  } else {
    EXPECT_THAT(sight.next(), WaitsFor(Topic::PooledLogin));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Logins, LoginProbe,
    testing::Values(
        Probe{Login::Ok, Login::Unknown, true}, Probe{Login::ServerFull, Login::Unknown, true},
        Probe{Login::Unknown, Login::Ok, true}, Probe{Login::Unknown, Login::ServerFull, true},
        Probe{Login::Unknown, Login::Failing, false}, Probe{Login::Unknown, Login::Unknown, false},
        Probe{Login::Failing, Login::Ok, false},
        // A full server makes pooled logins time out: the pooler is the way out.
        Probe{Login::Failing, Login::ServerFull, true}));

TEST(ToPooler, AnnouncesWhatAPodStartedWith) {
  Sight sight = before_the_switch();
  sight.seen.pods[1].announced = 0;
  const Step step = sight.next();
  EXPECT_THAT(step, Does(StepKind::SetCap, 4));
  EXPECT_EQ(step.pod, "b");
}

TEST(ToPooler, AfterATurnBackWaitsUntilTheRetryIsDue) {
  Sight sight = before_the_switch();
  sight.history.turned_back_since = sight.now - seconds{100};
  sight.history.retry_at = sight.now + seconds{200};
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::RetryLater));
  EXPECT_EQ(step.deadline, sight.history.retry_at);
  sight.seen.pooler->current = false;
  EXPECT_THAT(sight.next(), Is(StepKind::ApplyPooler)) << "a new template may be the cure";
  sight.seen.pooler->current = true;
  sight.now += seconds{200};
  EXPECT_THAT(sight.next(), Is(StepKind::SwitchToPooler));
}

// ── Draining ────────────────────────────────────────────────────────────────────────────────────

// Nothing is free for the caps to grow into.
Sight draining() {
  Sight sight = just_switched(50);
  sight.seen.direct_sessions = 1001;
  return sight;
}

TEST(Draining, WaitsForTheRouteFirst) {
  Sight sight = draining();
  sight.seen.route_settled = false;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RouteSettling));
}

TEST(Draining, WaitsForDirectSessionsUntilTheDeadline) {
  Sight sight = draining();
  sight.history.drain_since = sight.now - seconds{100};
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::DirectDraining));
  EXPECT_EQ(step.deadline, sight.now + seconds{500});
  EXPECT_THAT(step.reason, HasSubstr("1001 direct connections"));
}

TEST(Draining, ActsWhenTheRulesSaySoAndHoldsWhenOverdue) {
  for (const Drain drain : {Drain::TerminateIdle, Drain::RolloutRestart}) {
    Sight sight = draining();
    sight.rules.drain = drain;
    sight.history.drain_since = sight.now - seconds{599};
    EXPECT_THAT(sight.next(), Is(StepKind::DrainDirect));
    sight.now += seconds{1};
    const Step step = sight.next();
    EXPECT_THAT(step, WaitsFor(Topic::DirectDraining));
    EXPECT_THAT(step.reason, HasSubstr("overdue"));
  }
}

TEST(Draining, NobodyIsDrivenToAPoolerWhoseLoginsFail) {
  Sight sight = draining();
  sight.rules.drain = Drain::TerminateIdle;
  sight.seen.pooled_login = Login::Failing;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::PooledLogin));
}

TEST(Draining, OnAFullServerAFewIdleSessionsMakeRoomForThePoolersWhateverTheDrain) {
  Sight sight = draining();
  sight.seen.direct_sessions = 1020;
  sight.seen.pooler->boot_cap = 2;
  sight.seen.pooled_login = Login::ServerFull;
  EXPECT_THAT(sight.next(), Does(StepKind::DrainDirect, 4)) << "two for each pod";
  sight.seen.pods[0].ready = false;
  EXPECT_THAT(sight.next(), Does(StepKind::DrainDirect, 4)) << "also for one about to serve";
  sight.seen.route_settled = false;
  EXPECT_THAT(sight.next(), Does(StepKind::DrainDirect, 4));
  sight.seen.pods[1].announced = 0;
  EXPECT_THAT(sight.next(), Does(StepKind::DrainDirect, 4)) << "refused clients wait for nothing";
  sight.seen.route_settled = true;
  EXPECT_THAT(sight.next(), Is(StepKind::SetCap)) << "but only while the route settles";
  sight.seen.pods[1].announced = 4;
  sight.seen.route_settled = false;
  sight.seen.pooled_login = Login::Ok;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RouteSettling));
}

TEST(Draining, CapsGrowEvenlyIntoWhatDirectSessionsLeave) {
  Sight sight = just_switched(50);
  sight.seen.direct_sessions = 900;
  // 1027 − 900 − 8 − 10 = 109, 8 of it for replaced pods: 50 more for each.
  const Step step = sight.next();
  EXPECT_THAT(step, Does(StepKind::SetCap, 54));
  EXPECT_EQ(step.old_value, 4);
  sight.seen.pods[0].cap = sight.seen.pods[0].announced = 54;
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, 54));
  EXPECT_EQ(sight.next().pod, "b");
}

TEST(Draining, AnAnnouncedCapThatWasNeverSetIsSet) {
  Sight sight = draining();
  sight.seen.pooler->boot_cap = 2;
  sight.seen.pods[0].announced = 8;
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, 8)) << "it is counted already";
}

// Found by tests/simulation: demand had come in between, and the SET made it worse.
TEST(Draining, AnAnnouncedCapThatIsNoLongerFreeIsTakenBack) {
  Sight sight = draining();
  sight.seen.pooler->boot_cap = 2;
  sight.seen.pods[0].announced = 30;
  sight.seen.direct_capacity = 1100;
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, sight.seen.pods[0].cap));
}

// Found by tests/simulation: 9 were announced and 3 set, a smaller pool came, and 6 were one too many.
TEST(Draining, ShrinkingNeverRaisesWhatWasOnlyAnnounced) {
  Sight sight = draining();
  sight.seen.pods[0].announced = 300;
  const Count present = sight.seen.pods[0].cap;
  ASSERT_GT(present, 0);
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, present));
}

TEST(Draining, MaxConnectionsStaysUntilThreeLooksSawNobody) {
  Sight sight = just_switched(50);
  sight.seen.direct_sessions = 0;
  for (PoolerPod& pod : sight.seen.pods) pod.cap = pod.announced = 75;
  for (const int looks : {0, 1, 2}) {
    sight.seen.looks_without_direct = looks;
    EXPECT_THAT(sight.next(), WaitsFor(Topic::DirectDraining));
  }
  sight.seen.looks_without_direct = 3;
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 200));
}

// ── The smaller server ──────────────────────────────────────────────────────────────────────────

Sight drained() {
  Sight sight = at_rest_pooled(50);
  sight.seen.effective = sight.seen.requested = 1030;
  return sight;
}

TEST(Lowering, IsRequestedAndRestartedAtOnceBecauseItCostsNothing) {
  Sight sight = drained();
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 200));
  sight.seen.requested = 200;
  pause(sight);
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 200));
}

TEST(Lowering, IsNotRequestedWhileItsRestartMustWait) {
  Sight sight = drained();
  sight.history.restarts = {{sight.now - seconds{10}, 250, 1030, milliseconds{1}}};
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
  EXPECT_EQ(sight.next().deadline, sight.now + seconds{290});
  sight.history.restarts.clear();
  sight.rules.restart = RestartPolicy::Manual;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
}

TEST(Lowering, IsTakenBackWhenSomebodyIsDirectAgain) {
  Sight sight = drained();
  sight.seen.requested = 200;
  sight.seen.direct_sessions = 5;
  sight.seen.looks_without_direct = 0;
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 1030));
}

TEST(Lowering, WaitsForTheScaleDownWindow) {
  Sight sight = drained();
  sight.seen.stabilized = false;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Stabilizing));
}

TEST(Lowering, WaitsForServersAboveTheirCap) {
  Sight sight = drained();
  sight.seen.pods[0].servers = 120;
  EXPECT_THAT(sight.next(), Is(StepKind::Reconnect));
  EXPECT_EQ(sight.next().pod, "a");
}

TEST(Lowering, CannotBringAPoolerBelowOneServerForEachDatabase) {
  Sight sight = drained();
  sight.seen.pods[0].servers = sight.seen.pods[0].least = 120;
  EXPECT_THAT(sight.next(), ::testing::Not(Is(StepKind::Reconnect)));
}

TEST(Lowering, WaitsForTerminatingPoolers) {
  Sight sight = drained();
  sight.seen.pods.push_back(pooler_pod("old", 75));
  sight.seen.pods.back().terminating = true;
  for (int i = 0; i < 2; ++i) sight.seen.pods[static_cast<std::size_t>(i)].cap = 50;
  for (int i = 0; i < 2; ++i) sight.seen.pods[static_cast<std::size_t>(i)].announced = 50;
  sight.seen.pods[0].servers = 90;
  EXPECT_THAT(sight.next(), Is(StepKind::Reconnect));
}

TEST(Lowering, IsHeldWhileLoginsThroughThePoolerFail) {
  Sight sight = drained();
  sight.seen.pooled_login = Login::Failing;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::PooledLogin));
}

TEST(Lowering, MakesReplacedPodsSmallerWhenOthersAreMany) {
  Sight sight = drained();
  sight.seen.others = 20;
  const Step step = sight.next();
  EXPECT_THAT(step, Is(StepKind::ApplyPooler));
  EXPECT_EQ(step.boot_cap, (197 - 20 - 150) / 2);
}

TEST(Lowering, IsHeldWhenOthersDoNotFit) {
  Sight sight = drained();
  sight.seen.others = 60;
  sight.seen.pooler->boot_cap = 2;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::NoRoom));
}

// ── At rest ─────────────────────────────────────────────────────────────────────────────────────

TEST(PooledRest, HasNothingToDo) {
  EXPECT_THAT(at_rest_pooled(50).next(), Is(StepKind::None));
  EXPECT_THAT(at_rest_pooled(100).next(), Is(StepKind::None));
}

TEST(PooledRest, BringsTheBootCapToWhatTheBufferAllows) {
  Sight sight = at_rest_pooled(50);
  sight.seen.pooler->boot_cap = 4;
  const Step step = sight.next();
  EXPECT_THAT(step, Is(StepKind::ApplyPooler));
  EXPECT_EQ(step.boot_cap, 18);
  EXPECT_EQ(step.pool_size, 150);
}

TEST(PooledRest, OthersThatAreManyTakeFromReplacedPodsAndNotFromThePool) {
  Sight sight = at_rest_pooled(50);
  sight.seen.others = 25;
  EXPECT_THAT(sight.next(), Is(StepKind::None)) << "nothing is taken from who has it";
  sight.seen.pods[0] = pooler_pod("new", 18);
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, 61)) << "197 − 93 − 25 − 36 = 43 more";
  sight.seen.pods[0].cap = sight.seen.pods[0].announced = 61;
  EXPECT_THAT(sight.next(), Is(StepKind::ApplyPooler));
  EXPECT_EQ(sight.next().boot_cap, (197 - 25 - 150) / 2);
  sight.seen.pooler->boot_cap = 11;
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, 75));
}

TEST(PooledRest, ABootCapIsNotChangedForALittleMoreOrLess) {
  Sight sight = at_rest_pooled(50);
  sight.seen.others = 12;
  EXPECT_THAT(sight.next(), Is(StepKind::None));
  sight.seen.pooler->boot_cap = 15;
  EXPECT_THAT(sight.next(), Is(StepKind::None));
}

TEST(PooledRest, ClientsAreRaisedAheadAndNeverLowered) {
  Sight sight = at_rest_pooled(50);
  sight.scale_to(300);
  EXPECT_EQ(sight.next().max_clients, 12'000);
  sight.scale_to(50);
  sight.seen.pooler->max_clients = 12'000;
  EXPECT_THAT(sight.next(), Is(StepKind::None));
}

TEST(PooledRest, ThePoolerIsMadeAgainWhenSomebodyDeletedIt) {
  Sight sight = at_rest_pooled(50);
  sight.seen.pooler.reset();
  sight.seen.pods.clear();
  const Step step = sight.next();
  EXPECT_THAT(step, Is(StepKind::ApplyPooler));
  EXPECT_EQ(step.boot_cap, 18);
}

TEST(PooledRest, ANewTemplateWaitsForTerminatingPods) {
  Sight sight = at_rest_pooled(50);
  sight.seen.pooler->current = false;
  EXPECT_THAT(sight.next(), Is(StepKind::ApplyPooler));
  sight.seen.pods.push_back(pooler_pod("old", 75));
  sight.seen.pods.back().terminating = true;
  for (PoolerPod& pod : sight.seen.pods) pod.cap = pod.announced = 50;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::PoolerReplacing));
}

// ── Pods that come and go ───────────────────────────────────────────────────────────────────────

TEST(ReplacedPod, TheShareIsDividedByAllPodsAlive) {
  Sight sight = at_rest_pooled(50);
  sight.seen.pods.push_back(pooler_pod("new", 18));
  sight.seen.pods[0].terminating = true;
  sight.seen.pods[0].console = false;
  const Step step = sight.next();
  EXPECT_THAT(step, Does(StepKind::SetCap, 50));
  EXPECT_EQ(step.pod, "b");
}

TEST(ReplacedPod, GrowsWhenItsPredecessorIsGone) {
  Sight sight = at_rest_pooled(50);
  sight.seen.pods[0] = pooler_pod("new", 18);
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, 75));
}

TEST(ReplacedPod, AMissingPodIsWaitedFor) {
  Sight sight = at_rest_pooled(50);
  sight.seen.pods.pop_back();
  EXPECT_THAT(sight.next(), WaitsFor(Topic::PoolerStarting));
}

TEST(ReplacedPod, MorePodsStartSmallAfterTheOthersHaveShrunk) {
  Sight sight = at_rest_pooled(50);
  sight.rules.pooler_replicas = 4;
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, 37));
  for (PoolerPod& pod : sight.seen.pods) pod.cap = pod.announced = 37;
  const Step step = sight.next();
  EXPECT_THAT(step, Is(StepKind::ApplyPooler));
  EXPECT_EQ(step.boot_cap, 9);
}

// ── Tiers ───────────────────────────────────────────────────────────────────────────────────────

TEST(TierUp, RaisesTheServerBeforeTheCaps) {
  Sight sight = at_rest_pooled(50);
  sight.scale_to(100);
  EXPECT_THAT(sight.next(), Is(StepKind::ApplyPooler));
  EXPECT_EQ(sight.next().pool_size, 200);
  sight.seen.pooler->pool_size = 200;
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 250));
  sight.seen.requested = 250;
  EXPECT_THAT(sight.next(), Is(StepKind::FreezePooler));
  sight.seen.pooler->frozen = true;
  EXPECT_THAT(sight.next(), Is(StepKind::Pause));
  pause(sight);
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 250));
  sight.seen = at_rest_pooled(50).seen;
  sight.seen.pooler->pool_size = 200;
  sight.seen.effective = sight.seen.requested = 250;
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, 100));
}

TEST(TierUp, WhileTheRestartWaitsCapsStayWithinTheRunningServer) {
  Sight sight = at_rest_pooled(50);
  sight.scale_to(100);
  sight.seen.pooler->pool_size = 200;
  sight.seen.requested = 250;
  sight.rules.restart = RestartPolicy::Manual;
  for (int i = 0; i < 10; ++i) {
    const Step step = sight.next();
    if (step.kind != StepKind::SetCap) break;
    PoolerPod& pod = sight.seen.pods[step.pod == "a" ? 0 : 1];
    pod.cap = pod.announced = step.value;
    EXPECT_LE(excess(sight.seen) + sight.seen.replacement_room(), 0);
  }
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
}

TEST(TierUp, AutoDoesNotRestartUnderDirectSessions) {
  Sight sight = at_rest_pooled(50);
  sight.scale_to(100);
  sight.seen.pooler->pool_size = 200;
  sight.seen.requested = 250;
  sight.seen.direct_sessions = 1;
  sight.seen.looks_without_direct = 0;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
}

TEST(TierDown, ShrinksAndVerifiesBeforeTheServerIsLowered) {
  Sight sight = at_rest_pooled(100);
  sight.scale_to(90);
  ASSERT_EQ(sight.plan.pool_size, 150);
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, 75));
  for (PoolerPod& pod : sight.seen.pods) pod.cap = pod.announced = 75;
  sight.seen.pods[0].servers = 100;
  EXPECT_THAT(sight.next(), Is(StepKind::ApplyPooler));
  sight.seen.pooler->pool_size = 150;
  EXPECT_THAT(sight.next(), Is(StepKind::Reconnect)) << "75 + 100 + 36 + 10 > 197";
  sight.seen.pods[0].servers = 75;
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 200));
}

TEST(TierDown, APoolIsNotMadeSmallerBeforeTheScaleDownWindowHasPassed) {
  Sight sight = at_rest_pooled(100);
  sight.scale_to(90);
  sight.seen.stabilized = false;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Stabilizing));
}

}  // namespace
}  // namespace pgrightsizer::transition
