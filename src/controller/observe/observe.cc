#include "observe.h"

#include <algorithm>
#include <iterator>

#include "../turn/routes.h"
#include "inputs.h"
#include "readiness.h"

namespace pgrightsizer::controller {

namespace {

using transition::Route;

// The tier in force: what the pooler was last provisioned for. A pooler that vanished while the
// traffic goes through it is remembered by the status.
int present_tier(const sizing::Settings& settings, const Memory& memory, const Facts& facts) {
  if (facts.seen.pooler) return sizing::tier_of_pool(settings, facts.seen.pooler->pool_size);
  if (facts.seen.route == Route::Pooler && memory.status && memory.status->recommended)
    return sizing::tier_of_pool(settings, memory.status->recommended->pool_size);
  return 0;
}

// An instance that never comes up holds nobody up for longer than a minute.
sizing::Count count_starting(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory) {
  const sizing::Count count = starting_instances(policy, sight.stores);
  const auto now = sight.clock.steady();
  if (count == 0) {
    memory.starting_since.reset();
    return 0;
  }
  const Instant since = memory.starting_since.value_or(now);
  memory.starting_since = since;
  return now - since > std::chrono::minutes(1) ? 0 : count;
}

// The policy's, and what the database's container can hold.
sizing::Settings settings_of(const api::ConnectionPolicy& policy, const Facts& facts) {
  auto settings = policy.spec.sizing;
  const auto limit = facts.database.memory_limit_bytes;
  if (limit && facts.settings && facts.settings->shared_memory_bytes > 0)
    settings.memory = sizing::Memory{*limit, facts.settings->shared_memory_bytes, facts.seen.effective};
  return settings;
}

void make_plan(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
               Facts& facts) {
  const auto& behavior = policy.spec.behavior;
  auto workloads = facts.workloads;
  for (auto& workload : workloads)
    workload.replicas = sizing::counted_instances(workload, policy.spec.sizing.count_instances);
  const auto counted =
      memory.stabilizer.observe(sight.clock.steady(), workloads, facts.seen.direct_sessions,
                                {behavior.scale_up, behavior.scale_down});
  auto& seen = facts.seen;
  seen.stabilized = counted.stabilized;
  seen.peak_direct_sessions = std::max(counted.peak_sessions, seen.direct_sessions);
  seen.starting_instances = count_starting(sight, policy, memory);
  seen.direct_capacity = sizing::direct_demand(facts.workloads, policy.spec.sizing.environment);
  facts.stabilizing = counted.wait;
  auto settings = settings_of(policy, facts);
  facts.plan = sizing::plan(counted.workloads, settings, present_tier(settings, memory, facts));
  observe_readiness(sight, policy, memory, facts, [&] {
    // Direct for now: what it would need without any pooler for ever is not asked for.
    const auto ceiling = facts.plan.direct_ceiling;
    settings.provision = sizing::Provision::Never;
    auto held = sizing::plan(counted.workloads, settings, 0);
    held.direct_ceiling = std::min(held.direct_ceiling, ceiling);
    if (settings.enforce == sizing::Enforce::RoleConnectionLimit)
      held.max_connections = std::min(held.max_connections, held.direct_ceiling);
    return held;
  });
  // Of a policy that is being unwound nothing is held: without instances, too, the pooler goes.
  if (policy.deleting && facts.plan.hold) {
    facts.plan.hold = false;
    facts.plan.route = Route::Direct;
    facts.plan.max_connections = facts.plan.uncapped_max_connections = seen.effective;
    facts.plan.formula = "the policy is being deleted: back to direct connections";
  }
}

}  // namespace

Facts observe(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory) {
  Facts facts;
  const auto trouble = sight.stores.trouble(policy.name_space);
  if (!trouble.empty()) facts.problems.push_back({kWatchFailing, trouble});
  if (memory.refusal)
    facts.problems.push_back({memory.refusal->reason, memory.refusal->message, false});
  if (!policy.restart_now_error.empty())
    facts.problems.push_back(
        {kRestartNowInvalid, policy.text() + ": " + policy.restart_now_error, false});
  if (const auto rival = older_rival(policy, sight.stores); !rival.empty())
    facts.problems.push_back({kPolicyConflict,
                              policy.text() + ": ConnectionPolicy " + rival +
                                  " is older and manages the same database; delete one of them"});
  facts.seen_workloads = seen_workloads(policy, sight.stores);
  std::vector<Problem> miscounts;
  facts.workloads = count_workloads(policy, sight.stores, memory.status.value_or(api::Status{}), miscounts);
  // What cannot be watched may well be there.
  if (trouble.empty()) std::ranges::move(miscounts, std::back_inserter(facts.problems));
  observe_windows(sight, policy, memory, facts);
  read_autoscalers(sight.client, policy, sight.stores, facts);
  read_secrets(sight.client, policy, facts);
  observe_database(sight, policy, memory, facts);
  observe_pooler(sight, policy, memory, facts);
  classify_sessions(sight, policy, memory, facts);
  if (!route_can_switch(policy)) facts.seen = transition::as_routed(std::move(facts.seen));
  observe_saturation(sight, policy, memory, facts);
  observe_role(policy, memory, facts);
  make_plan(sight, policy, memory, facts);
  probe_logins(sight, policy, memory, facts);
  observe_errors(sight, policy, memory, facts);
  return facts;
}

}  // namespace pgrightsizer::controller
