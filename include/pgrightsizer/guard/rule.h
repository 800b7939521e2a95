// The dead man's switch of a pooler: nothing stays paused for longer than a limit, whoever paused it
// and whoever is dead. Pure.
#pragma once

#include <chrono>
#include <optional>

namespace pgrightsizer::guard {

// Of a clock that goes on while the machine sleeps and starts anew with it: CLOCK_BOOTTIME.
using BootTime = std::chrono::milliseconds;

// PostgreSQL gets this much longer to come back: resumed clients would only meet errors before.
inline constexpr std::chrono::seconds kGrace{5};

struct Sight {
  // Whether a database is paused; nullopt: the console did not answer.
  std::optional<bool> paused;
  bool database_accepts = false;  // looked at only while it decides
};

struct Verdict {
  std::optional<BootTime> paused_since;  // what is to be remembered
  bool resume = false;
};

// Whether the database must be asked: between the limit and the end of the grace. Later a pause ends
// without, so that nothing that is silent can prolong it.
[[nodiscard]] bool database_decides(std::optional<BootTime> paused_since, BootTime now,
                                    std::chrono::seconds limit);

[[nodiscard]] Verdict judge(const Sight& sight, std::optional<BootTime> paused_since, BootTime now,
                            std::chrono::seconds limit);

}  // namespace pgrightsizer::guard
