// Replica counts over time, per workload: what may be acted on now. Up follows when the count has
// not risen for scale_up seconds, or after twice that, down after scale_down seconds. In memory
// only: after a take-over the windows start anew, so that a fresh operator never lowers at once.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "pgrightsizer/sizing/sizing.h"

namespace pgrightsizer::transition {

// Not thread-safe: one per policy, used by the worker that holds the policy's key.
class Stabilizer {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  struct Windows {
    std::chrono::seconds scale_up{0};
    std::chrono::seconds scale_down{300};
  };

  struct Counted {
    // With the replicas that the plan should use. A workload that is no longer there stays, at the
    // end, until the scale-down window has passed.
    std::vector<sizing::Workload> workloads;
    sizing::Count peak_sessions = 0;  // the highest number of direct sessions over scale_down
    // The scale-down window has been watched in full, and holds nothing back now.
    bool stabilized = false;
    std::chrono::seconds wait{0};  // until something held back now may move; 0: nothing is
  };

  // Call it with every look; `now` must not run backwards.
  [[nodiscard]] Counted observe(Instant now, const std::vector<sizing::Workload>& workloads,
                                sizing::Count direct_sessions, const Windows& windows);

 private:
  // Looks with the same counts, from the first to the moment the next sample began.
  struct Sample {
    Instant from;
    Instant until;
    std::vector<sizing::Workload> workloads;
    sizing::Count sessions;
  };
  struct Range {
    sizing::Count least;
    sizing::Count most;
    Instant less_until;  // when fewer than now were last seen
    Instant more_until;  // when more than now were last seen
  };

  void remember(Instant now, const std::vector<sizing::Workload>& workloads, sizing::Count sessions,
                const Windows& windows);
  [[nodiscard]] Range range(const sizing::Workload& workload, Instant now,
                            std::chrono::seconds window) const;
  [[nodiscard]] Instant above_since(const sizing::Workload& workload, sizing::Count count) const;
  [[nodiscard]] sizing::Count count(const sizing::Workload& workload, Instant now,
                                    const Windows& windows, Counted& counted) const;

  std::optional<Instant> watching_since_;
  std::deque<Sample> samples_;  // bounded by the longer of two scale_up and one scale_down
  std::vector<sizing::Workload> in_force_;
};

}  // namespace pgrightsizer::transition
