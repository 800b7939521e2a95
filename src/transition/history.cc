#include <algorithm>

#include "pgrightsizer/transition/transition.h"

namespace pgrightsizer::transition {

namespace {

// The API server's, the node's and our clock differ a little.
constexpr seconds kClockSkew{1};

void complete_restart(History& history, const Observation& seen) {
  if (history.restarts.empty() || history.restarts.back().duration) return;
  Restart& last = history.restarts.back();
  if (!seen.database_up || !seen.postmaster_start) return;
  if (*seen.postmaster_start + kClockSkew < last.time) return;
  last.duration = std::max(milliseconds{0}, *seen.postmaster_start - last.time);
}

// Else the next outage, of any day, would be this restart.
void drop_what_never_began(History& history, const Observation& seen, const Rules& rules, Time now) {
  if (history.restarts.empty() || history.restarts.back().duration) return;
  if (!seen.database_up || !seen.postmaster_start || seen.database_stopping) return;
  if (now >= history.restarts.back().time + rules.deletion_grace) history.restarts.pop_back();
}

void end_drain(History& history, const Observation& seen) {
  Count pooled_clients = 0;
  for (const PoolerPod& pod : seen.pods) pooled_clients += pod.clients;
  const bool drained = seen.route == Route::Pooler
                           ? seen.direct_sessions == 0 && seen.looks_without_direct >= 3
                           : pooled_clients == 0;
  if (drained) history.drain_since.reset();
}

// The doubling of the waits ends with a move that came through, in either direction.
void forget_turn_back(History& history, const Observation& seen) {
  const bool arrived_pooled = seen.route == Route::Pooler && seen.route_settled &&
                              seen.looks_without_direct >= 3 && seen.pooled_login == Login::Ok;
  const bool arrived_direct = seen.route == Route::Direct && !seen.pooler;
  if (!arrived_pooled && !arrived_direct) return;
  history.turned_back_since.reset();
  history.retry_at.reset();
}

}  // namespace

History settle(History history, const Observation& observation, const Rules& rules, Time now) {
  complete_restart(history, observation);
  drop_what_never_began(history, observation, rules, now);
  end_drain(history, observation);
  forget_turn_back(history, observation);
  return history;
}

}  // namespace pgrightsizer::transition
