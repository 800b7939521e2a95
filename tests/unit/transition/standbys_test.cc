#include "sights.h"

namespace pgrightsizer::transition {
namespace {

using testing::HasSubstr;

Standby standby(std::string name, Count value) {
  Standby one;
  one.name = std::move(name);
  one.up = one.streaming = one.caught_up = one.restartpoint = true;
  one.effective = one.mounted = value;
  return one;
}

// At rest with two standbys: the file alone holds the value.
Sight at_rest(Count instances = 10) {
  Sight sight = at_rest_direct(instances);
  Observation& seen = sight.seen;
  seen.primary = "db-0";
  seen.file = seen.mounted = seen.effective;
  seen.standbys = {standby("db-1", seen.effective), standby("db-2", seen.effective)};
  return sight;
}

// A raise from 250 to 290 that is needed.
Sight raise_due() {
  Sight sight = at_rest();
  sight.scale_to(12);
  return sight;
}

// A lowering from 290 to 250 that is permitted.
Sight lower_due() {
  Sight sight = at_rest(12);
  sight.scale_to(10);
  sight.rules.restart = RestartPolicy::Immediate;
  sight.seen.direct_sessions = sight.seen.direct_capacity = sight.seen.peak_direct_sessions = 200;
  return sight;
}

// The primary has been lowered; standbys, file and mounts are as they were.
Sight primary_lowered() {
  Sight sight = lower_due();
  Observation& seen = sight.seen;
  seen.effective = seen.requested = 250;
  seen.pinned = 250;
  return sight;
}

void pin(Standby& one, Count value) { one.pinned = value; }
void run_with_pin(Standby& one) { one.effective = *one.pinned; }

MATCHER_P3(On, kind, pod, value, std::string("is ") + to_string(kind)) {
  return arg.kind == kind && arg.pod == pod && arg.value == value;
}

TEST(StandbysAtRest, NothingIsDone) { EXPECT_THAT(at_rest().next(), Is(StepKind::None)); }

TEST(StandbysAtRest, OneThatIsAwayIsNotOurBusiness) {
  Sight sight = at_rest();
  sight.seen.standbys[0] = Standby{};
  sight.seen.standbys[0].name = "db-1";
  sight.seen.standbys[1].streaming = false;
  EXPECT_THAT(sight.next(), Is(StepKind::None));
}

// ── Raising ─────────────────────────────────────────────────────────────────────────────────────

TEST(StandbysRaise, StandbysOneByOneThenThePrimary) {
  Sight sight = raise_due();
  auto& standbys = sight.seen.standbys;
  EXPECT_THAT(sight.next(), On(StepKind::PinStandby, "db-1", 290));
  pin(standbys[0], 290);
  EXPECT_THAT(sight.next(), On(StepKind::RestartStandby, "db-1", 290));
  run_with_pin(standbys[0]);
  EXPECT_THAT(sight.next(), On(StepKind::PinStandby, "db-2", 290));
  pin(standbys[1], 290);
  EXPECT_THAT(sight.next(), On(StepKind::RestartStandby, "db-2", 290));
  run_with_pin(standbys[1]);
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 290));
  sight.seen.requested = 290;
  sight.seen.pinned = 290;
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 290));
}

TEST(StandbysRaise, TheFileFollowsLastAndNothingStaysPinned) {
  Sight sight = raise_due();
  Observation& seen = sight.seen;
  seen.effective = seen.requested = 290;
  seen.pinned = 290;
  for (Standby& one : seen.standbys) pin(one, 290), run_with_pin(one);
  EXPECT_THAT(sight.next(), Does(StepKind::WriteFile, 290));
  seen.file = 290;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Standby));
  seen.mounted = seen.standbys[0].mounted = 290;
  const Step lag = sight.next();
  EXPECT_THAT(lag, WaitsFor(Topic::Standby));
  EXPECT_THAT(lag.reason, HasSubstr("pod db-2 shows max_connections 250"));
  seen.standbys[1].mounted = 290;
  for (const char* pod : {"db-2", "db-1", "db-0"}) {
    EXPECT_THAT(sight.next(), On(StepKind::ResetInstance, pod, 290));
    if (pod == seen.primary) seen.pinned.reset();
    for (Standby& one : seen.standbys) {
      if (one.name == pod) one.pinned.reset();
    }
  }
  EXPECT_THAT(sight.next(), Is(StepKind::None));
}

TEST(StandbysRaise, NothingIsRequestedBeforeTheRestartIsPermitted) {
  Sight sight = raise_due();
  sight.rules.restart = RestartPolicy::Manual;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
}

TEST(StandbysRaise, WaitsForOneThatRestarts) {
  Sight sight = raise_due();
  sight.seen.standbys[0].terminating = true;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Standby));
  sight.seen.standbys[0] = Standby{};
  sight.seen.standbys[0].name = "db-1";
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::Standby));
  EXPECT_THAT(step.reason, HasSubstr("db-1 cannot be reached"));
  sight.seen.standbys[0].away_since = sight.now - seconds{9999};
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Standby)) << "the primary would leave it behind";
}

TEST(StandbysRaise, WaitsForItsReplicationToWork) {
  Sight sight = raise_due();
  sight.seen.standbys[1].streaming = false;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::ReplicationBroken));
  sight.seen.standbys[1].streaming = true;
  sight.seen.standbys[1].replay_paused = true;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::ReplicationBroken));
}

TEST(StandbysRaise, OneThatDoesNotStartKeepsThePrimaryAndNamesTheCure) {
  Sight sight = raise_due();
  Standby& one = sight.seen.standbys[0];
  one.up = one.streaming = false;
  one.start_failure = "could not map anonymous shared memory";
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::StandbyFailed));
  EXPECT_THAT(step.reason, HasSubstr("db-1 does not start: could not map"));
  EXPECT_THAT(step.reason, HasSubstr("postgresql.auto.conf on its volume"));
}

TEST(StandbysRaise, ThePrimarysRequestIsTakenBackWhenAStandbyGoesAway) {
  Sight sight = raise_due();
  for (Standby& one : sight.seen.standbys) pin(one, 290), run_with_pin(one);
  sight.seen.requested = 290;
  sight.seen.pinned = 290;
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 290));
  sight.seen.standbys[1].up = sight.seen.standbys[1].streaming = false;
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 250));
}

TEST(StandbysRaise, OneThatHasMoreIsNotRestartedButMustNotComeBackWithLess) {
  Sight sight = raise_due();
  for (Standby& one : sight.seen.standbys) one.effective = 310;
  EXPECT_THAT(sight.next(), On(StepKind::PinStandby, "db-1", 310));
  pin(sight.seen.standbys[0], 310);
  pin(sight.seen.standbys[1], 310);
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 290));
}

TEST(StandbysRaise, AChangedPlanGoesOnFromWhatWasPinned) {
  Sight sight = raise_due();
  pin(sight.seen.standbys[0], 290);
  sight.scale_to(13);
  EXPECT_THAT(sight.next(), WaitsFor(Topic::ForeignChange)) << "nobody knows who has set 290";
  sight.seen.pins = {290};
  EXPECT_THAT(sight.next(), On(StepKind::PinStandby, "db-1", 310));
}

TEST(StandbysRaise, WhoseDeletionWouldDoMoreIsNotRestarted) {
  Sight sight = raise_due();
  sight.seen.standbys[0].cannot_restart = "pod shop/db-1 is of revision 6";
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::RestartUnsafe));
  EXPECT_THAT(step.reason, HasSubstr("revision 6"));
}

TEST(StandbysRaise, OneThatCommitsWaitForIsNotRestarted) {
  Sight sight = raise_due();
  sight.seen.synchronous_spare = 0;
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::RestartUnsafe));
  EXPECT_THAT(step.reason, HasSubstr("synchronous_standby_names"));
  sight.seen.synchronous_spare = 1;
  EXPECT_THAT(sight.next(), Is(StepKind::PinStandby));
}

TEST(StandbysRaise, AForeignValueIsLeftAloneAndNamed) {
  Sight sight = raise_due();
  pin(sight.seen.standbys[1], 77);
  pin(sight.seen.standbys[0], 290);
  run_with_pin(sight.seen.standbys[0]);
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::ForeignChange));
  EXPECT_THAT(step.reason, HasSubstr("postgresql.auto.conf of pod db-2 sets max_connections 77"));
  EXPECT_THAT(step.reason, HasSubstr("ALTER SYSTEM RESET"));
}

TEST(StandbysRaise, AForeignValueOnThePrimaryStopsEverything) {
  Sight sight = raise_due();
  sight.seen.requested = 77;
  sight.seen.pinned = 77;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::ForeignChange));
}

// ── Lowering ────────────────────────────────────────────────────────────────────────────────────

TEST(StandbysLower, ThePrimaryFirst) {
  Sight sight = lower_due();
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 250));
  sight.seen.requested = 250;
  sight.seen.pinned = 250;
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 250));
}

TEST(StandbysLower, ThenEachStandbyThatHasReplayedIt) {
  Sight sight = primary_lowered();
  auto& standbys = sight.seen.standbys;
  standbys[0].caught_up = false;
  EXPECT_THAT(sight.next(), On(StepKind::PinStandby, "db-2", 250)) << "the other one need not wait";
  standbys[1].caught_up = false;
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::Standby));
  EXPECT_THAT(step.reason, HasSubstr("db-1 has not replayed"));
  standbys[0].caught_up = standbys[1].caught_up = true;
  EXPECT_THAT(sight.next(), On(StepKind::PinStandby, "db-1", 250));
  pin(standbys[0], 250);
  EXPECT_THAT(sight.next(), On(StepKind::RestartStandby, "db-1", 250));
  standbys[0].terminating = true;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Standby)) << "one at a time";
  standbys[0].terminating = false;
  run_with_pin(standbys[0]);
  EXPECT_THAT(sight.next(), On(StepKind::PinStandby, "db-2", 250));
  pin(standbys[1], 250);
  run_with_pin(standbys[1]);
  EXPECT_THAT(sight.next(), Does(StepKind::WriteFile, 250));
}

TEST(StandbysLower, OnlyWithARestartpointThatACrashCannotGoBehind) {
  Sight sight = primary_lowered();
  sight.seen.standbys[0].restartpoint = false;
  EXPECT_THAT(sight.next(), On(StepKind::CheckpointStandby, "db-1", 250));
}

TEST(StandbysLower, OneThatIsDownDoesNotHoldUpThePrimary) {
  Sight sight = lower_due();
  sight.seen.standbys[0].up = sight.seen.standbys[0].streaming = false;
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 250));
}

TEST(StandbysLower, OneThatIsUpAndDoesNotStreamDoes) {
  Sight sight = lower_due();
  sight.seen.standbys[0].streaming = false;
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::ReplicationBroken));
  EXPECT_THAT(step.reason, HasSubstr("db-1 does not stream"));
}

TEST(StandbysLower, OneThatStaysAwayHoldsUpTheFileAndNotTheOthers) {
  Sight sight = primary_lowered();
  auto& standbys = sight.seen.standbys;
  standbys[0].up = standbys[0].streaming = false;
  standbys[0].away_since = sight.now - seconds{10};
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Standby)) << "it may just restart";
  standbys[0].away_since = sight.now - seconds{200};
  EXPECT_THAT(sight.next(), On(StepKind::PinStandby, "db-2", 250));
  pin(standbys[1], 250);
  run_with_pin(standbys[1]);
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::Standby)) << "with the smaller file it could not come back";
  EXPECT_THAT(step.reason, HasSubstr("db-1"));
}

TEST(StandbysLower, AnAbandonedRaiseIsTakenBack) {
  Sight sight = at_rest();
  pin(sight.seen.standbys[0], 290);
  run_with_pin(sight.seen.standbys[0]);
  EXPECT_THAT(sight.next(), On(StepKind::PinStandby, "db-1", 250));
}

TEST(StandbysLower, AStandbyBelowThePrimaryIsRaised) {
  Sight sight = at_rest();
  Standby& one = sight.seen.standbys[1];
  one.effective = one.mounted = 100;
  one.replay_paused = true;
  EXPECT_THAT(sight.next(), On(StepKind::PinStandby, "db-2", 250));
  pin(one, 250);
  EXPECT_THAT(sight.next(), On(StepKind::RestartStandby, "db-2", 250));
}

TEST(StandbysLower, APrimaryThatDoesNotStartIsForPeople) {
  Sight sight = lower_due();
  sight.seen.database_up = false;
  sight.seen.start_failure = "no space left on device";
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::StandbyFailed));
  EXPECT_THAT(step.reason, HasSubstr("no space left"));
}

}  // namespace
}  // namespace pgrightsizer::transition
