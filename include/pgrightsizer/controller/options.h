// What the operator gives a reconcile besides the cluster: its pace, its images, its ways out.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/base/metrics.h"
#include "pgrightsizer/postgres/session.h"
#include "pgrightsizer/runtime/log_follower.h"
#include "pgrightsizer/transition/transition.h"

namespace pgrightsizer::controller {

// What decides: transition::next_step, or a test's own.
using Decide = std::function<transition::Step(const transition::Observation&, const sizing::Plan&,
                                              const transition::Rules&, const transition::History&,
                                              transition::Time)>;

// Reads a log, as runtime::LogFollower does, until what it returns is destroyed.
using FollowLog =
    std::function<std::shared_ptr<void>(const runtime::LogSource&, WallTime since, runtime::LogReader)>;

struct Options {
  std::string pooler_image = "localhost/pgbouncer:1.24";
  std::string guard_image;  // of this program: `pg-rightsizer guard` beside each pooler
  std::chrono::milliseconds resync{10'000};     // at rest: how soon a drift is noticed
  std::chrono::milliseconds transition{1'000};  // between two looks while something is under way
  // Until the last proxy has followed the EndpointSlices; until then the former route counts, too.
  std::chrono::milliseconds proxies_lag{2'000};
  std::chrono::milliseconds gauges{60'000};     // between two status writes that only move gauges
  postgres::Connect connect = postgres::Session::connect;  // to PostgreSQL and to consoles
  Decide decide = transition::next_step;
  FollowLog follow_log;  // none: no log is read
  Metrics* metrics = &no_metrics();
};

}  // namespace pgrightsizer::controller
