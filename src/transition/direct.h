// The plan is direct.
#pragma once

#include "situation.h"

namespace pgrightsizer::transition {

[[nodiscard]] Step direct_step(const Situation& s);

}  // namespace pgrightsizer::transition
