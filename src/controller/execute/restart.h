// The steps of a restart.
#pragma once

#include "../turn/turn.h"

namespace pgrightsizer::controller {

// Asks the provider for this value at the next start.
[[nodiscard]] Result<void> request_value(const Turn& turn, transition::Count value);

[[nodiscard]] Result<void> begin_checkpoint(const Turn& turn);
// spec.paused of the pooler's Deployment.
[[nodiscard]] Result<void> hold_rollouts(const Turn& turn, bool held);
// Ends the transactions behind the poolers that are older than restart.longTransactionSeconds.
[[nodiscard]] Result<void> end_transactions(const Turn& turn);
// On all poolers or on none. One that is held up is no error: it is tried again later.
[[nodiscard]] Result<void> pause(const Turn& turn);
[[nodiscard]] Result<void> resume(const Turn& turn);
[[nodiscard]] Result<void> restart(const Turn& turn, const transition::Step& step,
                                   api::Status& status);
[[nodiscard]] Result<void> restore(const Turn& turn, const transition::Step& step,
                                   api::Status& status);

}  // namespace pgrightsizer::controller
