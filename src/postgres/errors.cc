#include "errors.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <sstream>
#include <vector>

namespace pgrightsizer::postgres {
namespace {

struct Complaint {
  std::string sqlstate;  // empty: libpq's own words
  std::string text;
};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

template <std::size_t N>
bool contains_any(std::string_view text, const std::array<std::string_view, N>& parts) {
  for (const auto part : parts)
    if (contains(text, part)) return true;
  return false;
}

// PgBouncer gives most of its refusals the same SQLSTATE, 08P01 (protocol violation), so that only
// the words tell them apart; some of them quote the server that it could not log in to.
ErrorKind kind_of_protocol_violation(std::string_view text) {
  if (contains_any<3>(text, {"max_client_conn", "too many", "remaining connection slots"}))
    return ErrorKind::TooManySessions;
  if (contains_any<4>(text, {"authentication failed", "no such user", "not allowed", "SASL"}))
    return ErrorKind::Unauthorized;
  if (contains(text, "no such database")) return ErrorKind::Invalid;
  if (contains(text, "timeout")) return ErrorKind::Timeout;
  return ErrorKind::Unavailable;
}

ErrorKind kind_of_login(const Complaint& complaint) {
  const std::string_view state = complaint.sqlstate;
  if (state == "08P01") return kind_of_protocol_violation(complaint.text);
  if (state == "53300") return ErrorKind::TooManySessions;
  if (state == "42501") return ErrorKind::Forbidden;
  if (state.starts_with("28")) return ErrorKind::Unauthorized;
  if (state.starts_with("08") || state.starts_with("53") || state.starts_with("57"))
    return ErrorKind::Unavailable;
  return ErrorKind::Invalid;
}

// libpq's own complaints have no code. The phrases are of libpq 15 to 17, untranslated: nothing
// here calls setlocale.
ErrorKind kind_of_libpq(std::string_view text) {
  if (contains_any<6>(text, {"authentication method requirement", "no password supplied", "SCRAM",
                             "certificate verify failed", "does not match host name",
                             "could not get server's host name"}))
    return ErrorKind::Unauthorized;
  if (contains_any<4>(text, {"server does not support SSL", "root certificate",
                             "invalid connection option", "invalid sslmode"}))
    return ErrorKind::Invalid;
  return ErrorKind::Unavailable;
}

std::string trim(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

// "connection to server at "10.0.0.1", port 5432 failed: " stands in front of each attempt.
std::string without_address(const std::string& line) {
  constexpr std::string_view kBefore = "connection to server ";
  constexpr std::string_view kAfter = " failed: ";
  const auto after = line.rfind(kAfter);
  if (!line.starts_with(kBefore) || after == std::string::npos) return line;
  return line.substr(after + kAfter.size());
}

// "FATAL:  53300: sorry, too many clients already": the code stands between two separators that no
// address and no severity contains.
std::optional<Complaint> coded(const std::string& line) {
  constexpr std::string_view kSeverityEnds = ":  ";
  constexpr std::size_t kCodeLength = 5;
  const auto ends = line.find(kSeverityEnds);
  if (ends == std::string::npos) return std::nullopt;
  const auto code = line.substr(ends + kSeverityEnds.size(), kCodeLength);
  const auto rest = line.substr(ends + kSeverityEnds.size() + code.size());
  const bool is_code = code.size() == kCodeLength && std::ranges::all_of(code, [](unsigned char c) {
                         return std::isdigit(c) || std::isupper(c);
                       });
  if (!is_code || !rest.starts_with(": ")) return std::nullopt;
  return Complaint{code, rest.substr(2)};
}

// One attempt per line that has a code. With sslmode=prefer there are two, and the second may only
// say that pg_hba.conf wants TLS.
std::vector<Complaint> complaints_of_server(const std::string& message) {
  std::vector<Complaint> found;
  std::istringstream lines(message);
  for (std::string line; std::getline(lines, line);)
    if (auto complaint = coded(line)) found.push_back(std::move(*complaint));
  return found;
}

Complaint telling(const std::string& message) {
  const auto complaints = complaints_of_server(message);
  for (auto it = complaints.rbegin(); it != complaints.rend(); ++it)
    if (it->sqlstate != "28000") return *it;
  if (!complaints.empty()) return complaints.back();
  // The lines after the first ask whether a server is running there.
  return {"", trim(without_address(message.substr(0, message.find('\n'))))};
}

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text ? text : "";
}

ErrorKind kind_of_statement(std::string_view state, bool lost) {
  if (state == "53300") return ErrorKind::TooManySessions;
  if (state == "42501") return ErrorKind::Forbidden;
  if (state == "57014") return ErrorKind::Timeout;
  if (lost || state.starts_with("57P0")) return ErrorKind::Unavailable;
  if (state.starts_with("53") || state.starts_with("58")) return ErrorKind::Unavailable;
  if (state.starts_with("XX")) return ErrorKind::Internal;
  return ErrorKind::Invalid;
}

std::string remedy_of_login(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Unauthorized:
      return "correct the username, password or sslmode in its Secret";
    case ErrorKind::TooManySessions:
      return "all sessions are taken: close some or raise the limit";
    default:
      return {};
  }
}

}  // namespace

Error login_error(const std::string& message, const std::string& object) {
  const Complaint complaint = telling(message);
  const ErrorKind kind =
      complaint.sqlstate.empty() ? kind_of_libpq(complaint.text) : kind_of_login(complaint);
  return {kind, complaint.text, object, remedy_of_login(kind)};
}

Error statement_error(const PGresult* result, bool lost, const std::string& object) {
  std::string text = field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (text.empty()) text = trim(PQresultErrorMessage(result));
  for (const int code : {static_cast<unsigned char>(PG_DIAG_MESSAGE_DETAIL),
                         static_cast<unsigned char>(PG_DIAG_MESSAGE_HINT)})
    if (const auto more = field(result, code); !more.empty()) text += " (" + more + ")";
  return {kind_of_statement(field(result, PG_DIAG_SQLSTATE), lost), std::move(text), object, {}};
}

Error lost_error(const std::string& message, const std::string& object) {
  std::string text = trim(message);
  for (auto& c : text)
    if (c == '\n' || c == '\t') c = ' ';
  return {ErrorKind::Unavailable, text.empty() ? "the connection was lost" : text, object, {}};
}

}  // namespace pgrightsizer::postgres
