#include "mutations.h"

namespace pgrightsizer::simulation {

namespace {

using sizing::Plan;
using transition::History;
using transition::next_step;
using transition::Observation;
using transition::Rules;
using transition::Step;
using transition::StepKind;
using transition::Time;

// Whoever paused will resume.
Step no_resume(const Observation& seen, const Plan& plan, const Rules& rules, const History& history, Time now) {
  Step step = next_step(seen, plan, rules, history, now);
  if (step.kind == StepKind::Resume) step.kind = StepKind::Wait;
  return step;
}

// A restart as soon as one is wanted.
Step no_interval(const Observation& seen, const Plan& plan, Rules rules, const History& history, Time now) {
  rules.min_interval = transition::seconds{0};
  rules.max_per_day = 1'000'000;
  return next_step(seen, plan, rules, history, now);
}

// A cap goes to its share, whatever is free.
Step caps_blind(const Observation& seen, const Plan& plan, const Rules& rules, const History& history, Time now) {
  Step step = next_step(seen, plan, rules, history, now);
  if (step.kind == StepKind::SetCap && step.value > step.old_value)
    step.value = sizing::pool_share(plan.pool_size, rules.pooler_replicas);
  return step;
}

// Proxies learn at once, do they not?
Step route_at_once(Observation seen, const Plan& plan, const Rules& rules, const History& history, Time now) {
  seen.route_settled = true;
  return next_step(seen, plan, rules, history, now);
}

// A pooler whose console does not answer holds nothing.
Step unseen_poolers(Observation seen, const Plan& plan, const Rules& rules, const History& history, Time now) {
  for (auto& pod : seen.pods)
    if (!pod.console) pod.cap = pod.announced = pod.servers = 0;
  return next_step(seen, plan, rules, history, now);
}

}  // namespace

std::vector<model::Mutation> mutations() {
  auto all = model::mutations();
  all.push_back({"caps-blind", "a cap is raised to its share without looking for room", caps_blind});
  all.push_back({"route-at-once", "a switched route counts as closed in the same moment", route_at_once});
  all.push_back({"unseen-poolers", "poolers that do not answer are not counted", unseen_poolers});
  all.push_back({"no-resume", "a pause is never ended", no_resume});
  all.push_back({"no-interval", "restarts have neither an interval nor a budget", no_interval});
  return all;
}

}  // namespace pgrightsizer::simulation
