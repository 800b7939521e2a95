// How a plan came about, in one sentence for people.
#pragma once

#include <string>

#include "pgrightsizer/sizing/sizing.h"

namespace pgrightsizer::sizing {

// Why the pooler is in the plan.
enum class PoolerCause { Threshold, Kept, BeyondCeiling, Always };

[[nodiscard]] std::string direct_formula(const Plan& plan, const Settings& settings);
[[nodiscard]] std::string pooled_formula(const Plan& plan, const Settings& settings,
                                         PoolerCause cause);
[[nodiscard]] std::string hold_formula();

}  // namespace pgrightsizer::sizing
