// What an operator sees in the situations that the tests start from. The figures are the
// defaults: 20 connections per instance, a buffer of 50, 3 reserved slots, two pooler pods.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "pgrightsizer/transition/transition.h"

namespace pgrightsizer::transition {

struct Sight {
  Observation seen;
  sizing::Plan plan;
  Rules rules;
  History history;
  Time now{seconds{1'000'000}};

  [[nodiscard]] Step next() const {
    return next_step(rules.switch_route ? seen : as_routed(seen), plan, rules, history, now);
  }
  // Somebody scales; nothing has started or ended yet.
  void scale_to(Count instances);
};

[[nodiscard]] PoolerPod pooler_pod(std::string name, Count cap);

// At rest with that many instances, all of them direct.
[[nodiscard]] Sight at_rest_direct(Count instances);
// At rest behind the pooler, with the tier's pool.
[[nodiscard]] Sight at_rest_pooled(Count instances);
// The front Service selects the pooler; everybody is still direct and max_connections is 1030.
[[nodiscard]] Sight just_switched(Count instances);

// Rollouts are held and every pooler is paused, by this operator.
void pause(Sight& sight);

// For messages of failed tests.
void PrintTo(const Step& step, std::ostream* out);

MATCHER_P(Is, kind, std::string("is ") + to_string(kind)) { return arg.kind == kind; }
MATCHER_P(WaitsFor, topic, std::string("waits for ") + to_string(topic)) {
  return arg.kind == StepKind::Wait && arg.topic == topic;
}
MATCHER_P2(Does, kind, value, std::string("does ") + to_string(kind)) {
  return arg.kind == kind && arg.value == value;
}

}  // namespace pgrightsizer::transition
