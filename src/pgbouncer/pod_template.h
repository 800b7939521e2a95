// The pod template of a pooler's Deployment. It depends on nothing that may change while the pooler
// serves: caps, limits and logins reach it through mounted directories, never through the template.
#pragma once

#include <nlohmann/json.hpp>

#include "pgrightsizer/pgbouncer/pooler.h"

namespace pgrightsizer::pgbouncer {

// {pgrightsizer.io/policy: …, app.kubernetes.io/component: pooler}
[[nodiscard]] nlohmann::json selector_labels(const Spec& spec);
[[nodiscard]] nlohmann::json object_labels(const Spec& spec);
[[nodiscard]] nlohmann::json pod_template(const Spec& spec);

}  // namespace pgrightsizer::pgbouncer
