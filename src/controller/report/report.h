// When the status is written.
#pragma once

#include "../turn/turn.h"

namespace pgrightsizer::controller {

// Route, step and conditions are written at once; texts that only carry other figures and gauges
// wait: 5 s while something is under way, Options::gauges at rest.
[[nodiscard]] Result<void> report(const Turn& turn, const transition::Step& step,
                                  const api::Status& status);

}  // namespace pgrightsizer::controller
