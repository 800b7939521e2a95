// Routing back to the database, planned or because logins through the pooler fail.
#pragma once

#include "situation.h"

namespace pgrightsizer::transition {

// The plan is direct and the front Service selects the pooler.
[[nodiscard]] Step way_back(const Situation& s);

// Logins through the pooler fail for another reason than a full server. Turns a move back when the
// server is still large enough for everybody; else waits. Silent when logins do not fail.
[[nodiscard]] Rule failing_login_rule(const Situation& s);

}  // namespace pgrightsizer::transition
