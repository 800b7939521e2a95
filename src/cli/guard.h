// pg-rightsizer guard
#pragma once

#include "pgrightsizer/base/log.h"
#include "pgrightsizer/guard/guard.h"

namespace pgrightsizer::cli {

// Until SIGTERM or SIGINT; a pause that is under way then is still ended. The exit code.
int run_guard(const guard::Options& options, Logger& logger);

}  // namespace pgrightsizer::cli
