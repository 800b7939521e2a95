#include "way_back.h"

#include <algorithm>

#include "caps.h"
#include "restart.h"

namespace pgrightsizer::transition {

namespace {

constexpr seconds kFailingPatience{30};
constexpr seconds kFirstRetry{300};
constexpr seconds kLongestRetry{86'400};

// What poolers may hold when everybody may come directly.
Count budget(const Observation& seen) {
  return seen.usable() - seen.direct_worst() - seen.others_kept();
}

std::string room_text(const Observation& seen) {
  return say(seen.direct_worst(), " direct + ", seen.pooled_room(), " pooled + ",
             seen.others_kept(), " others ≤ ", seen.usable(), " usable");
}

// Pods still get their share while the way back waits.
void keep_pooled(Turn& turn, const Situation& s) {
  if (turn.take(shrink_rule(s, share_now(s), Topic::None))) return;
  if (turn.take(grow_rule(s))) return;
  turn.take(reconnect_rule(s));
}

// Sessions work before the pod is Ready, by its address; a Service that selects it refuses until
// then.
Rule ready_rule(const Situation& s) {
  if (s.seen.database_ready) return std::nullopt;
  return wait(Topic::Database, "PostgreSQL answers, its pod is not Ready yet");
}

Rule switch_rule(const Situation& s) {
  if (!s.rules.switch_route) {
    return wait(
        Topic::PooledDraining,
        "there is room for direct sessions: the applications must be pointed at the database");
  }
  if (Rule unready = ready_rule(s)) return unready;
  return step_of(StepKind::SwitchToDirect, Topic::RouteSettling,
                 say("back to the database: ", room_text(s.seen)));
}

Step turn_back_step(const Situation& s) {
  seconds pause = kFirstRetry;
  if (s.history.retry_at && s.history.turned_back_since) {
    const auto previous = *s.history.retry_at - *s.history.turned_back_since;
    pause =
        std::clamp(std::chrono::duration_cast<seconds>(2 * previous), kFirstRetry, kLongestRetry);
  }
  Step step = step_of(StepKind::TurnBack, Topic::PooledLogin,
                      say("logins through the pooler fail: back to the database for ",
                          pause.count(), " s, ", room_text(s.seen)));
  step.deadline = s.now + pause;
  return step;
}

}  // namespace

Step way_back(const Situation& s) {
  Turn turn;
  if (s.seen.pooler && !s.seen.stabilized) {
    turn.take(wait(Topic::Stabilizing, "the way back waits for the scale-down window"));
    keep_pooled(turn, s);
    return std::move(turn).result();
  }
  if (turn.take(keep_rule(s)) || turn.take(announce_rule(s))) return std::move(turn).result();
  // Raising is cheapest while everything is pooled.
  const Occasion occasion{all_pooled(s.seen), budget(s.seen) < 0, s.seen.saturated};
  const Rule raise = raise_rule(s, occasion);
  const bool long_wait =
      raise && raise->kind == StepKind::Wait && (!raise->deadline || !s.seen.pooler);
  const bool move_on = long_wait && budget(s.seen) >= s.seen.pooled_room();
  if (raise && !move_on) {
    if (!turn.take(raise)) keep_pooled(turn, s);
    return std::move(turn).result();
  }
  const Rule room = make_room_rule(s, budget(s.seen), Topic::CapsShrinking);
  if (room && room->topic == Topic::NoRoom) {
    turn.take(room);
    keep_pooled(turn, s);
    return std::move(turn).result();
  }
  turn.take(room ? room : switch_rule(s));
  return std::move(turn).result();
}

Rule failing_login_rule(const Situation& s) {
  const Observation& seen = s.seen;
  if (seen.pooled_login != Login::Failing) return std::nullopt;
  const std::optional<Time> since = seen.pooled_login_failing_since;
  if (!since || s.now < *since + kFailingPatience) {
    return wait(Topic::PooledLogin, "logins through the pooler fail",
                since ? std::optional<Time>(*since + kFailingPatience) : std::nullopt);
  }
  const bool elsewhere_better = s.rules.switch_route && seen.direct_login != Login::Failing;
  if (!elsewhere_better || budget(seen) < 0) {
    return wait(
        Topic::PooledLogin,
        say("logins through the pooler fail, and the way back is closed: ", seen.direct_worst(),
            " direct + ", seen.others_kept(), " others, ", seen.usable(), " usable"));
  }
  if (Rule room = make_room_rule(s, budget(seen), Topic::PooledLogin)) return room;
  if (Rule unready = ready_rule(s)) return unready;
  return turn_back_step(s);
}

}  // namespace pgrightsizer::transition
