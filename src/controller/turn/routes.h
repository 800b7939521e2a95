// The two routes of the front Service: whom it selects on each, and whether it can change at all.
#pragma once

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/transition/transition.h"

namespace pgrightsizer::controller {

[[nodiscard]] kube::Json selector_of(const api::ConnectionPolicy& policy, transition::Route route);

[[nodiscard]] bool is_external(const api::ConnectionPolicy& policy);
// spec.database.host is an address, not a name.
[[nodiscard]] bool has_address(const api::ConnectionPolicy& policy);

// An External database that is named, not given by its address, cannot be behind our Service.
[[nodiscard]] bool route_can_switch(const api::ConnectionPolicy& policy);

}  // namespace pgrightsizer::controller
