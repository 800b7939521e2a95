// The one line of a postgresql.conf that sets max_connections: found and changed, every other byte
// kept. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pgrightsizer/base/result.h"

namespace pgrightsizer::postgres {

// PostgreSQL's own reading of an integer setting without a unit: decimal, octal (017), hexadecimal
// (0xC8), or a number with a fraction or an exponent, which is rounded. nullopt: not a number.
[[nodiscard]] std::optional<std::int64_t> parse_integer(const std::string& text);

struct ConfigFile {
  std::optional<std::int64_t> max_connections;  // of the last line that sets it; nullopt: none does
  int line = 0;                                 // of that line, from 1; 0: none
  int occurrences = 0;
  std::vector<std::string> includes;  // arguments of include, include_if_exists, include_dir
  bool include_after = false;  // an include stands after the last setting and may override it
};

// The grammar is PostgreSQL's (guc-file.l): `name = value` or `name value`, names in any case,
// values bare or in single quotes, # comments. Invalid when a line that sets max_connections is not
// one the server would accept; other lines are not judged.
[[nodiscard]] Result<ConfigFile> parse_config(const std::string& text);

// The text with max_connections = value: the last line that sets it is changed (PostgreSQL takes
// the last), its comment, indent, quoting and line end kept; earlier ones stay. When no line sets
// it, one is appended, with the file's own line end, also when the last line lacks one. Invalid
// when parse_config would fail, or the value is outside of 1 to 262143.
[[nodiscard]] Result<std::string> with_max_connections(const std::string& text, std::int64_t value);

}  // namespace pgrightsizer::postgres
