#include <algorithm>

#include "pgrightsizer/sizing/sizing.h"

namespace pgrightsizer::sizing {

namespace {

Count bounded(Count value) { return std::clamp(value, Count{0}, kSaturated); }

}  // namespace

Count saturating_add(Count a, Count b) {
  // Two bounded summands stay below 2^41: no overflow before the cut.
  return bounded(bounded(a) + bounded(b));
}

Count saturating_multiply(Count a, Count b) {
  a = bounded(a);
  b = bounded(b);
  if (a == 0 || b == 0) return 0;
  return a > kSaturated / b ? kSaturated : a * b;
}

}  // namespace pgrightsizer::sizing
