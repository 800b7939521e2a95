// A ConnectionPolicy from a YAML file, as kubectl would send it.
#pragma once

#include <string>

#include "pgrightsizer/api/connection_policy.h"

namespace pgrightsizer::cli {

// Invalid names the file, the line or the field, and the remedy.
[[nodiscard]] Result<api::ConnectionPolicy> read_policy(const std::string& path);

}  // namespace pgrightsizer::cli
