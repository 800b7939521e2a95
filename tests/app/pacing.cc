#include "app/pacing.h"

#include <algorithm>

namespace pgrightsizer::app {
namespace {

Duration scaled(Duration value, double factor) {
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double, Duration::period>(static_cast<double>(value.count()) * factor));
}

double between(double low, double high, Random& random) {
  return std::uniform_real_distribution<double>(low, high)(random);
}

}  // namespace

Duration jittered(Duration value, double fraction, Random& random) {
  return scaled(value, between(1.0 - fraction, 1.0 + fraction, random));
}

double capped_rate(double rate, double total_cap, int instances) {
  if (instances <= 0 || total_cap <= 0) return rate;
  return std::min(rate, total_cap / instances);
}

Schedule::Schedule(double rate_per_s, TimePoint start, Random& random)
    : random_(random), interval_(0), slot_(kNever), next_(kNever) {
  if (rate_per_s <= 0) return;
  interval_ = scaled(std::chrono::seconds(1), 1.0 / rate_per_s);
  slot_ = start + scaled(interval_, between(0.0, 1.0, random_));
  next_ = slot_;
}

void Schedule::advance() {
  if (next_ == kNever) return;
  slot_ += interval_;
  next_ = slot_ + scaled(interval_, between(-0.25, 0.25, random_));
}

Backoff::Backoff(Duration first, Duration longest, Random& random)
    : random_(random), first_(first), longest_(longest) {}

Duration Backoff::fail() {
  failures_ = std::min(failures_ + 1, 20);
  const Duration bound = std::min(longest_, first_ * (std::int64_t{1} << failures_));
  return scaled(bound, between(0.5, 1.0, random_));
}

}  // namespace pgrightsizer::app
