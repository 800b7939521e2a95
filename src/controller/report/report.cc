#include "report.h"

#include <algorithm>
#include <set>

#include "../turn/names.h"

namespace pgrightsizer::controller {

namespace {

using api::Condition;
using transition::Count;
using transition::Route;
using transition::Step;
using transition::StepKind;
using transition::Topic;

// A step that waits for people or for time alone is not "under way".
bool at_rest(const Step& step) {
  if (step.kind == StepKind::None) return true;
  if (step.kind != StepKind::Wait) return false;
  switch (step.topic) {
    case Topic::Hold:
    case Topic::RestartPending:
    case Topic::Stabilizing: return true;
    default: return false;
  }
}

// Nothing but a person can end it.
bool stuck(const Step& step) {
  return step.kind == StepKind::Wait &&
         (step.topic == Topic::NeedsTls || step.topic == Topic::RestartRejected ||
          step.topic == Topic::RestartUnsafe || step.topic == Topic::PooledLogin ||
          step.topic == Topic::StandbyFailed || step.topic == Topic::ReplicationBroken);
}

const Problem* first_problem(const Facts& facts, bool blocking) {
  for (const auto& problem : facts.problems)
    if (problem.blocks == blocking) return &problem;
  return nullptr;
}

// Sessions opened past the front Service since the proxies follow it: the pods they come from.
std::set<std::string> bypassing(const Turn& turn) {
  std::set<std::string> pods;
  const auto& seen = turn.facts.seen;
  if (seen.route != Route::Pooler || !seen.route_settled) return pods;
  const auto settled_for = turn.sight.clock.steady() - turn.memory.endpoints_since;
  for (const auto& backend : turn.facts.direct) {
    if (backend.age + std::chrono::seconds(3) >= settled_for) continue;
    std::string name = backend.address.empty() ? "a local socket" : backend.address;
    for (const auto& pod : turn.sight.stores.pods.list(turn.policy.name_space))
      if (pod->ip == backend.address) name = pod->meta.name;
    pods.insert(name);
  }
  return pods;
}

std::string join(const std::set<std::string>& names, std::size_t most) {
  std::string out;
  std::size_t n = 0;
  for (const auto& name : names) {
    if (n++ == most) return out + " and " + std::to_string(names.size() - most) + " more";
    out += (out.empty() ? "" : ", ") + name;
  }
  return out;
}

void fill_figures(const Turn& turn, api::Status& status) {
  const auto& facts = turn.facts;
  const auto& seen = facts.seen;
  status.observed_generation = turn.policy.generation;
  status.instances = 0;
  for (const auto& workload : facts.workloads)
    status.instances = sizing::saturating_add(status.instances, workload.replicas);
  status.workloads = facts.plan.workloads;
  if (!facts.blocked() || !status.recommended) status.recommended = facts.plan;
  if (seen.database_up) {
    api::Current current;
    current.max_connections = seen.effective;
    current.pending_restart = seen.requested != seen.effective;
    current.usable = seen.usable();
    current.used = facts.sessions;
    current.used_percent = current.usable > 0 ? current.used * 100 / current.usable : 0;
    current.direct = seen.direct_sessions;
    current.pooled = static_cast<Count>(facts.pooled.size());
    status.current = current;
  }
  if (turn.policy.spec.routing.mode == api::RoutingMode::None)
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

Condition saturated(const Turn& turn, const api::Status& status) {
  if (!status.current)
    return {"Saturated", "Unknown", "NotMeasured", "the database has not been seen yet", 0, {}};
  const auto& [now, state, silent, cause] = turn.facts.saturation;
  const auto window = turn.policy.spec.saturation.thresholds.window.count();
  if (!state) {
    if (silent)
      return {"Saturated", "Unknown", "NotMeasured",
              "nothing could be measured for " + std::to_string(window) + " s", 0, {}};
    // After a take-over what was said last is said until it has been measured again.
    if (const auto* before = api::find_condition(status.conditions, "Saturated"))
      if (before->status != "Unknown") return *before;
    return {"Saturated", "Unknown", "NotMeasured",
            "not measured for " + std::to_string(window) + " s yet (spec.saturation.forSeconds)", 0, {}};
  }
  const bool normal = state->level == saturation::Level::Normal;
  std::string message =
      std::to_string(static_cast<int>(state->percent)) + " % over " + std::to_string(window) + " s";
  if (now.limit > 0)
    message += ", now " + std::to_string(now.used) + " of " + std::to_string(now.limit) +
               (now.of_clients ? " clients of the poolers"
                : now.pooled   ? " of the pool"
                               : " usable connections");
  if (!normal)
    message += "; wait " + std::to_string(state->wait.count() / 1000) + " ms; cause " +
               saturation::to_string(cause.cause) + ": " + cause.evidence;
  return {"Saturated", normal ? "False" : "True", saturation::to_string(state->level), message, 0, {}};
}

Condition traffic(const Turn& turn, const Step& step, const api::Status& status) {
  const auto& seen = turn.facts.seen;
  if (step.topic == Topic::NeedsTls)
    return {"TrafficRouted", "False", "NeedsTLS", step.reason, 0, {}};
  if (!turn.facts.incompatible.empty())
    return {"TrafficRouted", "False", "Incompatible",
            "sessions use what transaction pooling breaks: " + turn.facts.incompatible, 0, {}};
  if (const auto pods = bypassing(turn); !pods.empty())
    return {"TrafficRouted", "False", "BypassingFrontService",
            "sessions reach the database past Service " + front_service(turn.policy) + " from " +
                join(pods, 5) + "; let them use the binding Secret",
            0, {}};
  if (status.route == "Pooler")
    return {"TrafficRouted", "True", "Pooled", "all sessions go through PgBouncer", 0, {}};
  if (status.route == "Direct")
    return {"TrafficRouted", "True", "Direct", "sessions go to PostgreSQL itself", 0, {}};
  const bool to_pooler = seen.route == Route::Pooler;
  return {"TrafficRouted", "False", to_pooler || seen.pooler ? "Draining" : "Moving",
          to_pooler ? std::to_string(seen.direct_sessions) + " direct sessions remain"
                    : "the pooler still has clients, or is being prepared",
          0, {}};
}

std::string hold_text(const Turn& turn) {
  return turn.policy.text() +
         ": no instances, the present sizes are kept; raise spec.replicas of one of its workloads";
}

Condition ready(const Turn& turn, const Step& step) {
  if (const auto* problem = first_problem(turn.facts, true))
    return {"Ready", "False", problem->reason.name, problem->message, 0, {}};
  if (turn.policy.spec.suspend)
    return {"Ready", "True", "Suspended", "spec.suspend is true: nothing is changed", 0, {}};
  if (const auto* problem = first_problem(turn.facts, false))
    return {"Ready", "False", problem->reason.name, problem->message, 0, {}};
  if (turn.policy.spec.mode == api::Mode::Recommend)
    return {"Ready", "True", "Recommending", "spec.mode is Recommend: nothing is changed", 0, {}};
  if (step.kind == StepKind::None && turn.facts.plan.hold)
    return {"Ready", "True", "Hold", hold_text(turn), 0, {}};
  if (step.kind == StepKind::None)
    return {"Ready", "True", "InStep", "the limits are in step with the instances", 0, {}};
  const std::string name = step.kind == StepKind::Wait ? transition::to_string(step.topic)
                                                       : transition::to_string(step.kind);
  return {"Ready", at_rest(step) ? "True" : "False", name, step.reason, 0, {}};
}

Condition pooler_available(const api::Status& status) {
  if (!status.pooler)
    return {"PoolerAvailable", "False", "NotNeeded", "there is no pooler", 0, {}};
  const auto& pooler = *status.pooler;
  const bool all = pooler.ready_replicas >= pooler.replicas;
  return {"PoolerAvailable", pooler.ready_replicas > 0 ? "True" : "False",
          all ? "AllReady" : pooler.ready_replicas > 0 ? "SomeReady" : "NoneReady",
          std::to_string(pooler.ready_replicas) + " of " + std::to_string(pooler.replicas) +
              " pods are ready",
          0, {}};
}

Condition restart_pending(const Step& step) {
  const bool pending = step.kind == StepKind::Wait && (step.topic == Topic::RestartPending ||
                                                       step.topic == Topic::RestartUnsafe ||
                                                       step.topic == Topic::PauseHeldUp);
  return {"RestartPending", pending ? "True" : "False", pending ? transition::to_string(step.topic) : "None",
          pending ? step.reason : "no restart is due", 0, {}};
}

void fill_conditions(const Turn& turn, const Step& step, api::Status& status) {
  const auto now = turn.sight.clock.now();
  const auto set = [&](Condition condition) {
    condition.observed_generation = turn.policy.generation;
    api::set_condition(status.conditions, std::move(condition), now);
  };
  const auto only_while = [&](const char* type, bool is, const std::string& reason,
                              const std::string& message) {
    if (is)
      set({type, "True", reason, message, 0, {}});
    else
      api::remove_condition(status.conditions, type);
  };
  auto summary = ready(turn, step);
  if (summary.status == "True")
    for (const auto& note : turn.facts.database.notes) summary.message += "; note: " + note;
  const bool acting = turn.policy.spec.mode == api::Mode::Apply && !turn.policy.spec.suspend;
  const bool blocked = turn.facts.blocked();
  set(summary);
  only_while("Reconciling", acting && !blocked && !at_rest(step) && !stuck(step), summary.reason,
             summary.message);
  only_while("Stalled", blocked || (acting && stuck(step)), summary.reason, summary.message);
  if (turn.facts.plan.hold)
    set({"RecommendationProvided", "False", "NoInstances", "no instances: the present sizes are kept", 0, {}});
  else
    set({"RecommendationProvided", "True", "Computed", turn.facts.plan.formula, 0, {}});
  set(saturated(turn, status));
  set(restart_pending(step));
  set(pooler_available(status));
  set(traffic(turn, step, status));
  const bool suspended = turn.policy.spec.suspend;
  set({"Suspended", suspended ? "True" : "False", suspended ? "Suspended" : "Active",
       suspended ? "spec.suspend is true" : "spec.suspend is false", 0, {}});
}

// What is worth a write by itself: everything but gauges and the figures inside sentences.
api::Status essence(api::Status status) {
  for (auto& condition : status.conditions) {
    condition.message.clear();
    condition.last_transition_time.clear();
  }
  if (status.current) {
    status.current->used = status.current->used_percent = 0;
    status.current->direct = status.current->pooled = 0;
  }
  if (status.pooler) status.pooler->clients = status.pooler->waiting = status.pooler->wait_milliseconds = 0;
  if (status.errors) status.errors = api::ErrorsStatus{status.errors->source, status.errors->message};
  if (status.step) status.step->message.clear();
  return status;
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
  for (const char* type : {"Ready", "Stalled"})
    api::set_condition(status.conditions,
                       {type, type == std::string("Ready") ? "False" : "True", "InvalidSpec",
                        error.message(), policy.generation, {}},
                       now);
  return status;
}

Result<void> report(const Turn& turn, const Step& step, const api::Status& status) {
  const auto& written = turn.memory.status;
  const bool first = !written || written->conditions.empty();
  const bool moved = first || !api::status_patch(essence(*written), essence(status)).empty();
  const auto patience = at_rest(step) ? turn.sight.options.gauges : std::chrono::milliseconds(5000);
  const bool due = turn.sight.clock.steady() - turn.memory.status_written >= patience;
  if (!moved && !due) return {};
  return write_status(turn, status);
}

namespace {

// Known to the operator that began the restart.
std::string cost_of_restart(const Turn& turn) {
  const auto& restart = turn.memory.restart;
  if (restart.begun_uid.empty()) return {};
  return "; it ended " + std::to_string(restart.direct_cost) + " direct connections";
}

}  // namespace

namespace {

void tell_saturation(const Turn& turn, const api::Status& before, const api::Status& after) {
  const auto* was = api::find_condition(before.conditions, "Saturated");
  const auto* is = api::find_condition(after.conditions, "Saturated");
  if (!is || (was && was->reason == is->reason)) return;
  if (is->reason == "Warning")
    tell(turn, kSaturationWarning, "Measure", is->message);
  else if (is->status == "True")
    tell(turn, kSaturationCritical, "Measure", is->reason + ": " + is->message);
  else if (is->status == "False" && was && was->status == "True")
    tell(turn, kSaturationResolved, "Measure", is->message);
}

}  // namespace

void tell_changes(const Turn& turn, const api::Status& before, const api::Status& after) {
  auto& told = turn.memory.told;
  const auto once = [&](bool is, const std::string& what, const Reason& reason, const char* action,
                        const std::string& note) {
    if (is && told.insert(what).second) tell(turn, reason, action, note);
    if (!is) told.erase(what);
  };
  const auto& facts = turn.facts;
  std::set<std::string> now;
  const auto tell_lasting = [&](const std::string& what, const Reason& reason, const std::string& note) {
    now.insert("lasting/" + what);
    once(true, "lasting/" + what, reason, "Observe", note);
  };
  for (const auto& problem : facts.problems) {
    // Of each object once; what is said about it may hold figures that change.
    const auto object = problem.message.substr(0, problem.message.find(": "));
    tell_lasting(std::string(problem.reason.name) + "/" + object, problem.reason, problem.message);
  }
  for (const auto& note : facts.database.notes)
    tell_lasting("note/" + note, kConfigurationNote, note);
  std::erase_if(told, [&](const std::string& what) {
    return what.starts_with("lasting/") && !now.contains(what);
  });
  once(facts.plan.hold && !facts.blocked(), "hold", kNoInstances, "Plan", hold_text(turn));
  if (facts.overridden)
    once(true, "overridden", kOverriddenByAlterSystem, "Observe",
         facts.seen.cannot_restart.value_or(""));
  else
    told.erase("overridden");
  once(facts.plan.clamped, "clamped", kClampedToMaximum, "Plan",
       "max_connections would be " + std::to_string(facts.plan.uncapped_max_connections) +
           "; spec.sizing.maxConnections and the memory of PostgreSQL's container allow " +
           std::to_string(facts.plan.max_connections) + ": " + facts.plan.formula);
  const auto surge = sizing::surge_demand(facts.workloads, turn.policy.spec.sizing.environment);
  const auto held = sizing::saturating_add(surge, facts.seen.others_kept());
  once(facts.seen.database_up && after.route == "Direct" && facts.plan.route == Route::Direct &&
           facts.seen.usable() > 0 && held > facts.seen.usable(),
       "surge", kSurgeDoesNotFit, "Plan",
       "a rolling update would hold up to " + std::to_string(surge) + " connections; with " +
           std::to_string(facts.seen.others_kept()) + " others that is more than the " +
           std::to_string(facts.seen.usable()) +
           " usable; lower maxSurge, or set spec.sizing.countInstances: CurrentPlusSurge");
  tell_saturation(turn, before, after);
  const auto* pending = api::find_condition(after.conditions, "RestartPending");
  once(pending && pending->status == "True", "pending", kRestartDeferred, "Wait",
       pending ? pending->message : "");
  if (before.restarts.size() && after.restarts.size()) {
    const auto& last = after.restarts.back();
    for (const auto& old : before.restarts)
      if (old.time == last.time && !old.duration && last.duration)
        tell(turn, kRestartCompleted, "Restart",
             "PostgreSQL is back after " + std::to_string(last.duration->count()) +
                 " ms with max_connections " + std::to_string(facts.seen.effective) +
                 cost_of_restart(turn));
  }
  if (before.drain_since && !after.drain_since)
    tell(turn, kDrainCompleted, "Drain",
         after.route == "Pooler" ? "no direct session is left" : "no client of the pooler is left");
  const bool overdue = after.step && after.step->deadline && after.drain_since &&
                       *after.step->deadline <= turn.sight.clock.now() &&
                       (after.step->name == transition::to_string(Topic::DirectDraining) ||
                        after.step->name == transition::to_string(StepKind::DrainDirect));
  once(overdue, "overdue", kDrainTimedOut, "Drain",
       after.step ? after.step->message + "; the drain holds here, safely" : "");
}

transition::History history_of(const api::Status& status) {
  transition::History history;
  for (const auto& restart : status.restarts)
    history.restarts.push_back({restart.time, restart.from, restart.to, restart.duration});
  if (status.rejected) history.rejected = transition::Rejected{status.rejected->value, status.rejected->reason};
  history.drain_since = status.drain_since;
  history.turned_back_since = status.turned_back_since;
  history.retry_at = status.retry_at;
  return history;
}

void set_history(api::Status& status, const transition::History& history) {
  status.restarts.clear();
  for (const auto& restart : history.restarts)
    status.restarts.push_back({restart.time, restart.from, restart.to, restart.duration});
  status.drain_since = history.drain_since;
  status.turned_back_since = history.turned_back_since;
  status.retry_at = history.retry_at;
}

}  // namespace pgrightsizer::controller
