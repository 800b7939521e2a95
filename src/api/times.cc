#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/base/rfc3339.h"

namespace pgrightsizer::api {

std::optional<WallTime> parse_time(const std::string& text) {
  const auto time = parse_rfc3339(text);
  if (!time) return std::nullopt;
  return time->second + std::chrono::floor<std::chrono::milliseconds>(time->rest);
}

}  // namespace pgrightsizer::api
