#include "database.h"
#include "direct.h"
#include "pause.h"
#include "pooled.h"
#include "situation.h"
#include "standbys.h"

namespace pgrightsizer::transition {

namespace {

// What is left to do for standbys comes after everything else: it is never urgent.
Step then_standbys(const Situation& s, Step step) {
  if (step.kind != StepKind::None && step.kind != StepKind::Wait) return step;
  Rule follow = follow_primary_rule(s);
  if (!follow || (follow->kind == StepKind::Wait && step.kind == StepKind::Wait)) return step;
  return *std::move(follow);
}

Step towards_plan(const Situation& s) {
  if (s.plan.hold) {
    return step_of(StepKind::None, Topic::Hold, "no instances: the present sizes are kept");
  }
  return then_standbys(s, s.plan.route == Route::Pooler ? pooled_step(s) : direct_step(s));
}

Step decide(const Situation& s) {
  if (Rule database = database_rule(s)) return *std::move(database);
  Step wanted = towards_plan(s);
  if (any_paused(s.seen)) return while_paused(s, wanted);
  return thaw_when_done(s, std::move(wanted));
}

}  // namespace

Step next_step(const Observation& observation, const sizing::Plan& plan, const Rules& rules,
               const History& history, Time now) {
  return decide(Situation{observation, plan, rules, history, now});
}

}  // namespace pgrightsizer::transition
