#include "pgrightsizer/guard/rule.h"

namespace pgrightsizer::guard {

bool database_decides(std::optional<BootTime> paused_since, BootTime now,
                      std::chrono::seconds limit) {
  return paused_since && now - *paused_since >= limit && now - *paused_since < limit + kGrace;
}

Verdict judge(const Sight& sight, std::optional<BootTime> paused_since, BootTime now,
              std::chrono::seconds limit) {
  // A console that is silent for a moment ends no pause: its clients may be waiting all the same.
  if (!sight.paused) return {paused_since, false};
  if (!*sight.paused) return {};
  // A time from before the machine was started, or from its future, is no time of this pause.
  const bool known = paused_since && *paused_since <= now;
  const BootTime since = known ? *paused_since : now;
  const bool resume = database_decides(since, now, limit) ? sight.database_accepts
                                                           : now - since >= limit;
  return {since, resume};
}

}  // namespace pgrightsizer::guard
