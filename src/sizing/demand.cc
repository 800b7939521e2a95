#include <algorithm>

#include "pgrightsizer/sizing/sizing.h"

namespace pgrightsizer::sizing {

namespace {

// An instance keeps connections besides the ones its requests use: 5 idle ones and 5 to spare.
constexpr Count kIdleConnections = 5;
constexpr Count kSpareConnections = 5;
constexpr Count kPerConcurrentRequest = 1;

}  // namespace

Count connections_per_instance(Environment environment) {
  return environment == Environment::Development ? 10 : 20;
}

Count connect_timeout_seconds(Environment environment) {
  return environment == Environment::Development ? 5 : 10;
}

Count estimated_connections(Environment environment, Count concurrent_requests) {
  const Count busy = saturating_multiply(concurrent_requests, kPerConcurrentRequest);
  const Count estimate = saturating_add(kIdleConnections + kSpareConnections, busy);
  return std::min(estimate, connections_per_instance(environment));
}

Count connections_of(const Workload& workload, Environment environment) {
  if (workload.connections_per_instance) {
    return std::clamp(*workload.connections_per_instance, Count{0}, kSaturated);
  }
  if (workload.concurrent_requests) {
    return estimated_connections(environment, *workload.concurrent_requests);
  }
  return connections_per_instance(environment);
}

Count direct_demand(const std::vector<Workload>& workloads, Environment environment) {
  Count sum = 0;
  for (const Workload& workload : workloads) {
    const Count pods = std::max(workload.replicas, workload.pods_not_gone);
    sum = saturating_add(sum, saturating_multiply(pods, connections_of(workload, environment)));
  }
  return sum;
}

Count surge_of(const Workload& workload, Count replicas) {
  const Count share = saturating_multiply(std::max(replicas, Count{0}),
                                          std::clamp(workload.max_surge_percent, Count{0}, Count{100'000}));
  return std::max(workload.max_surge, (share + 99) / 100);
}

Count counted_instances(const Workload& workload, CountInstances count) {
  if (workload.replicas <= 0) return workload.replicas;
  switch (count) {
    case CountInstances::Current:
      break;
    case CountInstances::CurrentPlusSurge:
      return std::max(saturating_add(workload.replicas, surge_of(workload, workload.replicas)),
                      workload.pods_not_gone);
    case CountInstances::AutoscalerMax:
      return std::max(workload.replicas, workload.autoscaler_max.value_or(0));
  }
  return workload.replicas;
}

Count surge_demand(const std::vector<Workload>& workloads, Environment environment) {
  Count sum = 0;
  for (const Workload& workload : workloads) {
    const Count pods =
        std::max(saturating_add(workload.replicas, surge_of(workload, workload.replicas)),
                 workload.pods_not_gone);
    sum = saturating_add(sum, saturating_multiply(pods, connections_of(workload, environment)));
  }
  return sum;
}

Count max_client_connections(Count demand) {
  return std::max(Count{10'000}, saturating_multiply(demand, 2));
}

}  // namespace pgrightsizer::sizing
