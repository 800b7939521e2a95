#include <algorithm>

#include "../turn/targets.h"
#include "inputs.h"

namespace pgrightsizer::controller {

namespace {

using sizing::Count;

// Terminating ones included: they hold connections until they are gone.
std::vector<std::shared_ptr<const kube::Pod>> pods_of(const kube::Workload& workload, const Stores& stores) {
  std::vector<std::shared_ptr<const kube::Pod>> out;
  if (workload.selector.empty()) return out;
  for (const auto& pod : stores.pods.list(workload.meta.name_space))
    if (!pod->gone() && workload.selector.matches(pod->labels)) out.push_back(pod);
  return out;
}

bool starting(const kube::Pod& pod) {
  const auto& reason = pod.waiting_reason;
  return pod.phase == "Pending" && pod.scheduled && !pod.meta.deleting &&
         (reason.empty() || reason == "ContainerCreating" || reason == "PodInitializing");
}

Count remembered(const api::Status& status, const std::string& name) {
  for (const auto& workload : status.workloads)
    if (workload.name == name) return workload.instances;
  return 0;
}

sizing::Workload counted(const std::string& name, const kube::Workload& live, const Stores& stores) {
  sizing::Workload out;
  out.name = name;
  out.replicas = live.replicas;
  out.max_surge = live.max_surge;
  out.max_surge_percent = live.max_surge_percent;
  out.pods_not_gone = static_cast<Count>(pods_of(live, stores).size());
  return out;
}

std::vector<sizing::Workload> count_selected(const api::ConnectionPolicy& policy,
                                             const Stores& stores, std::vector<Problem>& problems) {
  std::vector<sizing::Workload> out;
  for (const auto& one : selected(policy, stores)) {
    out.push_back(counted(one.workload->meta.name, *one.workload, stores));
    out.back().kind = one.kind;
  }
  if (out.empty())
    problems.push_back({kWorkloadNotFound,
                        policy.text() + ": spec.workloadSelector matches no Deployment and no "
                                        "StatefulSet; label one, or correct the selector"});
  return out;
}

}  // namespace

std::vector<sizing::Workload> count_workloads(const api::ConnectionPolicy& policy,
                                              const Stores& stores, const api::Status& status,
                                              std::vector<Problem>& problems) {
  if (policy.spec.workload_selector) return count_selected(policy, stores, problems);
  std::vector<sizing::Workload> out;
  for (const auto& entry : policy.spec.workloads) {
    sizing::Workload workload;
    const std::string text = entry.target.kind + " " + policy.name_space + "/" + entry.target.name;
    const auto live =
        store_of(stores, entry.target.kind).get(policy.name_space + "/" + entry.target.name);
    if (live) {
      workload = counted(entry.name, *live, stores);
    } else {
      workload.name = entry.name;
      workload.replicas = remembered(status, entry.name);
      problems.push_back({kWorkloadNotFound,
                          text + ": does not exist; create it or remove it from spec.workloads; "
                                 "until then it counts with " +
                              std::to_string(workload.replicas) + " instances, as it did last",
                          // Never counted yet: any size would be a guess.
                          workload.replicas == 0});
    }
    if (workload.replicas < 0) {
      problems.push_back({kInvalidReplicas, text + ": spec.replicas is " +
                                                 std::to_string(workload.replicas) +
                                                 "; it must not be negative"});
      workload.replicas = remembered(status, entry.name);
    }
    workload.connections_per_instance = entry.connections_per_instance;
    workload.concurrent_requests = entry.concurrent_requests;
    out.push_back(std::move(workload));
  }
  return out;
}

std::vector<std::shared_ptr<const kube::Pod>> instances_of(const api::ConnectionPolicy& policy,
                                                           const Stores& stores) {
  std::vector<std::shared_ptr<const kube::Pod>> out;
  for (const auto& target : targets_of(policy, stores)) {
    const auto live = store_of(stores, target.kind).get(policy.name_space + "/" + target.name);
    if (!live) continue;
    const auto pods = pods_of(*live, stores);
    out.insert(out.end(), pods.begin(), pods.end());
  }
  return out;
}

Count starting_instances(const api::ConnectionPolicy& policy, const Stores& stores) {
  const auto pods = instances_of(policy, stores);
  return std::count_if(pods.begin(), pods.end(), [](const auto& pod) { return starting(*pod); });
}

}  // namespace pgrightsizer::controller
