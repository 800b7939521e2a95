// Does exactly one step. Each effect is idempotent: a turn that dies in the middle is made good by
// the next one.
#pragma once

#include "../turn/turn.h"

namespace pgrightsizer::controller {

// `status` is the one being built for this turn: what must survive a crash (a restart's beginning, a
// rejected value, a drain) is written into it, and to the API server before the effect.
[[nodiscard]] Result<void> execute(const Turn& turn, const transition::Step& step,
                                   api::Status& status);

}  // namespace pgrightsizer::controller
