// One policy, one turn: observe → plan → next step → do exactly that step → report.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/base/log.h"
#include "pgrightsizer/controller/options.h"
#include "pgrightsizer/controller/stores.h"
#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/runtime/events.h"

namespace pgrightsizer::controller {

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
