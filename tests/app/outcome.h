#pragma once

#include <string>
#include <string_view>

namespace pgrightsizer::app {

enum class Verdict { kSucceeded, kFailed, kUnknown };

// What came back for one statement: `ok` with its command tag, or an error.
struct Answer {
  bool ok = false;
  std::string tag;
  std::string sqlstate;
  std::string severity;
  std::string message;
};

// The five characters of the SQLSTATE in a message of libpq made with verbose errors
// ("FATAL:  53300: sorry, …"), or nothing. A refused connection has no result to ask: libpq keeps
// its SQLSTATE only in the text.
std::string sqlstate_in(std::string_view message);

// One word for counting: the SQLSTATE when there is one, else the kind of network failure
// ("ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "timeout", "closed", "dns"), else "other".
std::string failure_class(std::string_view sqlstate, std::string_view message);

// Whether a transaction happened, from what came back for its COMMIT. Only an ERROR on a connection
// that lives on proves that it did not: a FATAL may be sent after the commit record was written,
// and class 08 is a pooler that lost its server, in whatever severity it says so.
Verdict commit_verdict(const Answer& answer, bool connection_alive);

}  // namespace pgrightsizer::app
