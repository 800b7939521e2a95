#include "front.h"

#include "../turn/names.h"
#include "../turn/routes.h"

namespace pgrightsizer::controller {

namespace {

using kube::Json;
using transition::Route;
namespace res = kube::resources;

}  // namespace

Result<Front> read_front(kube::Client& client, const api::ConnectionPolicy& policy) {
  const kube::Ref ref{res::kService, policy.name_space, front_service(policy)};
  const auto live = client.get(ref);
  if (!live && live.error().kind == ErrorKind::NotFound) return Front{};
  if (!live) return fail(live.error());
  if (auto owned = check_ours(policy, ref, *live); !owned) return fail(owned.error());
  Front front;
  front.exists = true;
  front.uid = live->value("/metadata/uid"_json_pointer, std::string());
  const Json selector = live->value("/spec/selector"_json_pointer, Json::object());
  for (const auto route : {Route::Direct, Route::Pooler})
    if (selector == selector_of(policy, route)) front.route = route;
  return front;
}

Result<Endpoints> read_endpoints(kube::Client& client, const api::ConnectionPolicy& policy,
                                 const std::set<std::string>& pooler_ips, Route present) {
  const auto slices = client.list(res::kEndpointSlice, policy.name_space,
                                  "kubernetes.io/service-name=" + front_service(policy));
  if (!slices) return fail(slices.error());
  Endpoints shown{present};
  bool pooler = false;
  bool direct = false;
  for (const auto& slice : *slices)
    for (const auto& endpoint : slice.value("endpoints", Json::array()))
      for (const auto& address : endpoint.value("addresses", Json::array())) {
        const bool of_pooler = pooler_ips.contains(address.get<std::string>());
        (of_pooler ? pooler : direct) = true;
        shown.ready_pooler |= of_pooler && endpoint.value("/conditions/ready"_json_pointer, true);
      }
  if (pooler) shown.route = Route::Pooler;
  if (direct) shown.route = Route::Direct;
  if (pooler && direct) shown.route.reset();
  return shown;
}

}  // namespace pgrightsizer::controller
