// Does exactly one step. Each effect is idempotent: a turn that dies in the middle is made good by
// the next one.
#pragma once

#include "../turn/turn.h"

namespace pgrightsizer::controller {

// `status` is the one being built for this turn: what must survive a crash (a restart's beginning, a
// rejected value, a drain) is written into it, and to the API server before the effect.
[[nodiscard]] Result<void> execute(const Turn& turn, const transition::Step& step,
                                   api::Status& status);

// New or changed passwords of the application: into the Secret, then RELOAD on each pod until a login
// with them succeeds, then SET again what was SET. True when there is more to do.
[[nodiscard]] Result<bool> refresh_users(const Turn& turn);

// Removes what is left of a pooler whose Deployment is gone: whoever removed that may have died then.
[[nodiscard]] Result<void> sweep_pooler(const Turn& turn);

}  // namespace pgrightsizer::controller
