// The steps that move clients from one route to the other: the switch, and the drains that follow it.
#pragma once

#include "../turn/turn.h"

namespace pgrightsizer::controller {

[[nodiscard]] Result<void> switch_to(const Turn& turn, const transition::Step& step,
                                     transition::Route route, api::Status& status);
[[nodiscard]] Result<void> drain_direct(const Turn& turn, const transition::Step& step,
                                        const api::Status& status);
[[nodiscard]] Result<void> drain_pooled(const Turn& turn);

}  // namespace pgrightsizer::controller
