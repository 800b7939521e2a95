#include "targets.h"

#include <algorithm>

#include "names.h"

namespace pgrightsizer::controller {

namespace {

bool selects(const api::ConnectionPolicy& policy, const kube::Workload& workload) {
  if (!policy.spec.workload_selector) return false;
  const auto ours = workload.labels.find(kManagedByLabel);
  if (ours != workload.labels.end() && ours->second == kManager) return false;
  const auto& wanted = policy.spec.workload_selector->match_labels;
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto it = workload.labels.find(label.first);
    return it != workload.labels.end() && it->second == label.second;
  });
}

}  // namespace

const runtime::Store<kube::Workload>& store_of(const Stores& stores, const std::string& kind) {
  return kind == "StatefulSet" ? stores.stateful_sets : stores.deployments;
}

std::vector<Selected> selected(const api::ConnectionPolicy& policy, const Stores& stores) {
  std::vector<Selected> out;
  for (const char* kind : {"Deployment", "StatefulSet"})
    for (const auto& workload : store_of(stores, kind).list(policy.name_space))
      if (selects(policy, *workload)) out.push_back({kind, workload});
  return out;
}

std::vector<api::TargetRef> targets_of(const api::ConnectionPolicy& policy, const Stores& stores) {
  std::vector<api::TargetRef> out;
  if (policy.spec.workload_selector)
    for (const auto& one : selected(policy, stores))
      out.push_back({one.kind, one.workload->meta.name});
  else
    for (const auto& entry : policy.spec.workloads) out.push_back(entry.target);
  return out;
}

std::vector<SeenWorkload> seen_workloads(const api::ConnectionPolicy& policy, const Stores& stores) {
  namespace res = kube::resources;
  std::vector<SeenWorkload> out;
  for (const auto& target : targets_of(policy, stores)) {
    const auto& resource = target.kind == "StatefulSet" ? res::kStatefulSet : res::kDeployment;
    if (const auto seen = store_of(stores, target.kind).get(policy.name_space + "/" + target.name))
      out.push_back({{resource, policy.name_space, target.name}, seen->meta.uid, seen->generation});
  }
  return out;
}

}  // namespace pgrightsizer::controller
