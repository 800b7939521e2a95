// The application's passwords and databases on their way to the poolers.
#pragma once

#include "../turn/turn.h"

namespace pgrightsizer::controller {

// New or changed passwords and databases of the application: the former into the Secret, then RELOAD
// on each pod until it serves them, and each time SET again what was SET.
[[nodiscard]] Result<void> refresh_users(const Turn& turn);

}  // namespace pgrightsizer::controller
