#include "saturation.h"

#include <algorithm>

namespace pgrightsizer::controller {

namespace {

using sizing::Count;

constexpr Count kWarningPercent = 80;
constexpr Count kCriticalPercent = 95;
constexpr Count kCriticalWaitMilliseconds = 100;

}  // namespace

bool Saturation::wait_too_long() const { return wait_milliseconds > kCriticalWaitMilliseconds; }
bool Saturation::warning() const { return percent() > kWarningPercent; }
bool Saturation::critical() const { return percent() > kCriticalPercent; }

Saturation saturation_of(const Facts& facts) {
  const auto& seen = facts.seen;
  Saturation out;
  out.used = facts.sessions;
  out.limit = seen.usable();
  if (!seen.pooler) return out;
  Count active = 0;
  for (const auto& pod : facts.pods) {
    if (!pod.snapshot) continue;
    for (const auto& pool : pod.snapshot->pools) {
      active += pool.servers_active;
      out.wait_milliseconds = std::max<Count>(out.wait_milliseconds, pool.longest_wait.count() / 1000);
    }
  }
  out.pooled = seen.route == transition::Route::Pooler && seen.route_settled && seen.direct_sessions == 0;
  if (!out.pooled) return out;
  out.used = active;
  out.limit = seen.pooler->pool_size;
  return out;
}

}  // namespace pgrightsizer::controller
