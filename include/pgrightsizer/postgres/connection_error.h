// Connections that were refused or cut, as log lines tell of them: no view counts these.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace pgrightsizer::postgres {

enum class ConnectionError {
  Refused,           // too many connections, of whatever limit; or no server for a login
  LoginFailed,       // wrong password, no such role, not let in by pg_hba.conf
  QueryWaitTimeout,  // PgBouncer: no server connection within query_wait_timeout
  Killed,            // an open session was ended: an administrator, a shutdown, an idle limit
};
inline constexpr std::array kConnectionErrors{ConnectionError::Refused, ConnectionError::LoginFailed,
                                              ConnectionError::QueryWaitTimeout, ConnectionError::Killed};
// "refused", "login_failed", "query_wait_timeout", "killed": as the metric's label has it.
[[nodiscard]] const char* to_string(ConnectionError error);

// Of one line of PostgreSQL's log in its plain format: FATAL, and a SQLSTATE anywhere in
// log_line_prefix (%e); without one the server's English words.
[[nodiscard]] std::optional<ConnectionError> error_in_log(std::string_view line);

}  // namespace pgrightsizer::postgres
