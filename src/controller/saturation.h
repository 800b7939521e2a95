// How full the route in force is, against the specification's thresholds.
#pragma once

#include "facts.h"

namespace pgrightsizer::controller {

struct Saturation {
  bool pooled = false;          // of the pool; else of the usable connections
  sizing::Count used = 0;       // active servers of the pool, or sessions
  sizing::Count limit = 0;      // 0: not measured
  sizing::Count wait_milliseconds = 0;  // the longest wait of a client of the pooler

  [[nodiscard]] sizing::Count percent() const { return limit > 0 ? used * 100 / limit : 0; }
  [[nodiscard]] bool wait_too_long() const;
  [[nodiscard]] bool warning() const;   // above 80 %
  [[nodiscard]] bool critical() const;  // above 95 %
};

[[nodiscard]] Saturation saturation_of(const Facts& facts);

}  // namespace pgrightsizer::controller
