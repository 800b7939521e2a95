// Wrong operators. Each takes the real next_step() and lies to it about one observation, or does
// one thing out of its order, as somebody who did not know better would. The checker must find the
// connections that each of them costs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pgrightsizer/transition/transition.h"

namespace pgrightsizer::model {

using Decide = std::function<transition::Step(const transition::Observation&, const sizing::Plan&,
                                              const transition::Rules&, const transition::History&,
                                              transition::Time)>;

struct Mutation {
  std::string name;
  std::string what;
  Decide decide;
};

[[nodiscard]] const std::vector<Mutation>& mutations();

}  // namespace pgrightsizer::model
