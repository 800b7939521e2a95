// One policy, one turn: observe → plan → next step → do exactly that step → report.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/base/log.h"
#include "pgrightsizer/base/metrics.h"
#include "pgrightsizer/controller/stores.h"
#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/postgres/session.h"
#include "pgrightsizer/runtime/events.h"
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
  std::chrono::milliseconds gauges{60'000};     // between two status writes that only move gauges
  postgres::Connect connect = postgres::Session::connect;  // to PostgreSQL and to consoles
  Decide decide = transition::next_step;
  FollowLog follow_log;  // none: no log is read
  Metrics* metrics = &no_metrics();
};

struct Memory;
struct Sight;

// Thread-safe for different keys; the work queue hands a key to one worker at a time.
class Reconciler {
 public:
  Reconciler(kube::Client& client, const Stores& stores, runtime::EventRecorder& events,
             const Clock& clock, Logger& logger, Options options);
  ~Reconciler();

  struct Outcome {
    std::chrono::milliseconds requeue_after{0};  // 0: only when something changes
    bool failed = false;                         // ask again with back-off
  };
  [[nodiscard]] Outcome reconcile(const std::string& key);

 private:
  // A spec that cannot be read: the status says which field and what to do.
  Outcome refuse(const Sight& sight, const api::ConnectionPolicy& metadata, Memory& memory,
                 const Error& error);
  Outcome turn(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory);
  std::shared_ptr<Memory> memory_of(const std::string& key);
  void forget(const std::string& key);

  kube::Client& client_;
  const Stores& stores_;
  runtime::EventRecorder& events_;
  const Clock& clock_;
  Logger& logger_;
  Options options_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Memory>> memories_;
};

}  // namespace pgrightsizer::controller
