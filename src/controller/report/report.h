// What the user sees: status and conditions, and when they are written.
#pragma once

#include "../turn/turn.h"

namespace pgrightsizer::controller {

// The status after this turn: `before` with the figures, the step and the conditions of now.
[[nodiscard]] api::Status build_status(const Turn& turn, const transition::Step& step,
                                       const api::Status& before);

// For a policy whose spec cannot be read.
[[nodiscard]] api::Status invalid_status(const api::ConnectionPolicy& policy, const Error& error,
                                         const api::Status& before, WallTime now);

// Route, step and conditions are written at once; texts that only carry other figures and gauges
// wait: 5 s while something is under way, Options::gauges at rest.
[[nodiscard]] Result<void> report(const Turn& turn, const transition::Step& step,
                                  const api::Status& status);

// Events that follow from the difference of two statuses, each told once while it lasts.
void tell_changes(const Turn& turn, const api::Status& before, const api::Status& after);

[[nodiscard]] transition::History history_of(const api::Status& status);
void set_history(api::Status& status, const transition::History& history);

}  // namespace pgrightsizer::controller
