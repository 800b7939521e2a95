#include "guard.h"

#include <pthread.h>
#include <signal.h>

namespace pgrightsizer::cli {

int run_guard(const guard::Options& options, Logger& logger) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  guard::Guard guard(options, logger);
  guard::run(guard, [&](std::chrono::milliseconds time) {
    const timespec wait{0, static_cast<long>(time.count()) * 1'000'000};
    return sigtimedwait(&signals, nullptr, &wait) > 0;
  });
  return 0;
}

}  // namespace pgrightsizer::cli
