// How soon a policy is looked at again, when no watch event comes before.
#pragma once

#include <chrono>

#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/transition/transition.h"

namespace pgrightsizer::controller {

struct Pace {
  bool moving = false;                  // clients are changing sides
  std::chrono::seconds stabilizing{0};  // until a lower count may be followed; 0: nothing waits
  std::chrono::milliseconds rest{0};    // Options::resync
  std::chrono::milliseconds transition{0};
};

// After `step` was done, or was found to be a wait. Never 0: that would mean "only on an event".
std::chrono::milliseconds until_next(const transition::Step& step, const Pace& pace, WallTime now);

}  // namespace pgrightsizer::controller
