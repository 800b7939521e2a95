#include "events.h"

#include <set>

#include "conditions.h"

namespace pgrightsizer::controller {

namespace {

using transition::Topic;

// Told when it begins to be so, and not again before it has ended.
void once(const Turn& turn, bool is, const std::string& what, const Reason& reason, const char* action,
          const std::string& note) {
  auto& told = turn.memory.told;
  if (is && told.insert(what).second) tell(turn, reason, action, note);
  if (!is) told.erase(what);
}

void tell_problems(const Turn& turn) {
  std::set<std::string> now;
  const auto tell_lasting = [&](const std::string& what, const Reason& reason, const std::string& note) {
    now.insert("lasting/" + what);
    once(turn, true, "lasting/" + what, reason, "Observe", note);
  };
  for (const auto& problem : turn.facts.problems) {
    // Of each object once; what is said about it may hold figures that change.
    const auto object = problem.message.substr(0, problem.message.find(": "));
    tell_lasting(std::string(problem.reason.name) + "/" + object, problem.reason, problem.message);
  }
  for (const auto& note : turn.facts.database.notes)
    tell_lasting("note/" + note, kConfigurationNote, note);
  std::erase_if(turn.memory.told, [&](const std::string& what) {
    return what.starts_with("lasting/") && !now.contains(what);
  });
}

// What the plan runs into.
void tell_plan(const Turn& turn, const api::Status& after) {
  const auto& facts = turn.facts;
  once(turn, facts.plan.hold && !facts.blocked(), "hold", kNoInstances, "Plan", hold_text(turn));
  once(turn, facts.overridden.has_value(), "overridden", kOverriddenByAlterSystem, "Observe",
       facts.seen.cannot_restart.value_or(""));
  once(turn, facts.plan.clamped, "clamped", kClampedToMaximum, "Plan",
       "max_connections would be " + std::to_string(facts.plan.uncapped_max_connections) +
           "; spec.sizing.maxConnections and the memory of PostgreSQL's container allow " +
           std::to_string(facts.plan.max_connections) + ": " + facts.plan.formula);
  const auto surge = sizing::surge_demand(facts.workloads, turn.policy.spec.sizing.environment);
  const auto held = sizing::saturating_add(surge, facts.seen.others_kept());
  once(turn,
       facts.seen.database_up && after.route == "Direct" &&
           facts.plan.route == transition::Route::Direct && facts.seen.usable() > 0 &&
           held > facts.seen.usable(),
       "surge", kSurgeDoesNotFit, "Plan",
       "a rolling update would hold up to " + std::to_string(surge) + " connections; with " +
           std::to_string(facts.seen.others_kept()) + " others that is more than the " +
           std::to_string(facts.seen.usable()) +
           " usable; lower maxSurge, or set spec.sizing.countInstances: CurrentPlusSurge");
}

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

// Known to the operator that began the restart.
std::string cost_of_restart(const Turn& turn) {
  const auto& restart = turn.memory.restart;
  if (restart.begun_uid.empty()) return {};
  return "; it ended " + std::to_string(restart.direct_cost) + " direct connections";
}

void tell_restarts(const Turn& turn, const api::Status& before, const api::Status& after) {
  const auto* pending = api::find_condition(after.conditions, "RestartPending");
  once(turn, pending && pending->status == "True", "pending", kRestartDeferred, "Wait",
       pending ? pending->message : "");
  if (before.restarts.empty() || after.restarts.empty()) return;
  const auto& last = after.restarts.back();
  for (const auto& old : before.restarts)
    if (old.time == last.time && !old.duration && last.duration)
      tell(turn, kRestartCompleted, "Restart",
           "PostgreSQL is back after " + std::to_string(last.duration->count()) +
               " ms with max_connections " + std::to_string(turn.facts.seen.effective) +
               cost_of_restart(turn));
}

void tell_drain(const Turn& turn, const api::Status& before, const api::Status& after) {
  if (before.drain_since && !after.drain_since)
    tell(turn, kDrainCompleted, "Drain",
         after.route == "Pooler" ? "no direct session is left" : "no client of the pooler is left");
  const bool overdue = after.step && after.step->deadline && after.drain_since &&
                       *after.step->deadline <= turn.sight.clock.now() &&
                       (after.step->name == transition::to_string(Topic::DirectDraining) ||
                        after.step->name == transition::to_string(Topic::PooledDraining));
  once(turn, overdue, "overdue", kDrainTimedOut, "Drain",
       after.step ? after.step->message + "; the drain holds here, safely" : "");
}

}  // namespace

void tell_changes(const Turn& turn, const api::Status& before, const api::Status& after) {
  tell_problems(turn);
  tell_plan(turn, after);
  tell_saturation(turn, before, after);
  tell_restarts(turn, before, after);
  tell_drain(turn, before, after);
}

}  // namespace pgrightsizer::controller
