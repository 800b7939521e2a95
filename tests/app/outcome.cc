#include "app/outcome.h"

#include <algorithm>
#include <array>
#include <utility>

namespace pgrightsizer::app {
namespace {

bool is_sqlstate(std::string_view text) {
  return text.size() == 5 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
         });
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kWords{{
    {"Connection refused", "ECONNREFUSED"},
    {"reset by peer", "ECONNRESET"},
    {"No route to host", "EHOSTUNREACH"},
    {"unreachable", "EHOSTUNREACH"},
    {"timed out", "timeout"},
    {"timeout expired", "timeout"},
    {"closed the connection", "closed"},
    {"closed unexpectedly", "closed"},
    {"could not translate host name", "dns"},
}};

}  // namespace

std::string sqlstate_in(std::string_view message) {
  constexpr std::string_view kAfterSeverity = ":  ";
  // The last one counts: a second address or a second try without TLS is the final word.
  for (std::size_t at = message.rfind(kAfterSeverity); at != std::string_view::npos;
       at = at == 0 ? std::string_view::npos : message.rfind(kAfterSeverity, at - 1)) {
    const std::string_view code = message.substr(at + kAfterSeverity.size(), 5);
    const std::string_view rest = message.substr(at + kAfterSeverity.size() + code.size());
    if (is_sqlstate(code) && rest.starts_with(":")) return std::string(code);
  }
  return {};
}

std::string failure_class(std::string_view sqlstate, std::string_view message) {
  if (!sqlstate.empty()) return std::string(sqlstate);
  for (const auto& [words, name] : kWords) {
    if (message.find(words) != std::string_view::npos) return std::string(name);
  }
  return "other";
}

Verdict commit_verdict(const Answer& answer, bool connection_alive) {
  // COMMIT of a transaction that had failed is answered with ROLLBACK, and not as an error.
  if (answer.ok) return answer.tag == "COMMIT" ? Verdict::kSucceeded : Verdict::kFailed;
  const bool refused = answer.severity == "ERROR" && !answer.sqlstate.starts_with("08");
  return refused && connection_alive ? Verdict::kFailed : Verdict::kUnknown;
}

}  // namespace pgrightsizer::app
