// The model's world at the size of the defaults, with the real plan.
#pragma once

#include "events.h"
#include "pgrightsizer/transition/transition.h"
#include "world.h"

namespace pgrightsizer::property {

inline constexpr model::Scale kRealSize{20, 3, 3, 50, 2};

[[nodiscard]] inline sizing::Plan plan_of(const model::World& world) {
  sizing::Workload workload;
  workload.name = "api";
  workload.replicas = world.instances;
  const int tier = world.pooler ? sizing::tier_of_pool({}, world.pool_size) : 0;
  return sizing::plan({workload}, {}, tier);
}

[[nodiscard]] inline transition::Step next_of(const model::World& world,
                                              const transition::Rules& rules) {
  return next_step(observe(world, kRealSize), plan_of(world), rules, history_of(world),
                   model::model_now());
}

[[nodiscard]] inline bool acts(const transition::Step& step) {
  return step.kind != transition::StepKind::None && step.kind != transition::StepKind::Wait;
}

}  // namespace pgrightsizer::property
