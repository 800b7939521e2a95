#include <algorithm>

#include "pgrightsizer/transition/transition.h"

namespace pgrightsizer::transition {

namespace {

Count live_pods(const Observation& seen) {
  return std::count_if(seen.pods.begin(), seen.pods.end(),
                       [](const PoolerPod& pod) { return !pod.terminating; });
}

// What a pod counts that starts with this cap.
Count room_with(Count cap, Count least) {
  PoolerPod pod;
  pod.cap = cap;
  pod.least = least;
  return pod.counted();
}

}  // namespace

Count PoolerPod::room() const { return std::max({cap, announced, servers, least}); }

Count PoolerPod::counted() const {
  const bool granted = std::max(cap, announced) <= sizing::kMinimumCap;
  return granted ? std::max(Count{0}, room() - sizing::kMinimumCap) : room();
}

Observation as_routed(Observation seen) {
  const bool pooled = seen.pooler && seen.direct_sessions == 0 && seen.looks_without_direct >= 3;
  seen.route = pooled ? Route::Pooler : Route::Direct;
  seen.route_settled = true;
  return seen;
}

Count Observation::usable() const { return effective - reserved; }

Count Observation::direct_worst() const { return std::max(direct_capacity, direct_sessions); }

Count Observation::direct_room() const {
  // Proxies learn late: until the route has settled, new sessions may still arrive directly.
  if (route == Route::Pooler && route_settled) return 0;
  return direct_worst() - direct_sessions;
}

Count Observation::others_kept() const { return std::max(sizing::kOthersFloor, others); }

Count Observation::pooled_room() const {
  Count sum = 0;
  for (const PoolerPod& pod : pods) sum = sizing::saturating_add(sum, pod.counted());
  if (!pooler) return sum;
  const Count missing = std::max(Count{0}, pooler->replicas - live_pods(*this));
  const Count each = room_with(std::max(pooler->boot_cap, pooler->unseen_cap), pooler->least);
  return sizing::saturating_add(sum, sizing::saturating_multiply(missing, each));
}

Count Observation::replacement_room() const {
  if (!pooler) return 0;
  const Count replaceable = std::min(pooler->replicas, live_pods(*this));
  return sizing::saturating_multiply(replaceable, room_with(pooler->boot_cap, pooler->least));
}

Count Observation::committed() const {
  const Count direct = sizing::saturating_add(direct_sessions, direct_room());
  return sizing::saturating_add(sizing::saturating_add(direct, pooled_room()), others_kept());
}

Count excess(const Observation& observation) {
  return observation.committed() - observation.usable();
}

}  // namespace pgrightsizer::transition
