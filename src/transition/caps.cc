#include "caps.h"

#include <algorithm>

#include "pooler.h"

namespace pgrightsizer::transition {

namespace {

Count allowed(const PoolerPod& pod) { return std::max(pod.cap, pod.announced); }

Step set_cap(const PoolerPod& pod, Count value, Topic topic, std::string reason) {
  Step step = step_of(StepKind::SetCap, topic, std::move(reason));
  step.pod = pod.name;
  step.value = value;
  step.old_value = pod.cap;
  return step;
}

// What Σ counted() would rise by if every adjustable pod were lifted to this cap.
Count cost_of(const Situation& s, Count level) {
  Count cost = 0;
  for (const PoolerPod& pod : s.seen.pods) {
    if (!adjustable(pod) || allowed(pod) >= level) continue;
    PoolerPod lifted = pod;
    lifted.announced = level;
    cost = sizing::saturating_add(cost, lifted.counted() - pod.counted());
  }
  return cost;
}

// The highest cap, at most `share`, to which all pods may be lifted at the price of `free`.
Count affordable_level(const Situation& s, Count share, Count free) {
  Count low = 0;
  Count high = share;
  while (low < high) {
    const Count middle = (low + high + 1) / 2;
    if (cost_of(s, middle) <= free) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

// The pod that is furthest below what it may have.
const PoolerPod* smallest(const Situation& s, Count share) {
  const PoolerPod* found = nullptr;
  for (const PoolerPod& pod : s.seen.pods) {
    if (!adjustable(pod) || pod.cap >= share) continue;
    if (found == nullptr || pod.cap < found->cap) found = &pod;
  }
  return found;
}

}  // namespace

Count pool_in_force(const Situation& s) {
  const Count present = s.seen.pooler ? s.seen.pooler->pool_size : 0;
  if (s.plan.route == Route::Direct) return present;
  return s.seen.stabilized ? s.plan.pool_size : std::max(s.plan.pool_size, present);
}

Count share_now(const Situation& s) {
  const Count alive = static_cast<Count>(s.seen.pods.size());
  return sizing::pool_share(pool_in_force(s), std::max(s.rules.pooler_replicas, alive));
}

bool adjustable(const PoolerPod& pod) { return !pod.terminating && pod.console; }

Rule shrink_rule(const Situation& s, Count limit, Topic topic) {
  for (const PoolerPod& pod : s.seen.pods) {
    if (!adjustable(pod) || allowed(pod) <= limit) continue;
    // What was announced and never set is taken back: to set the limit would raise the cap.
    const Count value = std::clamp(pod.cap, sizing::kMinimumCap, std::max(sizing::kMinimumCap, limit));
    return set_cap(pod, value, topic,
                   say("cap of ", pod.name, " ", allowed(pod), " to ", value, " (",
                       s.seen.pods.size(), " pooler pods alive)"));
  }
  return std::nullopt;
}

Rule announce_rule(const Situation& s) {
  for (const PoolerPod& pod : s.seen.pods) {
    if (!adjustable(pod) || pod.announced >= pod.cap) continue;
    return set_cap(pod, pod.cap, Topic::None, say(pod.name, " started with cap ", pod.cap));
  }
  return std::nullopt;
}

Rule grow_rule(const Situation& s) {
  const Count share = share_now(s);
  const PoolerPod* pod = smallest(s, share);
  if (pod == nullptr) return std::nullopt;
  const Count room = s.seen.replacement_room();
  const Count free = s.seen.usable() - s.seen.committed() - room;
  // What was announced and never set is no longer free: it is not taken, but given back.
  if (s.seen.committed() > s.seen.usable() && pod->announced > pod->cap) {
    return set_cap(*pod, pod->cap, Topic::None,
                   say("cap of ", pod->name, " stays ", pod->cap, ", the ", pod->announced,
                       " that were announced are not free any more"));
  }
  const Count level = std::max(affordable_level(s, share, free), std::min(share, pod->announced));
  if (level > pod->cap) {
    return set_cap(*pod, level, Topic::None,
                   say("cap of ", pod->name, " ", pod->cap, " to ", level, " of ", share, ": ",
                       std::max(Count{0}, free), " connections are free"));
  }
  // Nothing moves any more, the server has its size, and still there is not enough for the pool:
  // replacements must do with less.
  const bool final = s.plan.route == Route::Pooler && all_pooled(s.seen) &&
                     s.seen.effective >= s.plan.max_connections;
  if (Rule smaller = final ? fit_boot_cap_rule(s, s.seen.usable()) : std::nullopt) return smaller;
  return wait(Topic::NoRoom,
              say("cap of ", pod->name, " stays at ", pod->cap, " of ", share, ": ",
                  s.seen.committed() - s.seen.others_kept(), " + ", s.seen.others_kept(),
                  " others + ", room, " for replaced pooler pods of ", s.seen.usable(), " usable"));
}

Rule reconnect_rule(const Situation& s) {
  for (const PoolerPod& pod : s.seen.pods) {
    if (!adjustable(pod) || pod.servers <= std::max({pod.cap, pod.least, sizing::kMinimumCap})) continue;
    Step step =
        step_of(StepKind::Reconnect, Topic::CapsShrinking,
                say(pod.name, " holds ", pod.servers, " server connections, its cap is ", pod.cap));
    step.pod = pod.name;
    step.value = pod.cap;
    return step;
  }
  return std::nullopt;
}

Rule make_room_rule(const Situation& s, Count budget, Topic topic) {
  const Observation& seen = s.seen;
  const Count held = sizing::saturating_add(seen.pooled_room(), seen.replacement_room());
  if (held <= budget) return std::nullopt;
  const std::string figures =
      say(seen.direct_worst(), " direct + ", seen.pooled_room(), " pooled + ", seen.others_kept(),
          " others > ", seen.usable(), " usable");
  if (budget < 0) return wait(Topic::NoRoom, figures);
  const Count replaced = seen.replacement_room();
  if (seen.pooler && seen.pooler->boot_cap > sizing::kMinimumCap && replaced > 0) {
    return boot_cap_step(s, *seen.pooler, sizing::kMinimumCap,
                         "replaced pods start small while room is made");
  }
  const Count alive = static_cast<Count>(seen.pods.size());
  const Count limit = sizing::pool_share(std::max(Count{0}, budget - replaced), alive);
  if (Rule shrink = shrink_rule(s, limit, topic)) return shrink;
  if (Rule reconnect = reconnect_rule(s)) return reconnect;
  return wait(Topic::CapsShrinking, say(figures, "; pooler pods still hold more than their caps"));
}

}  // namespace pgrightsizer::transition
