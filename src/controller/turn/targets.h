// The workloads that a policy is about.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/controller/stores.h"
#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::controller {

[[nodiscard]] const runtime::Store<kube::Workload>& store_of(const Stores& stores,
                                                              const std::string& kind);

struct Selected {
  std::string kind;  // by its store: items of a list do not tell theirs
  std::shared_ptr<const kube::Workload> workload;
};

// By spec.workloadSelector.
[[nodiscard]] std::vector<Selected> selected(const api::ConnectionPolicy& policy, const Stores& stores);

// The workloads that the policy names or selects, as they exist now.
[[nodiscard]] std::vector<api::TargetRef> targets_of(const api::ConnectionPolicy& policy,
                                                     const Stores& stores);

// One of them, and what tells whether it has changed since.
struct SeenWorkload {
  kube::Ref ref;
  std::string uid;
  std::int64_t generation = 0;
};
[[nodiscard]] std::vector<SeenWorkload> seen_workloads(const api::ConnectionPolicy& policy,
                                                       const Stores& stores);

}  // namespace pgrightsizer::controller
