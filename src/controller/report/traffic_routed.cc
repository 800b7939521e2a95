#include <set>

#include "../turn/names.h"
#include "../turn/routes.h"
#include "conditions.h"

namespace pgrightsizer::controller {

namespace {

using transition::Route;

// Sessions opened past the front Service since the proxies follow it: the pods they come from.
std::set<std::string> bypassing(const Turn& turn) {
  std::set<std::string> pods;
  const auto& seen = turn.facts.seen;
  if (seen.route != Route::Pooler || !seen.route_settled) return pods;
  const auto settled_for = turn.sight.clock.steady() - turn.memory.endpoints_since;
  for (const auto& backend : turn.facts.direct) {
    if (backend.age + std::chrono::seconds(3) >= settled_for) continue;
    std::string name = backend.address.empty() ? "a local socket" : backend.address;
    for (const auto& pod : turn.sight.stores.pods.list(turn.policy.name_space))
      if (pod->ip == backend.address) name = pod->meta.name;
    pods.insert(name);
  }
  return pods;
}

std::string join(const std::set<std::string>& names, std::size_t most) {
  std::string out;
  std::size_t n = 0;
  for (const auto& name : names) {
    if (n++ == most) return out + " and " + std::to_string(names.size() - most) + " more";
    out += (out.empty() ? "" : ", ") + name;
  }
  return out;
}

}  // namespace

api::Condition traffic_routed(const Turn& turn, const transition::Step& step, const api::Status& status) {
  const auto& seen = turn.facts.seen;
  if (step.topic == transition::Topic::NeedsTls)
    return {"TrafficRouted", "False", "NeedsTLS", step.reason, 0, {}};
  if (!turn.facts.incompatible.empty())
    return {"TrafficRouted", "False", "Incompatible",
            "sessions use what transaction pooling breaks: " + turn.facts.incompatible, 0, {}};
  if (const auto pods = bypassing(turn); !pods.empty())
    return {"TrafficRouted", "False", "BypassingFrontService",
            "sessions reach the database past Service " + front_service(turn.policy) + " from " +
                join(pods, 5) + "; let them use the binding Secret",
            0, {}};
  if (status.route == "Pooler")
    return {"TrafficRouted", "True", "Pooled", "all sessions go through PgBouncer", 0, {}};
  if (status.route == "Direct")
    return {"TrafficRouted", "True", "Direct", "sessions go to PostgreSQL itself", 0, {}};
  const bool wanted = !route_can_switch(turn.policy) && turn.facts.plan.route == Route::Pooler;
  const bool to_pooler = wanted || seen.route == Route::Pooler;
  return {"TrafficRouted", "False", to_pooler || seen.pooler ? "Draining" : "Moving",
          to_pooler ? std::to_string(seen.direct_sessions) + " direct sessions remain"
                    : "the pooler still has clients, or is being prepared",
          0, {}};
}

}  // namespace pgrightsizer::controller
