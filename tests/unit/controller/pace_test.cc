#include "controller/pace.h"

#include <gtest/gtest.h>

namespace pgrightsizer::controller {
namespace {

using namespace std::chrono_literals;
using transition::Step;
using transition::StepKind;
using transition::Topic;

const WallTime kNow{std::chrono::hours(500'000)};

constexpr Pace kAtRest{false, 0s, 10s, 1s};

Step waiting(Topic topic) {
  Step step;
  step.kind = StepKind::Wait;
  step.topic = topic;
  return step;
}

TEST(Pace, RestsWhenNothingIsUnderWay) {
  EXPECT_EQ(until_next(Step{}, kAtRest, kNow), 10s);
  EXPECT_EQ(until_next(waiting(Topic::RestartPending), kAtRest, kNow), 10s);
}

TEST(Pace, LooksOftenWhileSomethingIsUnderWay) {
  for (const auto topic : {Topic::PoolerStarting, Topic::PoolerReplacing, Topic::PooledLogin,
                           Topic::RouteSettling, Topic::DirectDraining, Topic::PooledDraining,
                           Topic::CapsShrinking, Topic::NoRoom})
    EXPECT_EQ(until_next(waiting(topic), kAtRest, kNow), 1s);
  EXPECT_EQ(until_next(waiting(Topic::Database), kAtRest, kNow), 250ms);
}

TEST(Pace, AWaitingRestartDoesNotSlowAMove) {
  Pace pace = kAtRest;
  pace.moving = true;
  EXPECT_EQ(until_next(waiting(Topic::RestartPending), pace, kNow), 1s);
  EXPECT_EQ(until_next(Step{}, pace, kNow), 1s);
}

TEST(Pace, AStepIsFollowedByALookAtOnce) {
  Step step;
  step.kind = StepKind::SwitchToPooler;
  EXPECT_EQ(until_next(step, kAtRest, kNow), 50ms);
  EXPECT_EQ(until_next(step, {false, 0s, 10s, 200ms}, kNow), 10ms) << "a faster pace is faster here, too";
  step.kind = StepKind::DrainDirect;  // repeated, at a rate of its own
  EXPECT_EQ(until_next(step, kAtRest, kNow), 1s);
}

TEST(Pace, EndsWithTheWaitItself) {
  Pace pace = kAtRest;
  pace.stabilizing = 3s;
  EXPECT_EQ(until_next(waiting(Topic::RestartPending), pace, kNow), 3s);
  auto step = waiting(Topic::RestartPending);
  step.deadline = kNow + 2s;
  EXPECT_EQ(until_next(step, pace, kNow), 2010ms);
  step.deadline = kNow - 1s;
  EXPECT_EQ(until_next(step, pace, kNow), 3s);
}

TEST(Pace, IsNeverZero) {
  Pace pace = kAtRest;
  pace.rest = 0ms;
  EXPECT_EQ(until_next(Step{}, pace, kNow), 20ms);
}

}  // namespace
}  // namespace pgrightsizer::controller
