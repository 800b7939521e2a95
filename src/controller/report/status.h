// The status: what is, and what is being done about it.
#pragma once

#include "../turn/turn.h"

namespace pgrightsizer::controller {

// The status after this turn: `before` with the figures, the step and the conditions of now.
[[nodiscard]] api::Status build_status(const Turn& turn, const transition::Step& step,
                                       const api::Status& before);

// For a policy whose spec cannot be read.
[[nodiscard]] api::Status invalid_status(const api::ConnectionPolicy& policy, const Error& error,
                                         const api::Status& before, WallTime now);

}  // namespace pgrightsizer::controller
