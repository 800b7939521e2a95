// Puts the operator together: informers fill stores and wake policies, workers reconcile them.
#pragma once

#include <string>
#include <vector>

#include "pgrightsizer/controller/reconciler.h"
#include "pgrightsizer/telemetry/log.h"

namespace pgrightsizer::cli {

struct RunOptions {
  std::string kubeconfig;       // empty: found as kube::find_credentials says
  std::vector<std::string> watch_namespaces;  // empty: all
  int workers = 2;
  std::string lease_namespace;  // empty: no leader election, this is the only one
  std::string lease_identity;   // empty: the host's name and a random number
  std::string metrics_address = "0.0.0.0:8080";
  controller::Options controller;
};

// Runs until SIGTERM or SIGINT; the exit code of the process.
[[nodiscard]] int run_operator(const RunOptions& options, telemetry::ProcessLog& logger);

}  // namespace pgrightsizer::cli
