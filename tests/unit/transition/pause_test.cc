#include "sights.h"

namespace pgrightsizer::transition {
namespace {

using testing::HasSubstr;

// A higher tier: its value is requested and allowed, all traffic is pooled.
Sight about_to_restart() {
  Sight sight = at_rest_pooled(50);
  sight.scale_to(100);
  sight.seen.pooler->pool_size = 200;
  sight.seen.requested = 250;
  return sight;
}

// Everybody has moved behind the pooler, the smaller value is requested.
Sight about_to_shrink() {
  Sight sight = at_rest_pooled(50);
  sight.seen.effective = 1030;
  return sight;
}

// A raise, paused by an operator that is no more.
Sight taken_over() {
  Sight sight = about_to_restart();
  pause(sight);
  sight.seen.pause_is_ours = false;
  sight.seen.logins_past_pooler = 2;
  return sight;
}

// ── Before ──────────────────────────────────────────────────────────────────────────────────────

TEST(BeforeRestart, TheOrderIsCheckpointFreezePauseRestart) {
  Sight sight = about_to_restart();
  sight.seen.checkpointed = false;
  EXPECT_THAT(sight.next(), Is(StepKind::Checkpoint));
  sight.seen.checkpointing = true;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Checkpoint));
  sight.seen.checkpointing = false;
  sight.seen.checkpointed = true;
  EXPECT_THAT(sight.next(), Is(StepKind::FreezePooler));
  sight.seen.pooler->frozen = true;
  EXPECT_THAT(sight.next(), Is(StepKind::Pause));
  pause(sight);
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 250));
}

TEST(BeforeRestart, DirectTrafficOnlyNeedsTheCheckpoint) {
  Sight sight = at_rest_direct(10);
  sight.scale_to(12);
  sight.seen.requested = 290;
  sight.seen.checkpointed = false;
  EXPECT_THAT(sight.next(), Is(StepKind::Checkpoint));
  sight.seen.checkpointed = true;
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 290));
}

TEST(BeforeRestart, NoPoolerPodMayComeOrGo) {
  Sight sight = about_to_shrink();
  sight.seen.pods[0].terminating = true;
  sight.seen.pods[0].console = false;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::PoolerReplacing));
  sight.seen.pods.erase(sight.seen.pods.begin());
  EXPECT_THAT(sight.next(), WaitsFor(Topic::PoolerStarting)) << "its successor is to come";
  PoolerPod fresh = pooler_pod("c", 75);
  fresh.console = fresh.ready = false;
  sight.seen.pods.push_back(fresh);
  EXPECT_THAT(sight.next(), WaitsFor(Topic::PoolerStarting));
}

TEST(BeforeRestart, AFrozenPoolerIsThawedWhileAnythingElseIsWaitedFor) {
  Sight sight = about_to_shrink();
  sight.seen.pooler->frozen = true;
  sight.seen.pods[0].terminating = true;
  sight.seen.pods[0].console = false;
  EXPECT_THAT(sight.next(), Is(StepKind::ThawPooler));
}

TEST(BeforeRestart, NobodyIsPausedForATransactionThatWillNotEnd) {
  Sight sight = about_to_restart();
  sight.seen.oldest_pooled_transaction = seconds{30};
  sight.seen.holds_up = "session 812 of shop";
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::PauseHeldUp));
  EXPECT_THAT(step.reason, HasSubstr("session 812 of shop"));
  sight.seen.oldest_pooled_transaction = seconds{4};
  EXPECT_THAT(sight.next(), Is(StepKind::FreezePooler)) << "a short one may end in time";
}

TEST(BeforeRestart, WithTerminateOldTransactionsAreEnded) {
  Sight sight = about_to_restart();
  sight.rules.long_transactions = LongTransactions::Terminate;
  sight.rules.long_transaction = seconds{60};
  sight.seen.oldest_pooled_transaction = seconds{59};
  EXPECT_THAT(sight.next(), WaitsFor(Topic::PauseHeldUp));
  sight.seen.oldest_pooled_transaction = seconds{60};
  EXPECT_THAT(sight.next(), Is(StepKind::EndTransactions));
}

TEST(BeforeRestart, APauseThatWasHeldUpIsTriedAgainLater) {
  Sight sight = about_to_restart();
  sight.seen.pause_retry_at = sight.now + seconds{5};
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::PauseHeldUp));
  EXPECT_EQ(step.deadline, sight.seen.pause_retry_at);
  sight.now += seconds{5};
  EXPECT_THAT(sight.next(), Is(StepKind::FreezePooler));
}

// ── While clients are paused ────────────────────────────────────────────────────────────────────

TEST(Paused, NothingButTheRestartItIsForGoesOn) {
  Sight sight = about_to_restart();
  pause(sight);
  sight.scale_to(50);  // nothing is to be restarted any more
  sight.seen.requested = 200;
  sight.seen.logins_past_pooler = 2;
  EXPECT_THAT(sight.next(), Is(StepKind::Resume));
}

TEST(Paused, OneThatIsNotHeldOnEveryPodIsEnded) {
  Sight sight = about_to_restart();
  pause(sight);
  sight.seen.pods[1].held = sight.seen.pods[1].paused = false;
  sight.seen.logins_past_pooler = 2;
  EXPECT_THAT(sight.next(), Is(StepKind::Resume));
}

TEST(Paused, ATakeOverEndsItAsSoonAsLoginsSucceed) {
  Sight sight = taken_over();
  EXPECT_THAT(sight.next(), Is(StepKind::Resume));
  sight.seen.logins_past_pooler = 1;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Paused));
}

TEST(Paused, ATakeOverIsNotHeldUpByARestartThatNeverBegan) {
  Sight sight = taken_over();
  sight.history.restarts = {{sight.now - seconds{1}, 200, 250, std::nullopt}};
  EXPECT_THAT(sight.next(), Is(StepKind::Resume));
  sight.seen.database_stopping = true;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Database)) << "it did begin";
}

TEST(Paused, TheOldServerIsNotTakenForTheNewOne) {
  Sight sight = about_to_restart();
  pause(sight);
  sight.seen.logins_past_pooler = 2;
  sight.history.restarts = {{sight.now - seconds{1}, 200, 250, std::nullopt}};
  sight.seen.restart_begun = true;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Database)) << "it has been asked to stop";
  sight.now += seconds{4};
  sight.seen.pause_is_ours = false;
  EXPECT_THAT(sight.next(), Is(StepKind::Resume)) << "the request was lost";
}

TEST(Paused, ItEndsWhenTheServerIsBackWhateverItShows) {
  Sight sight = about_to_restart();
  pause(sight);
  sight.seen.logins_past_pooler = 2;
  sight.history.restarts = {{sight.now - seconds{4}, 200, 250, milliseconds{3000}}};
  sight.seen.postmaster_start = sight.now - seconds{1};
  sight.seen.pause_is_ours = false;
  EXPECT_THAT(sight.next(), Is(StepKind::Resume));
  sight.seen.effective = 250;
  EXPECT_THAT(sight.next(), Is(StepKind::Resume));
}

TEST(Paused, AFailedStartIsRolledBackWhileClientsWait) {
  Sight sight = about_to_restart();
  pause(sight);
  sight.seen.database_up = false;
  sight.seen.start_failure = "could not map anonymous shared memory";
  sight.history.restarts = {{sight.now - seconds{4}, 200, 250, std::nullopt}};
  EXPECT_THAT(sight.next(), Does(StepKind::RestoreMaxConnections, 200));
  sight.seen.requested = 200;
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 200)) << "no second PAUSE";
}

TEST(Paused, AtRestRolloutsGoOn) {
  Sight sight = at_rest_pooled(50);
  sight.seen.pooler->frozen = true;
  EXPECT_THAT(sight.next(), Is(StepKind::ThawPooler));
  sight.plan.hold = true;
  EXPECT_THAT(sight.next(), Is(StepKind::ThawPooler));
}

}  // namespace
}  // namespace pgrightsizer::transition
