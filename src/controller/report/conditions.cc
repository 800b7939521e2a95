#include "conditions.h"

namespace pgrightsizer::controller {

namespace {

using api::Condition;
using transition::Step;
using transition::StepKind;
using transition::Topic;

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

}  // namespace

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

std::string hold_text(const Turn& turn) {
  return turn.policy.text() +
         ": no instances, the present sizes are kept; raise spec.replicas of one of its workloads";
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
  set(traffic_routed(turn, step, status));
  const bool suspended = turn.policy.spec.suspend;
  set({"Suspended", suspended ? "True" : "False", suspended ? "Suspended" : "Active",
       suspended ? "spec.suspend is true" : "spec.suspend is false", 0, {}});
}

}  // namespace pgrightsizer::controller
