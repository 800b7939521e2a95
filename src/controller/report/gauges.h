// What a policy's status says, as metrics of the policy.
#pragma once

#include <string>
#include <string_view>

#include "../turn/facts.h"
#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/base/metrics.h"

namespace pgrightsizer::controller {

// `before`: as published last.
void publish(Metrics& metrics, const api::ConnectionPolicy& policy, const api::Status& before,
             const api::Status& status, const Saturation& saturation);
// A step was taken; `before` and `after` are the status around it.
void count_step(Metrics& metrics, const api::ConnectionPolicy& policy, std::string_view step,
                bool succeeded, const api::Status& before, const api::Status& after);
// Connections that were refused or cut since the last time.
void count_errors(Metrics& metrics, const api::ConnectionPolicy& policy, const ErrorCounts& fresh);
// The policy is gone.
void unpublish(Metrics& metrics, const std::string& name_space, const std::string& name);

}  // namespace pgrightsizer::controller
