// What the kubelet and Prometheus see of the operator.
#pragma once

#include <memory>
#include <string>

#include "pgrightsizer/base/result.h"
#include "pgrightsizer/runtime/leader_elector.h"
#include "pgrightsizer/runtime/manager.h"
#include "pgrightsizer/telemetry/log.h"
#include "pgrightsizer/telemetry/metrics.h"
#include "pgrightsizer/telemetry/server.h"

namespace pgrightsizer::cli {

// `address` is ADDRESS:PORT; an IPv6 address stands in brackets. All of them must outlive the server.
[[nodiscard]] Result<std::unique_ptr<telemetry::Server>> serve_probes(
    const std::string& address, const runtime::Manager& manager,
    const runtime::LeaderElector& elector, telemetry::Registry& metrics,
    telemetry::ProcessLog& logger);

}  // namespace pgrightsizer::cli
