// The core's history, as the status keeps it.
#pragma once

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/transition/transition.h"

namespace pgrightsizer::controller {

[[nodiscard]] transition::History history_of(const api::Status& status);
void set_history(api::Status& status, const transition::History& history);

}  // namespace pgrightsizer::controller
