// What applications use: the front Service, the direct Service and the binding Secret.
#pragma once

#include "../turn/facts.h"
#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::controller {

// Creates or mends the three objects; the front Service keeps `route`, which it has.
[[nodiscard]] Result<void> ensure_routing(kube::Client& client, const api::ConnectionPolicy& policy,
                                          const Facts& facts, transition::Route route);

// Points the front Service at this route, and at nothing else.
[[nodiscard]] Result<void> switch_route(kube::Client& client, const api::ConnectionPolicy& policy,
                                        transition::Route route);

}  // namespace pgrightsizer::controller
