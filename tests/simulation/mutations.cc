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

std::vector<Mutation> mutations() {
  std::vector<Mutation> all;
  const auto decides = [&](const std::string& name, const std::string& what, model::Decide decide) {
    all.push_back({name, what, {}});
    all.back().settings.decide = std::move(decide);
  };
  for (const auto& one : model::mutations()) decides(one.name, one.what, one.decide);
  decides("caps-blind", "a cap is raised to its share without looking for room", caps_blind);
  decides("route-at-once", "a switched route counts as closed in the same moment", route_at_once);
  decides("unseen-poolers", "poolers that do not answer are not counted", unseen_poolers);
  decides("no-resume", "a pause is never ended", no_resume);
  decides("no-interval", "restarts have neither an interval nor a budget", no_interval);
  const auto flaw = [&](const char* name, const char* what) -> Settings& {
    all.push_back({name, what, {}});
    return all.back().settings;
  };
  flaw("watch-ignores-gone", "a watch goes on where it can after history was forgotten").forgets_silently = true;
  flaw("keeps-the-vanished", "a new picture does not say what has gone").informers.keeps_the_vanished = true;
  flaw("list-at-zero", "the first picture may be an old one").informers.begins_in_the_past = true;
  flaw("stale-reads", "what is read before a write comes from a cache").reads_from_cache = true;
  return all;
}

}  // namespace pgrightsizer::simulation
