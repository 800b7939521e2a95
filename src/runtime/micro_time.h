// Kubernetes' MicroTime: RFC 3339 with six digits behind the point.
#pragma once

#include <string>

#include "pgrightsizer/base/clock.h"

namespace pgrightsizer::runtime {

[[nodiscard]] std::string micro_time(WallTime time);

}  // namespace pgrightsizer::runtime
