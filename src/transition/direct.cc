#include "direct.h"

#include <algorithm>

#include "restart.h"
#include "role.h"
#include "way_back.h"

namespace pgrightsizer::transition {

namespace {

// A pod that is neither ready nor reachable cannot be asked and serves nobody.
bool may_have_clients(const PoolerPod& pod) {
  if (pod.terminating) return false;
  return pod.console ? pod.clients > 0 : pod.ready;
}

Rule leave_pooler_rule(const Situation& s) {
  const Observation& seen = s.seen;
  if (!seen.route_settled) {
    return wait(Topic::RouteSettling, "EndpointSlices do not show only the database for 2 s yet");
  }
  if (std::none_of(seen.pods.begin(), seen.pods.end(), may_have_clients)) {
    return step_of(StepKind::RemovePooler, Topic::None, "the pooler has no clients left");
  }
  Count clients = 0;
  for (const PoolerPod& pod : seen.pods) clients += pod.clients;
  const Time deadline = s.history.drain_since.value_or(s.now) + s.rules.drain_timeout;
  const bool overdue = s.now >= deadline;
  Step step = wait(Topic::PooledDraining,
                   say(clients, " clients are still connected to the pooler",
                       overdue ? "; the drain is overdue and holds here" : ""),
                   deadline);
  if (s.rules.drain == Drain::TerminateIdle && !overdue) step.kind = StepKind::DrainPooled;
  return step;
}

// Peak sessions over the scale-down window, and what may still start, must fit the smaller server.
Rule lower_obstacle(const Situation& s) {
  const Observation& seen = s.seen;
  if (!seen.route_settled) return wait(Topic::RouteSettling, "the route has not settled yet");
  const Count usable = s.plan.max_connections - seen.reserved;
  const Count peak = std::max(seen.peak_direct_sessions, seen.direct_sessions);
  const Count rest = seen.direct_room() + seen.pooled_room() + seen.others_kept();
  if (peak + rest <= usable) return std::nullopt;
  const bool passes = seen.direct_sessions + rest <= usable;
  return wait(passes ? Topic::Stabilizing : Topic::NoRoom,
              say("max_connections stays ", seen.effective, ": peak ", peak, " + ",
                  seen.direct_room(), " that may start + ", seen.pooled_room(), " pooled + ",
                  seen.others_kept(), " others > ", usable, " usable at ", s.plan.max_connections));
}

Step on_the_direct_route(const Situation& s) {
  Turn turn;
  if (turn.take(role_limit_rule(s))) return std::move(turn).result();
  const bool needed = excess(s.seen) > 0;
  if (turn.take(raise_rule(s, Occasion{false, needed, s.seen.saturated}))) return std::move(turn).result();
  if (s.seen.pooler) {
    if (!turn.take(keep_rule(s))) turn.take(leave_pooler_rule(s));
    return std::move(turn).result();
  }
  turn.take(lower_rule(s, Occasion{}, lower_obstacle(s)));
  return std::move(turn).result();
}

}  // namespace

Step direct_step(const Situation& s) {
  return s.seen.route == Route::Pooler ? way_back(s) : on_the_direct_route(s);
}

}  // namespace pgrightsizer::transition
