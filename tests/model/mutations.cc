#include "mutations.h"

#include <algorithm>
#include <utility>

namespace pgrightsizer::model {

namespace {

using sizing::Plan;
using sizing::Route;
using transition::History;
using transition::next_step;
using transition::Observation;
using transition::PoolerPod;
using transition::Rules;
using transition::Step;
using transition::StepKind;
using transition::Time;

bool quiet(const Observation& seen, const History& history) {
  return seen.database_up && history.restarts.empty() && !history.rejected;
}

Step step_of(StepKind kind, sizing::Count value, sizing::Count old_value) {
  Step step;
  step.kind = kind;
  step.value = value;
  step.old_value = old_value;
  return step;
}

// max_connections first, everything else later: the order in which one reads the specification.
Step size_first(const Observation& seen, const Plan& plan) {
  if (seen.requested != plan.max_connections) {
    return step_of(StepKind::PatchMaxConnections, plan.max_connections, seen.requested);
  }
  return step_of(StepKind::Restart, plan.max_connections, seen.effective);
}

Step lower_first(const Observation& seen, const Plan& plan, const Rules& rules,
                 const History& history, Time now) {
  const bool naive = quiet(seen, history) && plan.route == Route::Pooler && !seen.pooler &&
                     seen.effective > plan.max_connections;
  return naive ? size_first(seen, plan) : next_step(seen, plan, rules, history, now);
}

// Pooler pods start with their whole share of the pool.
Step boot_full(const Observation& seen, const Plan& plan, const Rules& rules,
               const History& history, Time now) {
  Step step = next_step(seen, plan, rules, history, now);
  if (step.kind == StepKind::ApplyPooler && !seen.pooler) {
    step.boot_cap = sizing::pool_share(plan.pool_size, rules.pooler_replicas);
  }
  return step;
}

Step with_full_caps(const Observation& seen, const Plan& plan, const Rules& rules,
                    const History& history, Time now) {
  const sizing::Count share = sizing::pool_share(
      plan.pool_size,
      std::max(rules.pooler_replicas, static_cast<sizing::Count>(seen.pods.size())));
  if (quiet(seen, history) && plan.route == Route::Pooler && seen.route == Route::Pooler) {
    for (const PoolerPod& pod : seen.pods) {
      if (!pod.console || pod.cap >= share) continue;
      Step step = step_of(StepKind::SetCap, share, pod.cap);
      step.pod = pod.name;
      return step;
    }
  }
  return next_step(seen, plan, rules, history, now);
}

// Caps go to their share at once, whoever is still direct.
Step grow_blind(const Observation& seen, const Plan& plan, const Rules& rules,
                const History& history, Time now) {
  if (seen.effective < plan.max_connections) return next_step(seen, plan, rules, history, now);
  return with_full_caps(seen, plan, rules, history, now);
}

// A higher tier: its caps before its max_connections.
Step tier_up_caps_first(const Observation& seen, const Plan& plan, const Rules& rules,
                        const History& history, Time now) {
  if (seen.effective >= plan.max_connections) return next_step(seen, plan, rules, history, now);
  return with_full_caps(seen, plan, rules, history, now);
}

// The Deployment has rolled, so nobody can be direct any more.
Step lower_early(Observation seen, const Plan& plan, const Rules& rules, const History& history,
                 Time now) {
  if (seen.route == Route::Pooler) {
    seen.direct_sessions = 0;
    seen.looks_without_direct = 3;
    seen.route_settled = true;
  }
  return next_step(seen, plan, rules, history, now);
}

// Back to the database before there is room for everybody.
Step move_first(const Observation& seen, const Plan& plan, const Rules& rules,
                const History& history, Time now) {
  const bool naive =
      quiet(seen, history) && plan.route == Route::Direct && seen.route == Route::Pooler;
  return naive ? step_of(StepKind::SwitchToDirect, 0, 0)
               : next_step(seen, plan, rules, history, now);
}

// A terminating pooler pod is gone, is it not?
Step share_live(Observation seen, const Plan& plan, const Rules& rules, const History& history,
                Time now) {
  std::erase_if(seen.pods, [](const PoolerPod& pod) { return pod.terminating; });
  return next_step(seen, plan, rules, history, now);
}

// A smaller cap is believed to close what is open.
Step no_reconnect(Observation seen, const Plan& plan, const Rules& rules, const History& history,
                  Time now) {
  for (PoolerPod& pod : seen.pods) pod.servers = std::min(pod.servers, pod.cap);
  return next_step(seen, plan, rules, history, now);
}

// A lower tier: RELOAD was sent, so the caps are what they should be.
Step tier_down_unverified(Observation seen, const Plan& plan, const Rules& rules,
                          const History& history, Time now) {
  const bool down = seen.pooler && seen.pooler->pool_size > plan.pool_size &&
                    plan.route == Route::Pooler && seen.route == Route::Pooler;
  if (!down) return next_step(seen, plan, rules, history, now);
  seen.pooler->pool_size = plan.pool_size;
  const sizing::Count share = sizing::pool_share(plan.pool_size, rules.pooler_replicas);
  for (PoolerPod& pod : seen.pods) {
    pod.cap = pod.announced = std::min(pod.cap, share);
    pod.servers = std::min(pod.servers, share);
  }
  return next_step(seen, plan, rules, history, now);
}

// Logins fail: back to the database, poolers as they are.
Step turn_back_unshrunk(Observation seen, const Plan& plan, const Rules& rules,
                        const History& history, Time now) {
  if (seen.pooled_login == transition::Login::Failing && plan.route == Route::Pooler) {
    for (PoolerPod& pod : seen.pods) {
      pod.cap = pod.announced = std::min(pod.cap, sizing::kMinimumCap);
      pod.servers = std::min(pod.servers, sizing::kMinimumCap);
    }
  }
  return next_step(seen, plan, rules, history, now);
}

// The pooler's clients will reconnect, will they not?
Step restart_unpaused(const Observation& seen, const Plan& plan, const Rules& rules,
                      const History& history, Time now) {
  const Step step = next_step(seen, plan, rules, history, now);
  if (step.kind != StepKind::Pause) return step;
  return step_of(StepKind::Restart, plan.max_connections, seen.effective);
}

}  // namespace

const std::vector<Mutation>& mutations() {
  static const std::vector<Mutation> all = {
      {"lower-first", "max_connections is lowered before anybody has moved", lower_first},
      {"boot-full", "poolers start with their whole share", boot_full},
      {"grow-blind", "caps grow without looking for room", grow_blind},
      {"lower-early", "max_connections is lowered while sessions are direct", lower_early},
      {"move-first", "the front Service moves back before there is room", move_first},
      {"share-live", "terminating pooler pods are not counted", share_live},
      {"no-reconnect", "servers above their cap are not counted", no_reconnect},
      {"tier-up-caps-first", "caps of the higher tier before its max_connections",
       tier_up_caps_first},
      {"tier-down-unverified", "max_connections of the lower tier before its caps are verified",
       tier_down_unverified},
      {"turn-back-unshrunk", "a move is turned back with the caps as they are", turn_back_unshrunk},
      {"restart-unpaused", "PostgreSQL is restarted under the pooler's clients", restart_unpaused},
  };
  return all;
}

}  // namespace pgrightsizer::model
