// The steps that concern one instance of a replicated database.
#pragma once

#include "../turn/turn.h"

namespace pgrightsizer::controller {

[[nodiscard]] Result<void> pin_standby(const Turn& turn, const transition::Step& step);
[[nodiscard]] Result<void> restart_standby(const Turn& turn, const transition::Step& step);
[[nodiscard]] Result<void> checkpoint_standby(const Turn& turn, const transition::Step& step);
[[nodiscard]] Result<void> write_file(const Turn& turn, const transition::Step& step);
[[nodiscard]] Result<void> reset_instance(const Turn& turn, const transition::Step& step);

}  // namespace pgrightsizer::controller
