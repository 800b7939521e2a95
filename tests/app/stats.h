#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "app/histogram.h"
#include "app/ranges.h"
#include "app/timeline.h"

namespace pgrightsizer::app {

// How often one class of failure happened, and when first and last (wall time).
struct ClassCount {
  std::uint64_t count = 0;
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
  std::string message;  // of the last one
};

using ByClass = std::map<std::string, ClassCount>;

std::uint64_t total(const ByClass& classes);

// Everything that is counted. A transaction that was scheduled ends as exactly one of succeeded,
// failed, unknown, skipped or abandoned, or is still queued or in flight.
class Stats {
 public:
  std::uint64_t intended = 0;   // scheduled so far
  std::uint64_t skipped = 0;    // waited too long for a connection; nothing was sent
  std::uint64_t abandoned = 0;  // still waiting when the process was told to stop

  std::uint64_t attempted_connects = 0;
  std::uint64_t opened = 0;
  std::uint64_t expired = 0;             // closed because their life was over
  std::uint64_t lost_idle = 0;           // found closed while nobody used them
  std::uint64_t failed_validations = 0;  // found dead on borrow; the transaction took another one

  void count_succeeded(std::int64_t seq, std::uint64_t latency_us);
  void count_failed(const std::string& cls, const std::string& message);
  void count_refused(const std::string& cls, const std::string& message);
  void count_unknown(const std::string& cls, const std::string& message);

  std::uint64_t succeeded() const { return acked_.count(); }
  const ByClass& failed() const { return failed_; }    // certainly not committed
  const ByClass& refused() const { return refused_; }  // connection attempts
  const ByClass& unknown() const { return unknown_; }  // COMMIT sent, no answer
  const Histogram& latency() const { return latency_; }
  const Timeline& timeline() const { return timeline_; }
  const Ranges& acked() const { return acked_; }

 private:
  ByClass failed_;
  ByClass refused_;
  ByClass unknown_;
  Histogram latency_;
  Timeline timeline_;
  Ranges acked_;
};

}  // namespace pgrightsizer::app
