// Puts the operator together: informers fill stores and wake policies, workers reconcile them.
#pragma once

#include <string>

#include "pgrightsizer/base/log.h"
#include "pgrightsizer/controller/reconciler.h"

namespace pgrightsizer::cli {

struct RunOptions {
  std::string kubeconfig;       // empty: found as kube::find_credentials says
  std::string watch_namespace;  // empty: all
  int workers = 2;
  controller::Options controller;
};

// Runs until SIGTERM or SIGINT; the exit code of the process.
[[nodiscard]] int run_operator(const RunOptions& options, Logger& logger);

}  // namespace pgrightsizer::cli
