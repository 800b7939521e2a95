// What a turn looks at the world with.
#pragma once

#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/controller/reconciler.h"

namespace pgrightsizer::controller {

struct Sight {
  kube::Client& client;
  const Stores& stores;
  const Clock& clock;
  Logger& logger;
  const Options& options;
};

}  // namespace pgrightsizer::controller
