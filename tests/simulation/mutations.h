// Operators without one of the safety rules: those of the model, and what only a whole run can show.
#pragma once

#include "model/mutations.h"

namespace pgrightsizer::simulation {

[[nodiscard]] std::vector<model::Mutation> mutations();

}  // namespace pgrightsizer::simulation
