#include "finalizer.h"

#include <algorithm>

#include "../turn/names.h"
#include "apply.h"

namespace pgrightsizer::controller {

namespace {

namespace res = kube::resources;

}  // namespace

bool needs_finalizer(const api::ConnectionPolicy& policy, const api::Status& status) {
  return policy.spec.deletion == api::DeletionPolicy::Unwind || status.role.has_value() ||
         policy.spec.sizing.enforce == sizing::Enforce::RoleConnectionLimit;
}

Result<void> set_finalizer(kube::Client& client, const api::ConnectionPolicy& policy, bool present) {
  auto finalizers = policy.finalizers;
  std::erase(finalizers, api::kFinalizer);
  if (present) finalizers.emplace_back(api::kFinalizer);
  if (finalizers == policy.finalizers) return {};
  const kube::Ref ref{res::kConnectionPolicy, policy.name_space, policy.name};
  const auto done = client.merge_patch(
      ref, {{"metadata", {{"resourceVersion", policy.resource_version}, {"finalizers", finalizers}}}});
  if (!done && done.error().kind != ErrorKind::NotFound) return fail(done.error());
  return {};
}

Result<bool> namespace_is_terminating(kube::Client& client, const std::string& name_space) {
  const auto live = client.get({res::kNamespace, "", name_space});
  if (!live) return fail(live.error());
  return live->value("/metadata"_json_pointer, kube::Json::object()).contains("deletionTimestamp");
}

api::ConnectionPolicy unwinding(api::ConnectionPolicy policy) {
  policy.spec.sizing.provision = sizing::Provision::Never;
  policy.spec.sizing.enforce = sizing::Enforce::MaxConnections;
  return policy;
}

bool unwound(const Facts& facts) {
  const auto& seen = facts.seen;
  return !facts.blocked() && seen.route == transition::Route::Direct && seen.route_settled &&
         !seen.pooler && seen.pods.empty();
}

Result<void> remove_routing(kube::Client& client, const api::ConnectionPolicy& policy) {
  const auto front = front_service(policy);
  const auto direct = direct_service(policy);
  for (const auto& [resource, name] :
       {std::pair{res::kService, front}, std::pair{res::kService, direct},
        std::pair{res::kEndpointSlice, front + "-external"},
        std::pair{res::kEndpointSlice, direct + "-external"},
        std::pair{res::kSecret, binding_secret(policy)}})
    if (auto done = remove_ours(client, policy, {resource, policy.name_space, name}); !done) return done;
  return {};
}

}  // namespace pgrightsizer::controller
