// A policy's spec as the rules of its transitions. Pure; any thread.
#pragma once

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/transition/transition.h"

namespace pgrightsizer::controller {

// Without what is observed: `windows` and `role_limit` stay empty.
[[nodiscard]] transition::Rules rules_of(const api::ConnectionPolicy& policy);

}  // namespace pgrightsizer::controller
