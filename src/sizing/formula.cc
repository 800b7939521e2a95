#include "formula.h"

namespace pgrightsizer::sizing {

namespace {

std::string number(Count value) { return std::to_string(value); }

std::string instances_of(Count count) {
  return number(count) + (count == 1 ? " instance" : " instances");
}

// "10 instances × 20", or "30 × 20 + 5 × 8" for several workloads.
std::string demand_terms(const Plan& plan) {
  if (plan.workloads.size() == 1) {
    const WorkloadPlan& only = plan.workloads.front();
    return instances_of(only.instances) + " × " + number(only.connections_per_instance);
  }
  std::string terms;
  for (const WorkloadPlan& workload : plan.workloads) {
    if (workload.instances == 0) continue;
    if (!terms.empty()) terms += " + ";
    terms += number(workload.instances) + " × " + number(workload.connections_per_instance);
  }
  return terms;
}

std::string direct_sum(const Plan& plan, const Settings& settings) {
  return demand_terms(plan) + " + " + number(settings.buffer) + " = " +
         number(saturating_add(plan.demand, settings.buffer));
}

// What cut or lifted the figure, if anything did.
std::string bounds(const Plan& plan, const Settings& settings) {
  const bool by_memory = settings.memory && plan.clamped &&
                         plan.max_connections == memory_ceiling(*settings.memory);
  if (by_memory) {
    return ", cut to " + number(plan.max_connections) + ": " +
           memory_text(*settings.memory, plan.uncapped_max_connections);
  }
  if (plan.clamped) return ", cut to " + number(plan.max_connections);
  if (plan.max_connections > plan.uncapped_max_connections) {
    return ", lifted to the minimum of " + number(plan.max_connections);
  }
  return "";
}

std::string cause_text(const Plan& plan, const Settings& settings, PoolerCause cause) {
  switch (cause) {
    case PoolerCause::Threshold: {
      const Tier& tier = settings.tiers[static_cast<std::size_t>(plan.tier) - 1];
      return instances_of(plan.instances) + " ≥ " + number(tier.instances);
    }
    case PoolerCause::Kept: {
      const Tier& tier = settings.tiers[static_cast<std::size_t>(plan.tier) - 1];
      return instances_of(plan.instances) + " > " +
             number(tier.instances - settings.hysteresis_instances) + ", the tier is kept";
    }
    case PoolerCause::BeyondCeiling:
      return direct_sum(plan, settings) + " direct does not fit " +
             number(ceiling_of(settings)) + " with " + number(settings.hysteresis_instances) +
             " instances to spare";
    case PoolerCause::Always:
      return demand_terms(plan) + " = " + number(plan.demand) + ", always pooled";
  }
  return "";
}

}  // namespace

std::string direct_formula(const Plan& plan, const Settings& settings) {
  if (settings.enforce == Enforce::RoleConnectionLimit) {
    return direct_sum(plan, settings) + " by the role's limit; max_connections " +
           number(plan.uncapped_max_connections) + ", the most that direct connections need" +
           bounds(plan, settings);
  }
  return direct_sum(plan, settings) + bounds(plan, settings);
}

std::string pooled_formula(const Plan& plan, const Settings& settings, PoolerCause cause) {
  const Count pool = plan.uncapped_max_connections - settings.buffer;
  std::string text = cause_text(plan, settings, cause) + ": pool " + number(pool) + "; " +
                     number(pool) + " + " + number(settings.buffer) + " = " +
                     number(plan.uncapped_max_connections) + bounds(plan, settings);
  if (plan.pool_size != pool) text += ", pool " + number(plan.pool_size);
  return text;
}

std::string hold_formula() { return "0 instances: the present sizes are kept"; }

}  // namespace pgrightsizer::sizing
