// Where a key of a ConfigMap becomes a file in a StatefulSet's pods.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pgrightsizer::providers {

// Paths in the containers; empty when no container mounts that key.
[[nodiscard]] std::vector<std::string> mounted_paths(const nlohmann::json& stateful_set,
                                                     const std::string& config_map,
                                                     const std::string& key);

}  // namespace pgrightsizer::providers
