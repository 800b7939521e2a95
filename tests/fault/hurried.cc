// The operator with its own waits cut short, to about a fifth; everything else is as it ships. Not
// shorter is what others need: the deadlines of requests, how long clients may be paused.
#include "cli/program.h"
#include "pgrightsizer/transition/transition.h"

namespace {

using namespace std::chrono_literals;
namespace transition = pgrightsizer::transition;

transition::Step decide(const transition::Observation& seen, const pgrightsizer::sizing::Plan& plan,
                        transition::Rules rules, const transition::History& history, transition::Time now) {
  rules.deletion_grace = 3s;
  return transition::next_step(seen, plan, rules, history, now);
}

pgrightsizer::cli::RunOptions hurried() {
  pgrightsizer::cli::RunOptions out;
  out.controller.transition = 200ms;
  out.controller.resync = 500ms;
  out.controller.proxies_lag = 400ms;
  out.controller.decide = decide;
  out.retry = {100ms, 500ms};
  out.watch.quiet = 40ms;
  out.watch.longest = 200ms;
  out.watch.informer.idle = 5s;  // an API server that lags says so after 3 s
  out.watch.informer.backoff = {160ms, 1500ms};
  out.lease.duration = 6s;
  out.lease.renew_deadline = 4s;
  out.lease.retry = 800ms;
  return out;
}

}  // namespace

int main(int argc, char** argv) { return pgrightsizer::cli::run_program(argc, argv, hurried()); }
