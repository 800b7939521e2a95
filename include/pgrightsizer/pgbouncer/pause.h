// PAUSE and RESUME on all pods of a pooler: their clients wait, and none is cut off.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "pgrightsizer/base/result.h"
#include "pgrightsizer/postgres/session.h"

namespace pgrightsizer::pgbouncer {

// One pod's console.
struct PauseTarget {
  std::string name;  // of the pod, for messages
  std::string host;
  int port = 5432;
  std::string user;
  std::string password;
};

// A PAUSE makes everybody wait whose transaction has ended, also while it waits for the others'.
inline constexpr std::chrono::milliseconds kPauseLimit{2'000};

// Pauses these databases on every pod, at the same time, or on none: what is not paused within
// `limit` is undone everywhere before this returns, 2 s later at most. Timeout when transactions held
// it up; the error names the pod. "Already paused" is success.
[[nodiscard]] Result<void> pause_all(const std::vector<PauseTarget>& targets,
                                     const std::vector<std::string>& databases,
                                     const postgres::Connect& open = postgres::Session::connect,
                                     std::chrono::milliseconds limit = kPauseLimit);

// Ends every pause on every pod that can be reached, and tells the first that cannot.
[[nodiscard]] Result<void> resume_all(const std::vector<PauseTarget>& targets,
                                      const postgres::Connect& open = postgres::Session::connect);

}  // namespace pgrightsizer::pgbouncer
