// What applications use: the front Service, the direct Service and the binding Secret.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "../turn/facts.h"
#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::controller {

struct Front {
  bool exists = false;
  std::string uid;
  transition::Route route = transition::Route::Direct;
};

// NotFound is not an error; a Service of that name that is not ours is (Invalid).
[[nodiscard]] Result<Front> read_front(kube::Client& client, const api::ConnectionPolicy& policy);

// Creates or mends the three objects; the front Service keeps the route it has.
[[nodiscard]] Result<void> ensure_routing(kube::Client& client, const api::ConnectionPolicy& policy,
                                          const std::vector<pgbouncer::Login>& logins,
                                          const sizing::Plan& plan, const Front& front);

// Points the front Service at this route, and at nothing else.
[[nodiscard]] Result<void> switch_route(kube::Client& client, const api::ConnectionPolicy& policy,
                                        transition::Route route);

// The route that every address in the front Service's EndpointSlices belongs to; nullopt while they
// are mixed. No addresses at all belong to either route: `present` is returned.
[[nodiscard]] Result<std::optional<transition::Route>> read_endpoints(
    kube::Client& client, const api::ConnectionPolicy& policy,
    const std::set<std::string>& pooler_ips, transition::Route present);

// An External database that is named, not given by its address, cannot be behind our Service.
[[nodiscard]] bool route_can_switch(const api::ConnectionPolicy& policy);

}  // namespace pgrightsizer::controller
