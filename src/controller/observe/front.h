// Where the front Service sends clients: what it says, and what its EndpointSlices show.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/transition/transition.h"

namespace pgrightsizer::controller {

struct Front {
  bool exists = false;
  std::string uid;
  std::optional<transition::Route> route;  // absent: it leads nowhere that we have pointed it
};

// NotFound is not an error; a Service of that name that is not ours is (Invalid).
[[nodiscard]] Result<Front> read_front(kube::Client& client, const api::ConnectionPolicy& policy);

// What the front Service's EndpointSlices show.
struct Endpoints {
  std::optional<transition::Route> route;  // that every address belongs to; nullopt while they are mixed
  bool ready_pooler = false;
};

// No addresses at all belong to either route: `present` is returned.
[[nodiscard]] Result<Endpoints> read_endpoints(
    kube::Client& client, const api::ConnectionPolicy& policy,
    const std::set<std::string>& pooler_ips, transition::Route present);

}  // namespace pgrightsizer::controller
