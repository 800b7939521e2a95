// The CONNECTION LIMIT of the application's role, where that is what keeps direct traffic in bounds.
#pragma once

#include "situation.h"

namespace pgrightsizer::transition {

// On the direct route: up at once, down when the role's sessions fit.
[[nodiscard]] Rule role_limit_rule(const Situation& s);

// Behind the pooler the pool is the limit: the role's is lifted before the first client gets there.
[[nodiscard]] Rule lift_role_limit_rule(const Situation& s);

}  // namespace pgrightsizer::transition
