// The plan is pooled.
#pragma once

#include "situation.h"

namespace pgrightsizer::transition {

[[nodiscard]] Step pooled_step(const Situation& s);

}  // namespace pgrightsizer::transition
