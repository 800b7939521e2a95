// The conditions of the status.
#pragma once

#include <string>

#include "../turn/turn.h"

namespace pgrightsizer::controller {

void fill_conditions(const Turn& turn, const transition::Step& step, api::Status& status);

// A step that waits for people or for time alone is not "under way".
[[nodiscard]] bool at_rest(const transition::Step& step);

// Of a policy without instances: what is done, and what can be.
[[nodiscard]] std::string hold_text(const Turn& turn);

// ── Two of them, in saturated.cc and traffic_routed.cc ───────────────────────────────────────────

[[nodiscard]] api::Condition saturated(const Turn& turn, const api::Status& status);
[[nodiscard]] api::Condition traffic_routed(const Turn& turn, const transition::Step& step,
                                            const api::Status& status);

}  // namespace pgrightsizer::controller
