// The one line of a postgresql.conf that sets max_connections: found and changed, every other byte
// kept. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pgrightsizer/base/result.h"

namespace pgrightsizer::postgres {

struct ConfigFile {
  std::optional<std::int64_t> max_connections;  // of the last line that sets it; nullopt: none does
  int occurrences = 0;
  std::vector<std::string> includes;  // include, include_if_exists, include_dir: after the setting they may override it
  bool include_after = false;         // an include stands after the last setting
};
// Invalid when the value is not a number.
[[nodiscard]] Result<ConfigFile> parse_config(const std::string& text);

// The text with max_connections = value: the last line that sets it is changed (PostgreSQL takes the
// last), its comment, indent, quoting and line end kept; earlier ones stay. When no line sets it,
// one is appended, with the file's own line end, also when the last line lacks one.
[[nodiscard]] Result<std::string> with_max_connections(const std::string& text, std::int64_t value);

}  // namespace pgrightsizer::postgres
