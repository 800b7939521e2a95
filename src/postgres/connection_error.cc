#include "pgrightsizer/postgres/connection_error.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace pgrightsizer::postgres {

namespace {

using enum ConnectionError;
using Row = std::pair<std::string_view, ConnectionError>;

// From errcodes.txt: too_many_connections, invalid_password, invalid_authorization_specification,
// admin_shutdown, idle_session_timeout, idle_in_transaction_session_timeout, transaction_timeout.
constexpr std::array<Row, 7> kStates{{{"53300", Refused},
                                      {"28P01", LoginFailed},
                                      {"28000", LoginFailed},
                                      {"57P01", Killed},
                                      {"57P05", Killed},
                                      {"25P03", Killed},
                                      {"25P04", Killed}}};

constexpr std::array<Row, 7> kWords{{{"too many clients already", Refused},
                                     {"too many connections for", Refused},
                                     {"remaining connection slots are reserved", Refused},
                                     {"authentication failed for", LoginFailed},
                                     {"no pg_hba.conf entry", LoginFailed},
                                     {":  role \"", LoginFailed},
                                     {"terminating connection due to", Killed}}};

constexpr std::string_view kSeverity = "FATAL";

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

std::optional<ConnectionError> by_state(std::string_view prefix) {
  for (const auto& [state, error] : kStates) {
    const auto at = prefix.find(state);
    if (at == std::string_view::npos) continue;
    const bool begins = at == 0 || !is_word(prefix[at - 1]);
    const auto end = at + state.size();
    if (begins && (end == prefix.size() || !is_word(prefix[end]))) return error;
  }
  return std::nullopt;
}

}  // namespace

const char* to_string(ConnectionError error) {
  switch (error) {
    case Refused: return "refused";
    case LoginFailed: return "login_failed";
    case QueryWaitTimeout: return "query_wait_timeout";
    case Killed: return "killed";
  }
  return "";
}

std::optional<ConnectionError> error_in_log(std::string_view line) {
  // Two blanks follow the severity; what continues a message begins with a tab.
  const auto colon = line.find(":  ");
  if (colon == std::string_view::npos || line.starts_with('\t')) return std::nullopt;
  auto prefix = line.substr(0, colon);
  if (!prefix.ends_with(kSeverity)) return std::nullopt;
  prefix.remove_suffix(kSeverity.size());
  if (const auto error = by_state(prefix)) return error;
  const auto text = line.substr(colon);
  const auto row = std::find_if(kWords.begin(), kWords.end(), [&](const Row& one) {
    return text.find(one.first) != std::string_view::npos;
  });
  if (row == kWords.end()) return std::nullopt;
  return row->second;
}

}  // namespace pgrightsizer::postgres
