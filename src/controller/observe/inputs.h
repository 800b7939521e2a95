// What the policy points at: workloads, Secrets, and other policies on the same database.
#pragma once

#include <string>
#include <vector>

#include "../turn/facts.h"
#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/controller/stores.h"
#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::controller {

// The workloads with their counts. A listed one that is missing keeps the count that the status
// remembers and becomes a problem that blocks: a deletion by mistake must not move anything.
[[nodiscard]] std::vector<sizing::Workload> count_workloads(const api::ConnectionPolicy& policy,
                                                            const Stores& stores,
                                                            const api::Status& status,
                                                            std::vector<Problem>& problems);

// The pods of its workloads that are not gone, terminating ones included.
[[nodiscard]] std::vector<std::shared_ptr<const kube::Pod>> instances_of(const api::ConnectionPolicy& policy,
                                                                         const Stores& stores);

// Those of them whose containers a node is creating now. One that waits for something else, an image
// or its volumes' Secrets, counts while its node has not said so.
[[nodiscard]] sizing::Count starting_instances(const api::ConnectionPolicy& policy,
                                               const Stores& stores);

// With countInstances AutoscalerMax: how far the workloads' autoscalers, also KEDA's, may go. After
// count_workloads().
void read_autoscalers(kube::Client& client, const api::ConnectionPolicy& policy, const Stores& stores,
                      Facts& facts);

// An older policy on the same database, "" if there is none.
[[nodiscard]] std::string older_rival(const api::ConnectionPolicy& policy, const Stores& stores);

// The admin Secret and the application Secrets into `facts`; what is missing becomes problems.
void read_secrets(kube::Client& client, const api::ConnectionPolicy& policy, Facts& facts);

// A Secret's value as it is meant; "" when it is not base64.
[[nodiscard]] std::string decode_base64(const std::string& text);

}  // namespace pgrightsizer::controller
