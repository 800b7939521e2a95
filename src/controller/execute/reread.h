// A look past the stores, at the API server itself, before a step that cannot be taken back: what a
// late or silent watch has not told yet must not be acted against.
#pragma once

#include "../turn/turn.h"

namespace pgrightsizer::controller {

// Restarts and the pause before them, moves of the route, drains, removals, a lower value; and a higher
// cap, whose room is taken at once.
[[nodiscard]] bool cannot_be_taken_back(const transition::Step& step);

// Conflict while the policy, a workload or the pooler's pods differ from what this turn was decided on.
[[nodiscard]] Result<void> reread(const Turn& turn);

}  // namespace pgrightsizer::controller
