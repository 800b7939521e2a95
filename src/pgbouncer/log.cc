#include "pgrightsizer/pgbouncer/log.h"

#include <algorithm>
#include <array>
#include <utility>

namespace pgrightsizer::pgbouncer {

namespace {

using enum postgres::ConnectionError;
using Row = std::pair<std::string_view, postgres::ConnectionError>;

constexpr std::string_view kMark = "pooler error: ";

// The first that fits: a login that fails because the server's does quotes the server.
constexpr std::array<Row, 14> kWords{{{"query_wait_timeout", QueryWaitTimeout},
                                      {"no more connections allowed", Refused},
                                      {"client connections exceeded", Refused},
                                      {"too many", Refused},
                                      {"remaining connection slots", Refused},
                                      {"(server down)", Refused},
                                      {"authentication failed", LoginFailed},
                                      {"no such user", LoginFailed},
                                      {"login rejected", LoginFailed},
                                      {"login has been failing", Refused},
                                      {"timeout", Killed},
                                      {"admin forced disconnect", Killed},
                                      {"server conn crashed", Killed},
                                      {"shutting down", Killed}}};

}  // namespace

std::optional<postgres::ConnectionError> error_in_log(std::string_view line) {
  const auto at = line.find(kMark);
  if (at == std::string_view::npos) return std::nullopt;
  const auto text = line.substr(at + kMark.size());
  const auto row = std::find_if(kWords.begin(), kWords.end(), [&](const Row& one) {
    return text.find(one.first) != std::string_view::npos;
  });
  if (row == kWords.end()) return std::nullopt;
  return row->second;
}

}  // namespace pgrightsizer::pgbouncer
