// The application's one role and its CONNECTION LIMIT, with sizing.enforce RoleConnectionLimit.
#pragma once

#include "../turn/turn.h"

namespace pgrightsizer::controller {

// The status remembers the former limit before the first change.
[[nodiscard]] Result<void> set_role_limit(const Turn& turn, const transition::Step& step,
                                          api::Status& status);

// The status tells of a role that is not, or no longer, to be limited.
[[nodiscard]] bool role_is_left_over(const api::ConnectionPolicy& policy, const Facts& facts,
                                     const api::Status& status);
// Gives it its former limit, and forgets it. A role that is gone needs none.
[[nodiscard]] Result<void> restore_role(const Turn& turn, api::Status& status);

}  // namespace pgrightsizer::controller
