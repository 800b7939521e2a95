// Replica counts over time, per workload: what may be acted on now. Up follows after scale_up seconds, down
// after scale_down seconds, as a HorizontalPodAutoscaler's behaviour does. In memory only: after a
// take-over the windows start anew, so that a fresh operator never lowers at once.
#pragma once

#include <chrono>
#include <deque>
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
    std::vector<sizing::Workload> workloads;  // with the replicas that the plan should use
    sizing::Count peak_sessions = 0;  // the highest number of direct sessions over scale_down
    bool stabilized = false;      // the scale-down window has been watched in full
    std::chrono::seconds wait{0}; // until something held back now may move; 0: nothing is
  };

  [[nodiscard]] Counted observe(Instant now, const std::vector<sizing::Workload>& workloads,
                                sizing::Count direct_sessions, const Windows& windows);

 private:
  struct Sample {
    Instant at;
    std::vector<sizing::Workload> workloads;
    sizing::Count sessions;
  };
  std::deque<Sample> samples_;  // one per change and per look, bounded by the longer window
};

}  // namespace pgrightsizer::transition
