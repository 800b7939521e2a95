// The documented scenarios, step by step in a world that does nothing of its own accord but follow.
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "real_size.h"

namespace pgrightsizer::property {
namespace {

using model::World;
using transition::Step;
using transition::StepKind;

class Story : public testing::Test {
 protected:
  Story() {
    world_.instances = world_.app_pods = 10;
    world_.effective = world_.requested = 250;
    world_.direct = 200;
    rules_ = rules_of(kRealSize);
  }

  void scale(int instances) {
    world_.instances = instances;
    for (int i = 0; i < 1000; ++i) {
      if (!turn()) return;
    }
    FAIL() << "no rest: " << describe(world_);
  }

  // One step, or where that changes nothing one event; false at rest.
  bool turn() {
    while (world_.busy()) effect([](World& w) { proceed(w); });
    const Step step = next_of(world_, rules_);
    const World before = world_;
    if (acts(step)) {
      ++steps_[step.kind];
      effect([&](World& w) { begin(w, step); });
    }
    return world_ != before || calm_down(world_, kRealSize);
  }

  template <typename Change>
  void effect(Change change) {
    const int before = std::max(0, excess_at(world_, kRealSize, world_.effective));
    change(world_);
    EXPECT_LE(excess_at(world_, kRealSize, world_.effective), before) << describe(world_);
  }

  void expect_direct(int max_connections) const {
    EXPECT_EQ(world_.effective, max_connections);
    EXPECT_EQ(world_.route, sizing::Route::Direct);
    EXPECT_FALSE(world_.pooler);
    EXPECT_EQ(world_.pod_count, 0);
  }
  void expect_pooled(int max_connections, int cap) const {
    EXPECT_EQ(world_.effective, max_connections);
    EXPECT_EQ(world_.route, sizing::Route::Pooler);
    ASSERT_EQ(world_.pod_count, 2);
    EXPECT_EQ(world_.pods[0].cap, cap);
    EXPECT_EQ(world_.pods[1].cap, cap);
  }

  World world_;
  transition::Rules rules_;
  std::map<StepKind, int> steps_;
};

TEST_F(Story, TenFiftyHundredTenHasTheDocumentedFigures) {
  expect_direct(250);
  scale(50);
  expect_pooled(200, 75);
  scale(100);
  expect_pooled(250, 100);
  scale(10);
  expect_direct(250);
}

TEST_F(Story, WithImmediateEveryInstanceShowsInTheSize) {
  rules_.restart = transition::RestartPolicy::Immediate;
  const std::vector<std::pair<int, int>> expected = {
      {9, 230}, {10, 250}, {11, 270}, {12, 290}, {10, 250}};
  for (const auto& [instances, size] : expected) {
    scale(instances);
    expect_direct(size);
  }
}

TEST_F(Story, WithAutoElevenWaitTwelveRestartAndLowerValuesWait) {
  const std::vector<std::pair<int, int>> expected = {
      {9, 250}, {10, 250}, {11, 250}, {12, 290}, {10, 290}};
  for (const auto& [instances, size] : expected) {
    scale(instances);
    expect_direct(size);
  }
}

TEST_F(Story, FlappingAcrossFiftyMovesOnceThereAndOnceBack) {
  for (const int instances : {49, 50, 49, 50, 10}) scale(instances);
  EXPECT_EQ(steps_[StepKind::SwitchToPooler], 1);
  EXPECT_EQ(steps_[StepKind::SwitchToDirect], 1);
  EXPECT_EQ(steps_[StepKind::RemovePooler], 1);
  EXPECT_EQ(steps_[StepKind::TurnBack], 0);
  expect_direct(250);
}

TEST_F(Story, FromFortyNineTheServerIsLoweredOnlyOnceAndAfterTheMove) {
  scale(49);
  expect_direct(1030);
  steps_.clear();
  scale(50);
  expect_pooled(200, 75);
  EXPECT_EQ(steps_[StepKind::Restart], 1);
  EXPECT_EQ(steps_[StepKind::PatchMaxConnections], 1);
}

TEST_F(Story, ARolloutOfThePoolersEndsWhereItBegan) {
  scale(50);
  for (int i = 0; i < 2; ++i) {
    world_.pods[0].terminating = true;
    world_.add_pod({.cap = world_.boot_cap, .ready = true});
    world_.sort_pods();
    scale(50);
  }
  expect_pooled(200, 75);
}

TEST_F(Story, AScaleUpInTheMiddleOfTheWayBackTurnsItAround) {
  scale(50);
  world_.instances = 10;
  for (int i = 0; i < 1000 && world_.route == sizing::Route::Pooler; ++i) ASSERT_TRUE(turn());
  ASSERT_EQ(world_.route, sizing::Route::Direct);
  EXPECT_TRUE(world_.pooler) << "in the middle";
  scale(60);
  expect_pooled(200, 75);
}

}  // namespace
}  // namespace pgrightsizer::property
