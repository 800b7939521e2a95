// Restarts in flight, and a database that is down.
#pragma once

#include "situation.h"

namespace pgrightsizer::transition {

// Speaks while nothing else may be decided: PostgreSQL restarts, cannot be reached, or does not
// start with the value it was given (then the former one is restored, once).
[[nodiscard]] Rule database_rule(const Situation& s);

}  // namespace pgrightsizer::transition
