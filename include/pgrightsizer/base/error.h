// What went wrong, on which object, and what to do about it: the only form in which a failure
// that can happen at run time travels between modules.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace pgrightsizer {

// What a caller may want to tell apart. Everything else is in the text.
enum class ErrorKind {
  NotFound,          // the object does not exist
  AlreadyExists,     // it exists already
  Conflict,          // it changed since it was read (HTTP 409, a failed JSON-patch test)
  Gone,              // the resourceVersion is too old (HTTP 410)
  Behind,            // this API server has not seen a resourceVersion that another one told yet
  Invalid,           // the input is wrong and stays wrong until somebody edits it
  Unauthorized,      // the credentials are wrong
  Forbidden,         // the credentials are right and not enough
  TooManyRequests,   // the API server asks to slow down; see retry_after
  TooManySessions,   // PostgreSQL: SQLSTATE 53300
  Unavailable,       // cannot be reached now, may be later
  Timeout,           // no answer in time; the effect is unknown
  Cancelled,         // we were asked to stop
  Internal,          // a defect, ours or theirs
};

[[nodiscard]] std::string_view to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::Internal;
  std::string what;    // the sentence: what failed and how
  std::string object;  // "ConfigMap shop/postgres-config", may be empty
  std::string remedy;  // what the reader can do; may be empty
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;

  // "ConfigMap shop/postgres-config: key postgresql.conf is missing; add it or change spec…"
  [[nodiscard]] std::string message() const;
};

}  // namespace pgrightsizer
