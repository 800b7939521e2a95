#include "pooler.h"

#include <algorithm>

#include "caps.h"

namespace pgrightsizer::transition {

namespace {

// What the buffer allows, and never more than a pod's share of the pool.
Count full_boot_cap(const Situation& s) {
  const Count share = sizing::pool_share(pool_in_force(s), s.rules.pooler_replicas);
  return std::min(share,
                  sizing::boot_cap(s.rules.buffer, s.seen.reserved, s.rules.pooler_replicas));
}

// What each replaced pod may open when this much is left for replacements.
Count boot_cap_of(const Situation& s, Count free) {
  const Count each = free / std::max(Count{1}, s.rules.pooler_replicas);
  return std::clamp(each, sizing::kMinimumCap, full_boot_cap(s));
}

// The boot cap that fits beside a pool with all caps at their share and nobody direct.
Count boot_cap_at_rest(const Situation& s, Count usable) {
  const Count share = sizing::pool_share(pool_in_force(s), s.rules.pooler_replicas);
  const Count caps = share > sizing::kMinimumCap ? share * s.rules.pooler_replicas : 0;
  return boot_cap_of(s, usable - s.seen.others_kept() - caps);
}

bool any_terminating(const Observation& seen) {
  return std::any_of(seen.pods.begin(), seen.pods.end(),
                     [](const PoolerPod& pod) { return pod.terminating; });
}

// Never lowered: clients may be connected.
Count max_clients(const Situation& s) {
  const Count present = s.seen.pooler ? s.seen.pooler->max_clients : 0;
  return std::max(present, sizing::max_client_connections(s.plan.demand));
}

Step apply_step(const Situation& s, Count boot_cap, std::string reason) {
  Step step = step_of(StepKind::ApplyPooler, Topic::None, std::move(reason));
  step.pool_size = pool_in_force(s);
  step.boot_cap = boot_cap;
  step.max_clients = max_clients(s);
  return step;
}

// Room for the pods and for replacing them: only what is free now.
Step create(const Situation& s) {
  const Count free = s.seen.usable() - s.seen.committed();
  const Count boot_cap = boot_cap_of(s, free / 2);
  return apply_step(
      s, boot_cap,
      say("start ", s.rules.pooler_replicas, " pooler pods for a pool of ", pool_in_force(s), ", ",
          boot_cap, " server connections each to begin with (", std::max(Count{0}, free),
          " free)"));
}

// While sessions move, what replaced pods may open must fit beside them, too; and so must what
// additional pods may.
Count boot_cap_now(const Situation& s, const Pooler& pooler) {
  const Count present = std::min(pooler.boot_cap, full_boot_cap(s));
  const Count free = s.seen.usable() - s.seen.committed();
  const Count added = s.rules.pooler_replicas - pooler.replicas;
  if (added > 0) {
    const Count pods = added + s.rules.pooler_replicas;
    return std::min(present, std::max(sizing::kMinimumCap, free / pods));
  }
  if (all_pooled(s.seen) || s.seen.replacement_room() <= free) return present;
  return std::min(present, boot_cap_of(s, free));
}

}  // namespace

Rule apply_pooler_rule(const Situation& s) {
  if (!s.seen.pooler) return create(s);
  const Pooler& present = *s.seen.pooler;
  const Count boot_cap = boot_cap_now(s, present);
  const Step wanted =
      apply_step(s, boot_cap,
                 say("pooler: pool ", present.pool_size, " to ", pool_in_force(s), ", boot cap ",
                     present.boot_cap, " to ", boot_cap, present.current ? "" : ", new template"));
  const bool same = present.current && present.replicas == s.rules.pooler_replicas &&
                    present.pool_size == wanted.pool_size && present.boot_cap == boot_cap &&
                    present.max_clients == wanted.max_clients;
  if (same) return std::nullopt;
  if (!present.current && any_terminating(s.seen)) {
    return wait(Topic::PoolerReplacing, "the pooler's template waits for terminating pooler pods");
  }
  return wanted;
}

Step boot_cap_step(const Situation& s, const Pooler& present, Count boot_cap,
                   const std::string& reason) {
  if (!present.current && any_terminating(s.seen)) {
    return wait(Topic::PoolerReplacing, "the pooler's template waits for terminating pooler pods");
  }
  return apply_step(s, boot_cap,
                    say("boot cap ", present.boot_cap, " to ", boot_cap, ": ", reason));
}

Rule fit_boot_cap_rule(const Situation& s, Count usable) {
  if (!s.seen.pooler) return std::nullopt;
  const Count fitting = boot_cap_at_rest(s, usable);
  if (fitting >= s.seen.pooler->boot_cap) return std::nullopt;
  return boot_cap_step(s, *s.seen.pooler, fitting,
                       say("caps at their share leave less of ", usable, " usable"));
}

Rule full_boot_cap_rule(const Situation& s) {
  if (!s.seen.pooler || !all_pooled(s.seen) || any_terminating(s.seen)) return std::nullopt;
  const Count share = share_now(s);
  for (const PoolerPod& pod : s.seen.pods) {
    if (!adjustable(pod) || pod.cap != share) return std::nullopt;
  }
  const Count target = std::min(s.seen.effective, s.plan.max_connections);
  const Count present = s.seen.pooler->boot_cap;
  const Count fitting = boot_cap_at_rest(s, target - s.seen.reserved);
  // Others come and go: only a real gain is worth a change.
  const bool gain = fitting == full_boot_cap(s) || fitting >= 2 * present;
  if (fitting <= present || !gain) return std::nullopt;
  return boot_cap_step(s, *s.seen.pooler, fitting, "everything is pooled and in place");
}

}  // namespace pgrightsizer::transition
