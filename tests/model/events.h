// What happens in the world besides the operator.
#pragma once

#include <functional>
#include <vector>

#include "world.h"

namespace pgrightsizer::model {

// Every event that may happen next, each with its name. `instance_counts` are the sizes that
// somebody may scale the application to.
void for_each_event(const World& world, const Scale& scale, const std::vector<int>& instance_counts,
                    const std::function<void(const char*, const World&)>& visit);

// One thing that happens by itself in a quiet world; false when nothing is left to happen. Repeated
// with the operator's steps it brings the world to rest.
[[nodiscard]] bool calm_down(World& world, const Scale& scale);

}  // namespace pgrightsizer::model
