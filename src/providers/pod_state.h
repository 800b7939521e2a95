// What the one pod of a StatefulSet says about its database.
#pragma once

#include <optional>
#include <string>

#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/kube/objects.h"

namespace pgrightsizer::providers {

// Why deleting the pod now would do more than a restart, or nothing.
[[nodiscard]] std::optional<std::string> why_not_restart(const kube::Workload& stateful_set,
                                                         const kube::Pod* pod, int ordinal = 0);

// The server's own message when the pod's first container exits at start again and again.
[[nodiscard]] std::optional<std::string> start_failure(kube::Client& client, const kube::Pod& pod);

}  // namespace pgrightsizer::providers
