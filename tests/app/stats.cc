#include "app/stats.h"

#include <algorithm>
#include <cstdio>

#include "app/clocks.h"

namespace pgrightsizer::app {
namespace {

// The first of a class is worth a line in the log; the rest are in the counters.
void count(ByClass& classes, const char* what, const std::string& cls, const std::string& message,
           std::int64_t now_ms) {
  ClassCount& entry = classes[cls];
  if (entry.count++ == 0) {
    entry.first_ms = now_ms;
    std::fprintf(stderr, "first %s %s: %s\n", what, cls.c_str(), message.c_str());
  }
  entry.last_ms = now_ms;
  entry.message = message;
}

}  // namespace

std::uint64_t total(const ByClass& classes) {
  std::uint64_t sum = 0;
  for (const auto& [cls, entry] : classes) sum += entry.count;
  return sum;
}

void Stats::count_succeeded(std::int64_t seq, std::uint64_t latency_us) {
  acked_.add(seq);
  latency_.record(latency_us);
  Timeline::Second& second = timeline_.at(wall_ms() / 1000);
  ++second.succeeded;
  second.slowest_ms = std::max(second.slowest_ms, static_cast<std::uint32_t>(latency_us / 1000));
}

void Stats::count_failed(const std::string& cls, const std::string& message) {
  const std::int64_t now_ms = wall_ms();
  count(failed_, "failed transaction", cls, message, now_ms);
  ++timeline_.at(now_ms / 1000).failed;
}

void Stats::count_refused(const std::string& cls, const std::string& message) {
  const std::int64_t now_ms = wall_ms();
  count(refused_, "refused connection", cls, message, now_ms);
  ++timeline_.at(now_ms / 1000).refused;
}

void Stats::count_unknown(const std::string& cls, const std::string& message) {
  const std::int64_t now_ms = wall_ms();
  count(unknown_, "transaction of unknown outcome", cls, message, now_ms);
  ++timeline_.at(now_ms / 1000).unknown;
}

}  // namespace pgrightsizer::app
