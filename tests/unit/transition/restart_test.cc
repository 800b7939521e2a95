#include "sights.h"

namespace pgrightsizer::transition {
namespace {

using testing::HasSubstr;

// A raise that is needed, requested and about to restart.
Sight due() {
  Sight sight = at_rest_direct(10);
  sight.scale_to(12);
  sight.seen.requested = 290;
  return sight;
}

Restart restarted(Time at, Count from, Count to) {
  return {at, from, to, std::chrono::milliseconds{4000}};
}

TEST(RestartPolicy, ManualWaitsUntilSomebodyAsks) {
  Sight sight = due();
  sight.rules.restart = RestartPolicy::Manual;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
  sight.rules.restart_now = sight.now;
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 290));
}

TEST(RestartPolicy, ARequestIsServedOnce) {
  Sight sight = due();
  sight.rules.restart = RestartPolicy::Manual;
  sight.rules.restart_now = sight.now - seconds{60};
  sight.history.restarts = {restarted(sight.now - seconds{30}, 230, 250)};
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
  sight.rules.restart_now = sight.now - seconds{10};
  EXPECT_THAT(sight.next(), Is(StepKind::Restart));
}

TEST(RestartPolicy, ARequestForLaterWaitsForItsTime) {
  Sight sight = due();
  sight.rules.restart = RestartPolicy::Manual;
  sight.rules.restart_now = sight.now + seconds{60};
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
}

TEST(RestartPolicy, ARequestAloneChangesNothing) {
  Sight sight = at_rest_direct(10);
  sight.rules.restart_now = sight.now;
  EXPECT_THAT(sight.next(), Is(StepKind::None));
}

TEST(RestartPooled, WaitsForInstancesThatAreStarting) {
  Sight sight = at_rest_pooled(50);
  sight.scale_to(100);
  sight.seen.requested = 250;
  sight.seen.starting_instances = 50;
  sight.seen.pooler->pool_size = 200;
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::RestartPending));
  EXPECT_THAT(step.reason, HasSubstr("50 instances are starting"));
  sight.seen.starting_instances = 0;
  EXPECT_THAT(sight.next(), Is(StepKind::FreezePooler));
  sight.seen.starting_instances = 1;
  sight.rules.restart_now = sight.now;
  EXPECT_THAT(sight.next(), Is(StepKind::FreezePooler)) << "somebody asked";
  sight.rules.restart_now.reset();
  pause(sight);
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 250)) << "not with everybody paused";
}

TEST(RestartDirect, DoesNotWaitForInstancesThatNeedIt) {
  Sight sight = due();
  sight.seen.starting_instances = 2;
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 290));
}

TEST(RestartInterval, KeepsRestartsApartAndSaysUntilWhen) {
  Sight sight = due();
  sight.history.restarts = {restarted(sight.now - seconds{100}, 230, 250)};
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::RestartPending));
  EXPECT_EQ(step.deadline, sight.now + seconds{200});
  sight.now += seconds{200};
  EXPECT_THAT(sight.next(), Is(StepKind::Restart));
}

TEST(RestartInterval, IsPassedBySomebodyWhoAsks) {
  Sight sight = due();
  sight.history.restarts = {restarted(sight.now - seconds{100}, 230, 250)};
  sight.rules.restart_now = sight.now;
  EXPECT_THAT(sight.next(), Is(StepKind::Restart));
}

TEST(RestartInterval, IsNotStartedByARestartThatNeverHappened) {
  Sight sight = due();
  sight.history.restarts = {{sight.now - seconds{100}, 250, 290, std::nullopt}};
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 290));
}

TEST(RestartRefusal, AnUnsafeRestartWaitsAndSaysWhy) {
  Sight sight = due();
  sight.seen.cannot_restart = "the StatefulSet would roll out revision 7";
  sight.rules.restart_now = sight.now;
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::RestartUnsafe));
  EXPECT_THAT(step.reason, HasSubstr("revision 7"));
}

TEST(RestartRefusal, OneThatTheApiServerRefusedIsTriedAgainLater) {
  Sight sight = due();
  sight.seen.restart_retry_at = sight.now + seconds{5};
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
  EXPECT_EQ(sight.next().deadline, sight.seen.restart_retry_at);
  sight.rules.restart_now = sight.now - seconds{1};
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending)) << "also when somebody asks";
  sight.now += seconds{5};
  EXPECT_THAT(sight.next(), Is(StepKind::Restart));
}

TEST(RestartRefusal, AnExternalServerIsRestartedBySomebodyElse) {
  Sight sight = at_rest_direct(10);
  sight.scale_to(12);
  sight.seen.operator_restarts = false;
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 290));
  sight.seen.requested = 290;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
}

TEST(RestartRejected, AValueThatDidNotStartIsNeverRequestedAgain) {
  Sight sight = at_rest_direct(10);
  sight.scale_to(12);
  sight.history.rejected = Rejected{290, "could not map shared memory"};
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::RestartRejected));
  EXPECT_THAT(step.reason, HasSubstr("could not map shared memory"));
}

TEST(RestartRejected, NorIsAnythingBeyondIt) {
  Sight sight = at_rest_direct(10);
  sight.scale_to(13);
  sight.history.rejected = Rejected{290, "could not map shared memory"};
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartRejected));
  sight.scale_to(11);
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 270));
}

TEST(RestartRejected, ASmallerValueThatDidNotStartDoesNotForbidARaise) {
  Sight sight = at_rest_direct(10);
  sight.scale_to(12);
  sight.history.rejected = Rejected{230, "max_wal_senders"};
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 290));
}

TEST(RestartOverridden, AServerThatShowsAnotherValueIsNotRestartedAgain) {
  Sight sight = due();
  const Time at = sight.now - seconds{1000};
  sight.history.restarts = {restarted(at, 250, 290)};
  sight.seen.postmaster_start = at + seconds{4};
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Overridden));
  sight.rules.restart_now = sight.now;
  EXPECT_THAT(sight.next(), Is(StepKind::Restart)) << "whoever asks has mended it, perhaps";
}

TEST(RestartOverridden, AServerThatHadStartedWithAnOlderFileIsRestartedAgain) {
  Sight sight = due();
  const Time at = sight.now - seconds{1000};
  sight.history.restarts = {restarted(at, 250, 290)};
  sight.seen.postmaster_start = at + seconds{4};
  sight.seen.next_start = 250;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Overridden)) << "its file lags, or is another one";
  sight.seen.next_start = 290;
  EXPECT_THAT(sight.next(), Is(StepKind::Restart));
}

TEST(RestartOverridden, ALaterRestartBySomebodyElseIsNotAnOverride) {
  Sight sight = due();
  sight.history.restarts = {restarted(sight.now - seconds{1000}, 250, 290)};
  sight.seen.postmaster_start = sight.now - seconds{500};
  EXPECT_THAT(sight.next(), Is(StepKind::Restart));
}

// ── A value that somebody else requested ────────────────────────────────────────────────────────

TEST(ForeignChange, IsLeftAloneWhileLiveConnectionsFit) {
  Sight sight = at_rest_direct(10);
  sight.seen.requested = 300;
  sight.seen.foreign_change_since = sight.now - seconds{3600};
  EXPECT_THAT(sight.next(), WaitsFor(Topic::ForeignChange));
}

TEST(ForeignChange, ThatIsTooSmallIsPutBackAfterAMinute) {
  Sight sight = at_rest_direct(10);
  sight.seen.requested = 150;
  sight.seen.foreign_change_since = sight.now - seconds{59};
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::ForeignChange));
  EXPECT_EQ(step.deadline, sight.now + seconds{1});
  sight.now += seconds{1};
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 250));
}

TEST(ForeignChange, ThatComesBackIsPutBackAtMostHourly) {
  Sight sight = at_rest_direct(10);
  sight.seen.requested = 150;
  sight.seen.foreign_change_since = sight.now - seconds{100};
  sight.history.put_back = sight.now - seconds{600};
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::ForeignChange));
  EXPECT_EQ(step.deadline, sight.now + seconds{3000});
}

TEST(ForeignChange, NeverCausesARestart) {
  Sight sight = at_rest_direct(10);
  sight.rules.restart = RestartPolicy::Immediate;
  for (const Count requested : {Count{150}, Count{300}}) {
    sight.seen.requested = requested;
    sight.seen.foreign_change_since = sight.now - seconds{10};
    EXPECT_THAT(sight.next(), WaitsFor(Topic::ForeignChange));
  }
}

}  // namespace
}  // namespace pgrightsizer::transition
