#include "pooled.h"

#include <algorithm>

#include "caps.h"
#include "pooler.h"
#include "restart.h"
#include "role.h"
#include "way_back.h"

namespace pgrightsizer::transition {

namespace {

bool serving(const PoolerPod& pod) { return adjustable(pod) && pod.ready; }

Count serving_pods(const Observation& seen) {
  return std::count_if(seen.pods.begin(), seen.pods.end(), serving);
}

// A full server refuses everybody and is no reason to stay out: the pooler is the way out.
bool login_allows(const Observation& seen) {
  switch (seen.pooled_login) {
    case Login::Ok:
    case Login::ServerFull:
      return true;
    case Login::Unknown:
      return seen.direct_login == Login::Ok || seen.direct_login == Login::ServerFull;
    case Login::Failing:
      return seen.direct_login == Login::ServerFull;
  }
  return false;
}

Rule enter_rule(const Situation& s) {
  const Observation& seen = s.seen;
  if (serving_pods(seen) == 0) return wait(Topic::PoolerStarting, "no pooler pod serves yet");
  if (seen.needs_tls) {
    return wait(
        Topic::NeedsTls,
        "direct sessions use TLS and the pooler has no certificate: set pooler.tlsSecretName");
  }
  if (s.rules.look_at_sessions && seen.looks_at_sessions < 3) {
    return wait(Topic::Readiness, say("what sessions use was looked at ", seen.looks_at_sessions,
                                      " of 3 times"));
  }
  if (!login_allows(seen)) {
    return wait(Topic::PooledLogin, "a login through the pooler has not succeeded yet");
  }
  return step_of(StepKind::SwitchToPooler, Topic::RouteSettling,
                 say(s.plan.formula, "; ", serving_pods(seen), " pooler pods serve"));
}

// After a turn-back only the pooler itself is kept current: that may be the cure.
Step retry_later(const Situation& s) {
  Turn turn;
  const bool stale = s.seen.pooler && !s.seen.pooler->current;
  if (stale && turn.take(apply_pooler_rule(s))) return std::move(turn).result();
  turn.take(wait(Topic::RetryLater, "the move to the pooler was turned back", s.history.retry_at));
  return std::move(turn).result();
}

Step to_pooler(const Situation& s) {
  Turn turn;
  // At once: what holds direct traffic in bounds must not refuse those who come before the flip.
  if (turn.take(lift_role_limit_rule(s))) return std::move(turn).result();
  if (s.history.retry_at && s.now < *s.history.retry_at) return retry_later(s);
  if (turn.take(keep_rule(s)) || turn.take(announce_rule(s)) || turn.take(apply_pooler_rule(s))) {
    return std::move(turn).result();
  }
  turn.take(enter_rule(s));
  return std::move(turn).result();
}

// PgBouncer passes a full server's refusal on to its clients until it has logged in once itself.
bool kept_out(const Observation& seen) {
  return seen.route == Route::Pooler && seen.pooled_login == Login::ServerFull &&
         seen.direct_sessions > 0;
}

// The few idle sessions that are ended, whatever the drain, are the difference between a refusal
// and a short wait. A pooler pod that is about to serve is counted: it would be kept out next.
Step let_poolers_in(const Situation& s) {
  const Count pods = std::max<Count>(s.rules.pooler_replicas, serving_pods(s.seen));
  const Count few = sizing::kMinimumCap * pods;
  Step step = step_of(StepKind::DrainDirect, Topic::DirectDraining,
                      say("the server is full of ", s.seen.direct_sessions,
                          " direct sessions: ", few, " idle ones make room for the poolers"));
  step.value = few;
  step.deadline = s.history.drain_since.value_or(s.now) + s.rules.drain_timeout;
  return step;
}

// Right after the flip every second counts. A late direct client may take the room; the next turn
// makes it again. Once the route has settled the other rules go first.
Rule let_in_at_once_rule(const Situation& s) {
  if (s.seen.route_settled || !kept_out(s.seen)) return std::nullopt;
  return let_poolers_in(s);
}

Rule drain_rule(const Situation& s) {
  const Observation& seen = s.seen;
  if (all_pooled(seen)) return std::nullopt;
  if (seen.route == Route::Direct) {
    return wait(Topic::DirectDraining, say(seen.direct_sessions,
                                           " direct sessions: the applications must be pointed at "
                                           "the pooler"));
  }
  if (!seen.route_settled) {
    return wait(Topic::RouteSettling, "EndpointSlices do not show only poolers for 2 s yet");
  }
  if (seen.direct_sessions == 0) {
    return wait(Topic::DirectDraining,
                say("no direct session in ", seen.looks_without_direct, " of 3 looks"));
  }
  const Time deadline = s.history.drain_since.value_or(s.now) + s.rules.drain_timeout;
  const bool overdue = s.now >= deadline;
  Step step = wait(Topic::DirectDraining,
                   say(seen.direct_sessions, " direct connections still open",
                       overdue ? "; the drain is overdue and holds here" : ""),
                   deadline);
  if (kept_out(seen)) return let_poolers_in(s);
  const bool logins_fail = seen.pooled_login == Login::Failing;
  if (s.rules.drain != Drain::Wait && !overdue && !logins_fail) step.kind = StepKind::DrainDirect;
  return step;
}

// What poolers hold, others, and a replacement of every pooler pod at any moment.
Count pooled_worst(const Observation& seen) {
  return seen.pooled_room() + seen.replacement_room() + seen.others_kept();
}

// Nobody is cut off by a smaller server only when nobody is direct, the poolers' promises fit it,
// and logins through them work. `prepared`: the boot cap can still make it fit.
Rule lower_obstacle(const Situation& s, bool prepared) {
  const Observation& seen = s.seen;
  if (Rule drain = drain_rule(s)) {
    drain->kind = StepKind::Wait;
    return drain;
  }
  if (seen.pooled_login == Login::Failing) {
    return wait(Topic::PooledLogin, "logins through the pooler fail");
  }
  const Count usable = s.plan.max_connections - seen.reserved;
  const Count least = seen.pooled_room() + seen.others_kept();
  if (pooled_worst(seen) <= usable || (prepared && least <= usable)) return std::nullopt;
  return wait(Topic::NoRoom,
              say("max_connections stays ", seen.effective, ": ", seen.pooled_room(), " pooled + ",
                  seen.replacement_room(), " for replaced pooler pods + ", seen.others_kept(),
                  " others > ", usable, " usable at ", s.plan.max_connections));
}

Rule lower_pooled_rule(const Situation& s) {
  const Count usable = s.plan.max_connections - s.seen.reserved;
  const bool tight = pooled_worst(s.seen) > usable;
  const Rule prepare = tight ? fit_boot_cap_rule(s, usable) : std::nullopt;
  const Occasion occasion{all_pooled(s.seen), false, false};
  return lower_rule(s, occasion, lower_obstacle(s, prepare.has_value()), prepare);
}

Rule rest_rule(const Situation& s) {
  if (serving_pods(s.seen) < s.rules.pooler_replicas) {
    return wait(Topic::PoolerStarting,
                say(serving_pods(s.seen), " of ", s.rules.pooler_replicas, " pooler pods serve"));
  }
  if (static_cast<Count>(s.seen.pods.size()) > s.rules.pooler_replicas) {
    return wait(Topic::PoolerReplacing, "pooler pods are terminating");
  }
  return std::nullopt;
}

Step behind_pooler(const Situation& s) {
  Turn turn;
  if (turn.take(lift_role_limit_rule(s)) || turn.take(let_in_at_once_rule(s)) ||
      turn.take(shrink_rule(s, share_now(s), Topic::CapsShrinking)) ||
      turn.take(announce_rule(s)) || turn.take(apply_pooler_rule(s))) {
    return std::move(turn).result();
  }
  const Rule failing = failing_login_rule(s);
  const bool turning_back = failing && failing->topic != Topic::PooledLogin;
  if (turn.take(failing) || turning_back) return std::move(turn).result();

  if (turn.take(raise_rule(s, Occasion{all_pooled(s.seen), false, s.seen.saturated}))) {
    return std::move(turn).result();
  }
  const Rule grow = grow_rule(s);
  if (grow && grow->kind != StepKind::Wait) return *grow;
  const bool acts = turn.take(lower_pooled_rule(s)) || turn.take(reconnect_rule(s)) ||
                    turn.take(drain_rule(s)) || turn.take(grow) ||
                    turn.take(full_boot_cap_rule(s)) || turn.take(rest_rule(s));
  static_cast<void>(acts);
  return std::move(turn).result();
}

}  // namespace

Step pooled_step(const Situation& s) {
  const bool move_ahead = s.seen.route == Route::Direct && s.rules.switch_route;
  return move_ahead ? to_pooler(s) : behind_pooler(s);
}

}  // namespace pgrightsizer::transition
