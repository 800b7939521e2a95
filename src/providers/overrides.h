// Which place really decides, from what the server says.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "pgrightsizer/postgres/server.h"
#include "pgrightsizer/providers/provider.h"

namespace pgrightsizer::providers {

[[nodiscard]] std::string base_name(const std::string& path);

[[nodiscard]] std::optional<Override> command_line_override(const postgres::Settings& settings);

// The line that the next start will use, if it is not in a file of ours. `may_lag`: our file may
// not show its newest content to the server yet, so that a missing line of ours proves nothing.
[[nodiscard]] std::optional<Override> file_override(
    const postgres::Settings& settings, const std::function<bool(const std::string&)>& is_ours,
    bool may_lag);

}  // namespace pgrightsizer::providers
