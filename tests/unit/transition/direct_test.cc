#include "sights.h"

namespace pgrightsizer::transition {
namespace {

using testing::HasSubstr;

TEST(Direct, AtRestThereIsNothingToDo) {
  EXPECT_THAT(at_rest_direct(10).next(), Is(StepKind::None));
}

TEST(Direct, NoInstancesHoldEverything) {
  Sight sight = at_rest_direct(10);
  sight.plan = sizing::plan({}, {}, 0);
  const Step step = sight.next();
  EXPECT_THAT(step, Is(StepKind::None));
  EXPECT_EQ(step.topic, Topic::Hold);
}

// ── Raising ─────────────────────────────────────────────────────────────────────────────────────

TEST(DirectRaise, IsRequestedAtOnce) {
  Sight sight = at_rest_direct(10);
  sight.scale_to(11);
  const Step step = sight.next();
  EXPECT_THAT(step, Does(StepKind::PatchMaxConnections, 270));
  EXPECT_EQ(step.old_value, 250);
}

TEST(DirectRaise, ElevenInstancesWaitBecauseTheyFitTheRunningServer) {
  Sight sight = at_rest_direct(10);
  sight.scale_to(11);
  sight.seen.requested = 270;
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::RestartPending));
  EXPECT_THAT(step.reason, HasSubstr("220 + 10 others ≤ 247 usable"));
}

TEST(DirectRaise, TwelveInstancesRestartBecauseTheyDoNot) {
  Sight sight = at_rest_direct(10);
  sight.scale_to(12);
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 290));
  sight.seen.requested = 290;
  const Step step = sight.next();
  EXPECT_THAT(step, Does(StepKind::Restart, 290));
  EXPECT_EQ(step.old_value, 250);
  EXPECT_THAT(step.reason, HasSubstr("240 + 10 others > 247 usable"));
}

TEST(DirectRaise, OthersThatAreManyMakeItNeededEarlier) {
  Sight sight = at_rest_direct(10);
  sight.scale_to(11);
  sight.seen.requested = 270;
  sight.seen.others = 40;
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 270));
}

TEST(DirectRaise, ImmediateRestartsAtEveryChange) {
  Sight sight = at_rest_direct(10);
  sight.rules.restart = RestartPolicy::Immediate;
  sight.scale_to(11);
  sight.seen.requested = 270;
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 270));
}

TEST(DirectRaise, ThatIsNoLongerNeededIsTakenBackWhileItIsOnlyRequested) {
  Sight sight = at_rest_direct(10);
  sight.seen.requested = 270;
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 250));
}

TEST(DirectRaise, FollowsANewTargetBeforeItRestarts) {
  Sight sight = at_rest_direct(10);
  sight.scale_to(13);
  sight.seen.requested = 290;
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 310));
}

// ── Lowering ────────────────────────────────────────────────────────────────────────────────────

Sight scaled_down() {
  Sight sight = at_rest_direct(12);
  sight.scale_to(10);
  sight.seen.direct_capacity = sight.seen.direct_sessions = sight.seen.peak_direct_sessions = 200;
  return sight;
}

TEST(DirectLower, AutoKeepsTheLargerValueUntilAskedAndSaysSo) {
  const Step step = scaled_down().next();
  EXPECT_THAT(step, WaitsFor(Topic::RestartPending));
  EXPECT_THAT(step.reason, HasSubstr("the larger value stays until a restart is asked for"));
}

TEST(DirectLower, ImmediateRequestsItTogetherWithItsRestart) {
  Sight sight = scaled_down();
  sight.rules.restart = RestartPolicy::Immediate;
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 250));
  sight.seen.requested = 250;
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 250));
}

TEST(DirectLower, IsDoneWhenSomebodyAsksForARestart) {
  Sight sight = scaled_down();
  sight.rules.restart_now = sight.now - seconds{5};
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 250));
}

TEST(DirectLower, WaitsForTheScaleDownWindow) {
  Sight sight = scaled_down();
  sight.rules.restart = RestartPolicy::Immediate;
  sight.seen.stabilized = false;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Stabilizing));
}

TEST(DirectLower, WaitsUntilThePeakOfTheWindowFits) {
  Sight sight = scaled_down();
  sight.rules.restart = RestartPolicy::Immediate;
  sight.seen.peak_direct_sessions = 240;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Stabilizing));
}

TEST(DirectLower, WaitsForPodsThatAreNotGone) {
  Sight sight = scaled_down();
  sight.rules.restart = RestartPolicy::Immediate;
  sight.seen.direct_capacity = 240;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::NoRoom)) << "they may still open 40 sessions";
}

TEST(DirectLower, CountsPoolerPodsThatStillTerminate) {
  Sight sight = scaled_down();
  sight.rules.restart = RestartPolicy::Immediate;
  sight.seen.pods.push_back(pooler_pod("old", 75));
  sight.seen.pods.back().terminating = true;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::NoRoom));
}

TEST(DirectLower, IsTakenBackWhenDemandReturnsBetweenRequestAndRestart) {
  Sight sight = scaled_down();
  sight.rules.restart = RestartPolicy::Immediate;
  sight.seen.requested = 250;
  sight.seen.direct_capacity = 240;
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 290));
}

TEST(DirectLower, IsTakenBackWhenTheOperatorDiedAndThePolicyForbidsIt) {
  Sight sight = scaled_down();
  sight.seen.requested = 250;
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 290));
}

}  // namespace
}  // namespace pgrightsizer::transition
