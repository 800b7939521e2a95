#include <algorithm>
#include <optional>
#include <utility>

#include "formula.h"
#include "pgrightsizer/sizing/sizing.h"

namespace pgrightsizer::sizing {

namespace {

// A pooler that is always there has at least this pool.
constexpr Count kSmallestPool = 10;

struct PoolerChoice {
  int tier = 0;  // 0: below the first tier (Always)
  PoolerCause cause = PoolerCause::Threshold;
};

bool entered(const Plan& plan, const Settings& settings, const Tier& tier) {
  return plan.instances >= tier.instances &&
         plan.demand > saturating_add(tier.pool_size, settings.buffer);
}

// Demand if `more` instances of the average size were added, rounded up.
Count demand_with(const Plan& plan, Count more) {
  if (plan.instances <= 0) return plan.demand;
  const Count each = saturating_add(plan.demand, plan.instances - 1) / plan.instances;
  return saturating_add(plan.demand, saturating_multiply(each, more));
}

// The first tier is entered early when the direct target does not fit the ceiling, and left when
// it would still fit with hysteresis_instances more.
bool beyond_ceiling(const Plan& plan, const Settings& settings, int present_tier) {
  const Count spare = present_tier > 0 ? settings.hysteresis_instances : 0;
  const Count target = saturating_add(demand_with(plan, spare), settings.buffer);
  return target > ceiling_of(settings);
}

std::optional<PoolerChoice> choose_tier(const Plan& plan, const Settings& settings,
                                        int present_tier) {
  for (int tier = static_cast<int>(settings.tiers.size()); tier >= 1; --tier) {
    const Tier& candidate = settings.tiers[static_cast<std::size_t>(tier) - 1];
    if (entered(plan, settings, candidate)) return PoolerChoice{tier, PoolerCause::Threshold};
    const bool kept = tier <= present_tier &&
                      plan.instances > candidate.instances - settings.hysteresis_instances;
    if (kept) return PoolerChoice{tier, PoolerCause::Kept};
  }
  if (!settings.tiers.empty() && beyond_ceiling(plan, settings, present_tier)) {
    return PoolerChoice{1, PoolerCause::BeyondCeiling};
  }
  return std::nullopt;
}

std::optional<PoolerChoice> choose_pooler(const Plan& plan, const Settings& settings,
                                          int present_tier) {
  if (settings.provision == Provision::Never) return std::nullopt;
  const std::optional<PoolerChoice> choice = choose_tier(plan, settings, present_tier);
  if (choice) return choice;
  if (settings.provision == Provision::Always) return PoolerChoice{0, PoolerCause::Always};
  return std::nullopt;
}

// The pool before sizing.maxConnections cuts it.
Count pool_of(const Plan& plan, const Settings& settings, int tier) {
  if (tier > 0) return settings.tiers[static_cast<std::size_t>(tier) - 1].pool_size;
  const Count first = settings.tiers.empty() ? plan.demand : settings.tiers.front().pool_size;
  return std::max(kSmallestPool, std::min(plan.demand, first));
}

Plan count(const std::vector<Workload>& workloads, const Settings& settings) {
  Plan plan;
  for (const Workload& workload : workloads) {
    WorkloadPlan one;
    one.name = workload.name;
    one.instances = std::clamp(workload.replicas, Count{0}, kSaturated);
    one.connections_per_instance = connections_of(workload, settings.environment);
    one.connections = saturating_multiply(one.instances, one.connections_per_instance);
    plan.instances = saturating_add(plan.instances, one.instances);
    plan.demand = saturating_add(plan.demand, one.connections);
    plan.workloads.push_back(std::move(one));
  }
  return plan;
}

// What a rolling update adds to that many instances, however the workloads share them: each may round
// up once.
Count surge_of_all(const std::vector<Workload>& workloads, Count instances) {
  Count pods = 0;
  Count largest_share = 0;
  for (const Workload& workload : workloads) {
    const bool shared = workload.max_surge_percent > 0;
    pods = saturating_add(pods, shared ? Count{1} : workload.max_surge);
    if (shared) largest_share = std::max(largest_share, surge_of(workload, instances));
  }
  return largest_share > 0 ? saturating_add(pods, largest_share - 1) : pods;
}

// One instance less than the first tier, each as large as the largest.
Count direct_ceiling(const std::vector<Workload>& workloads, const Plan& plan,
                     const Settings& settings) {
  const Count present = saturating_add(plan.demand, settings.buffer);
  if (settings.provision == Provision::Never || settings.tiers.empty()) return ceiling_of(settings);
  Count largest = 0;
  for (const WorkloadPlan& one : plan.workloads) {
    largest = std::max(largest, one.connections_per_instance);
  }
  Count instances = settings.tiers.front().instances - 1;
  if (settings.enforce == Enforce::RoleConnectionLimit)
    instances = saturating_add(instances, surge_of_all(workloads, instances));
  const Count most = saturating_multiply(instances, largest);
  return std::min(std::max(present, saturating_add(most, settings.buffer)), ceiling_of(settings));
}

void bound(Plan& plan, const Settings& settings) {
  plan.max_connections = std::min(
      std::max(plan.uncapped_max_connections, settings.min_connections), ceiling_of(settings));
  plan.clamped = plan.max_connections < plan.uncapped_max_connections;
}

}  // namespace

Plan plan(const std::vector<Workload>& workloads, const Settings& settings, int present_tier) {
  Plan plan = count(workloads, settings);
  if (plan.instances == 0) {
    plan.hold = true;
    plan.tier = present_tier;
    const bool pooled = present_tier > 0 || settings.provision == Provision::Always;
    plan.route = pooled ? Route::Pooler : Route::Direct;
    plan.formula = hold_formula();
    return plan;
  }
  plan.direct_ceiling = direct_ceiling(workloads, plan, settings);
  const std::optional<PoolerChoice> pooler = choose_pooler(plan, settings, present_tier);
  if (pooler) {
    plan.route = Route::Pooler;
    plan.tier = pooler->tier;
    const Count pool = pool_of(plan, settings, pooler->tier);
    plan.pool_size = pool_within_ceiling(settings, pool);
    plan.uncapped_max_connections = saturating_add(pool, settings.buffer);
    bound(plan, settings);
    plan.formula = pooled_formula(plan, settings, pooler->cause);
  } else {
    plan.uncapped_max_connections = saturating_add(plan.demand, settings.buffer);
    if (settings.enforce == Enforce::RoleConnectionLimit) {
      plan.uncapped_max_connections =
          std::max(plan.uncapped_max_connections, plan.direct_ceiling);
    }
    bound(plan, settings);
    plan.formula = direct_formula(plan, settings);
  }
  return plan;
}

}  // namespace pgrightsizer::sizing
