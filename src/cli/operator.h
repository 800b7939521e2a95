// Puts the operator together: informers fill stores and wake policies, workers reconcile them.
#pragma once

#include <string>
#include <vector>

#include "pgrightsizer/controller/options.h"
#include "pgrightsizer/runtime/leader_elector.h"
#include "pgrightsizer/runtime/work_queue.h"
#include "pgrightsizer/telemetry/log.h"
#include "watches.h"

namespace pgrightsizer::cli {

struct RunOptions {
  std::string kubeconfig;       // empty: found as kube::find_credentials says
  std::vector<std::string> watch_namespaces;  // empty: all
  int workers = 2;
  // Without a namespace: no leader election, this is the only one. Without an identity: the host's
  // name and a random number.
  runtime::LeaderElectorOptions lease;
  std::string metrics_address = "0.0.0.0:8080";
  runtime::WorkQueue::Backoff retry;  // of a policy whose turn failed
  WatchOptions watch;
  controller::Options controller;
};

// Runs until SIGTERM or SIGINT; the exit code of the process.
[[nodiscard]] int run_operator(const RunOptions& options, telemetry::ProcessLog& logger);

}  // namespace pgrightsizer::cli
