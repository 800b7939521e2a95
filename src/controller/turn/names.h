// Names and labels of what a policy makes, and by them whether an object is one of these.
#pragma once

#include <map>
#include <string>

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::controller {

inline constexpr const char* kManager = "pg-rightsizer";
inline constexpr const char* kManagedByLabel = "app.kubernetes.io/managed-by";
inline constexpr const char* kPolicyLabel = "pgrightsizer.io/policy";
inline constexpr const char* kComponentLabel = "app.kubernetes.io/component";

[[nodiscard]] inline std::map<std::string, std::string> labels_of(const api::ConnectionPolicy& policy) {
  return {{kManagedByLabel, kManager}, {kPolicyLabel, policy.name}};
}
[[nodiscard]] inline std::string front_service(const api::ConnectionPolicy& policy) {
  return policy.name;
}
[[nodiscard]] inline std::string direct_service(const api::ConnectionPolicy& policy) {
  return policy.name + "-direct";
}
[[nodiscard]] inline std::string binding_secret(const api::ConnectionPolicy& policy) {
  return policy.name + "-connection";
}

// Invalid when the live object does not carry this policy's labels.
[[nodiscard]] Result<void> check_ours(const api::ConnectionPolicy& policy, const kube::Ref& ref,
                                      const kube::Json& live);

}  // namespace pgrightsizer::controller
