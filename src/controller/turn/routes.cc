#include "routes.h"

#include <arpa/inet.h>

#include <array>

#include "names.h"

namespace pgrightsizer::controller {

kube::Json selector_of(const api::ConnectionPolicy& policy, transition::Route route) {
  if (route == transition::Route::Pooler)
    return {{kPolicyLabel, policy.name}, {kComponentLabel, "pooler"}};
  if (is_external(policy)) return {{kPolicyLabel, policy.name}, {kComponentLabel, "external"}};
  // The first pod of the StatefulSet is the primary: another one is a condition, and nothing is done.
  return {{"statefulset.kubernetes.io/pod-name", policy.spec.database.name + "-0"}};
}

bool is_external(const api::ConnectionPolicy& policy) {
  return policy.spec.database.provider == api::ProviderKind::External;
}

bool has_address(const api::ConnectionPolicy& policy) {
  const char* host = policy.spec.database.host.c_str();
  std::array<unsigned char, sizeof(in6_addr)> buffer{};
  return inet_pton(AF_INET, host, buffer.data()) == 1 || inet_pton(AF_INET6, host, buffer.data()) == 1;
}

bool route_can_switch(const api::ConnectionPolicy& policy) {
  return policy.spec.routing.mode == api::RoutingMode::Service &&
         (!is_external(policy) || has_address(policy));
}

}  // namespace pgrightsizer::controller
