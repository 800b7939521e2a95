#pragma once

#include <random>

#include "app/clocks.h"

namespace pgrightsizer::app {

using Random = std::minstd_rand;

// Open-loop arrivals: one at every interval after a random phase, each moved by up to a quarter of
// the interval. The moves do not add up, so the rate is exact; a slow database does not slow the
// arrivals down.
class Schedule {
 public:
  // `rate_per_s` 0 means no arrivals at all.
  Schedule(double rate_per_s, TimePoint start, Random& random);

  TimePoint next() const { return next_; }
  void advance();

 private:
  Random& random_;
  Duration interval_;
  TimePoint slot_;  // the arrival's place before it is moved
  TimePoint next_;
};

// How long to wait before connecting again: doubles with each failure from `first` to `longest`,
// each time somewhere in the upper half, so that many instances do not come back in step.
class Backoff {
 public:
  Backoff(Duration first, Duration longest, Random& random);

  Duration fail();
  void reset() { failures_ = 0; }
  bool failing() const { return failures_ > 0; }

 private:
  Random& random_;
  Duration first_;
  Duration longest_;
  int failures_ = 0;
};

// `value` ± `fraction` of it, evenly.
Duration jittered(Duration value, double fraction, Random& random);

// The rate of one instance: `rate`, or less when `instances` of them would exceed `total_cap`.
// `instances` 0 means unknown.
double capped_rate(double rate, double total_cap, int instances);

}  // namespace pgrightsizer::app
