// Why PostgreSQL did not start, from its log.
#pragma once

#include <optional>
#include <string>

namespace pgrightsizer::providers {

// The server's own words; empty when it says nothing that explains it. nullopt when this log is not
// of a failed start: the server did come up, or as far as this log goes.
[[nodiscard]] std::optional<std::string> start_failure_in(const std::string& log);

}  // namespace pgrightsizer::providers
