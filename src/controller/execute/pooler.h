// The steps that make, resize and remove the pooler.
#pragma once

#include <string>

#include "../turn/turn.h"

namespace pgrightsizer::controller {

[[nodiscard]] Result<void> apply_pooler(const Turn& turn, const transition::Step& step);
[[nodiscard]] Result<void> set_cap(const Turn& turn, const transition::Step& step);
[[nodiscard]] Result<void> reconnect(const Turn& turn, const transition::Step& step);
[[nodiscard]] Result<void> remove_pooler(const Turn& turn, const transition::Step& step);

// Removes what is left of a pooler whose Deployment is gone: whoever removed that may have died then.
[[nodiscard]] Result<void> sweep_pooler(const Turn& turn);

// NotFound when the pod is gone, or about to be.
[[nodiscard]] Result<pgbouncer::Console> console_of(const Turn& turn, const std::string& pod_name);

}  // namespace pgrightsizer::controller
