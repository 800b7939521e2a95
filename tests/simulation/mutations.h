// Operators without one of the safety rules: those of the model, what only a whole run can show, and
// informers and API servers that are not what the operator relies on.
#pragma once

#include <string>
#include <vector>

#include "run.h"

namespace pgrightsizer::simulation {

struct Mutation {
  std::string name;
  std::string what;
  Settings settings;
};

[[nodiscard]] std::vector<Mutation> mutations();

}  // namespace pgrightsizer::simulation
