// pg-rightsizer try-policy: whether the operator that is installed here answers a policy.
#pragma once

#include <string>

#include "pgrightsizer/base/log.h"

namespace pgrightsizer::cli {

struct TryPolicyOptions {
  std::string kubeconfig;
  std::string name_space;
  int timeout_seconds = 60;
};

// Makes a policy in mode Recommend about a database that does not exist, which changes nothing, waits
// for the operator's word in its status, and deletes it. 0: it answered; 1: not.
[[nodiscard]] int try_policy(const TryPolicyOptions& options, Logger& logger);

}  // namespace pgrightsizer::cli
