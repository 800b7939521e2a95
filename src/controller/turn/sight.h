// What a turn looks at the world with.
#pragma once

#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/base/log.h"
#include "pgrightsizer/controller/options.h"
#include "pgrightsizer/controller/stores.h"
#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::controller {

struct Sight {
  kube::Client& client;
  const Stores& stores;
  const Clock& clock;
  Logger& logger;
  const Options& options;
};

}  // namespace pgrightsizer::controller
