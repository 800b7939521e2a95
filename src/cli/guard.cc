#include "guard.h"

#include <pthread.h>
#include <signal.h>

#include "supervise.h"

namespace pgrightsizer::cli {

namespace {

int watch(const guard::Options& options, Logger& logger) {
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

}  // namespace

// A pod one of whose containers is down is not Ready, and its pooler out of the Service: that must not
// become of a guard that dies.
int run_guard(const guard::Options& options, Logger& logger) {
  return supervise([&] { return watch(options, logger); }, logger);
}

}  // namespace pgrightsizer::cli
