// The application's passwords on their way to the poolers.
#pragma once

#include "../turn/turn.h"

namespace pgrightsizer::controller {

// New or changed passwords of the application: into the Secret, then RELOAD on each pod until a login
// with them succeeds, then SET again what was SET. True when there is more to do.
[[nodiscard]] Result<bool> refresh_users(const Turn& turn);

}  // namespace pgrightsizer::controller
