#include "status.h"

#include <algorithm>

#include "../turn/names.h"
#include "../turn/routes.h"
#include "conditions.h"

namespace pgrightsizer::controller {

namespace {

using transition::Count;
using transition::Route;
using transition::Step;
using transition::StepKind;

// Without instances the sizes stay, and with them what was recommended last.
void fill_recommended(const Facts& facts, api::Status& status) {
  auto& recommended = status.recommended;
  if (recommended && facts.blocked()) return;
  if (!facts.plan.hold) {
    recommended = facts.plan;
  } else if (recommended) {
    recommended->demand = facts.plan.demand;
    recommended->formula = facts.plan.formula;
  }
}

void fill_figures(const Turn& turn, api::Status& status) {
  const auto& facts = turn.facts;
  const auto& seen = facts.seen;
  status.observed_generation = turn.policy.generation;
  status.instances = 0;
  for (const auto& workload : facts.workloads)
    status.instances = sizing::saturating_add(status.instances, workload.replicas);
  status.workloads = facts.plan.workloads;
  fill_recommended(facts, status);
  if (seen.database_up) {
    api::Current current;
    current.max_connections = seen.effective;
    current.pending_restart = seen.requested != seen.effective;
    current.usable = seen.usable();
    current.used = facts.sessions;
    const auto& nearest = facts.saturation.now;
    current.used_percent = nearest.limit > 0 ? nearest.used * 100 / nearest.limit : 0;
    current.direct = seen.direct_sessions;
    current.pooled = static_cast<Count>(facts.pooled.size());
    status.current = current;
  }
  if (!route_can_switch(turn.policy))
    status.route = !seen.pooler ? "Direct" : seen.direct_sessions > 0 ? "Moving" : "Pooler";
  else if (seen.route == Route::Direct)
    status.route = seen.pooler ? "Moving" : "Direct";
  else
    status.route = seen.route_settled && seen.direct_sessions == 0 ? "Pooler" : "Moving";
  if (facts.front_exists) status.binding = binding_secret(turn.policy);
}

void fill_errors(const Turn& turn, api::Status& status) {
  const auto& errors = turn.facts.errors;
  const bool external = turn.policy.spec.database.provider == api::ProviderKind::External;
  api::ErrorsStatus out;
  out.source = external ? "PoolerLogsAndProbes" : "PodLogs";
  out.message = errors.trouble;
  for (const auto& [which, count] : errors.total) {
    switch (which.second) {
      case postgres::ConnectionError::Refused: out.refused += count; break;
      case postgres::ConnectionError::LoginFailed: out.login_failed += count; break;
      case postgres::ConnectionError::QueryWaitTimeout: out.query_wait_timeout += count; break;
      case postgres::ConnectionError::Killed: out.killed += count; break;
    }
  }
  status.errors = out;
}

void fill_pooler(const Turn& turn, api::Status& status) {
  const auto& seen = turn.facts.seen;
  status.pooler.reset();
  if (!seen.pooler) return;
  api::PoolerStatus pooler;
  pooler.replicas = seen.pooler->replicas;
  pooler.pool_size = seen.pooler->pool_size;
  Count live = 0;
  std::chrono::microseconds longest_wait{0};
  for (const auto& pod : turn.facts.pods) {
    if (pod.pod->ready && !pod.pod->meta.deleting) ++pooler.ready_replicas;
    if (!pod.snapshot) continue;
    pooler.clients += static_cast<Count>(pod.snapshot->clients.size());
    for (const auto& pool : pod.snapshot->pools) {
      pooler.waiting += pool.clients_waiting;
      longest_wait = std::max(longest_wait, pool.longest_wait);
    }
  }
  for (const auto& pod : seen.pods) {
    if (pod.terminating || !pod.console) continue;
    pooler.pool_size_per_pod = live == 0 ? pod.cap : std::min(pooler.pool_size_per_pod, pod.cap);
    ++live;
  }
  pooler.wait_milliseconds = longest_wait.count() / 1000;
  status.pooler = pooler;
}

void fill_step(const Turn& turn, const Step& step, const api::Status& before, api::Status& status) {
  if (step.kind == StepKind::None) {
    status.step.reset();
    return;
  }
  api::StepStatus now;
  now.name = step.kind == StepKind::Wait ? transition::to_string(step.topic)
                                         : transition::to_string(step.kind);
  now.message = step.reason;
  now.deadline = step.deadline;
  const bool same = before.step && before.step->name == now.name;
  now.since = same ? before.step->since : std::optional(turn.sight.clock.now());
  status.step = now;
}

}  // namespace

api::Status build_status(const Turn& turn, const Step& step, const api::Status& before) {
  api::Status status = before;
  fill_figures(turn, status);
  fill_pooler(turn, status);
  fill_errors(turn, status);
  fill_step(turn, step, before, status);
  fill_conditions(turn, step, status);
  if (status.rejected && status.rejected->generation != turn.policy.generation) status.rejected.reset();
  return status;
}

api::Status invalid_status(const api::ConnectionPolicy& policy, const Error& error,
                           const api::Status& before, WallTime now) {
  api::Status status = before;
  status.observed_generation = policy.generation;
  api::remove_condition(status.conditions, "Reconciling");
  for (const char* type : {"Ready", "Stalled"})
    api::set_condition(status.conditions,
                       {type, type == std::string("Ready") ? "False" : "True", "InvalidSpec",
                        error.message(), policy.generation, {}},
                       now);
  return status;
}

}  // namespace pgrightsizer::controller
