// Keeps one worker process alive.
#pragma once

#include <functional>

#include "pgrightsizer/base/log.h"

namespace pgrightsizer::cli {

// Runs `work` in a child process, and again half a second after that has died; SIGTERM and SIGINT
// reach it. Ends when the work returns, with its exit code. To be called before there are threads;
// the three signals stay blocked.
int supervise(const std::function<int()>& work, Logger& logger);

}  // namespace pgrightsizer::cli
