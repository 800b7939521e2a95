#include "checker.h"

namespace pgrightsizer::model {

// Together they meet every kind of event; each is explored in full. Every scenario starts at rest
// with each of its numbers of instances: 1 and 3 are direct, 4 and 6 the two tiers.
const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = {
      {.name = "failed-starts", .budget = {.scalings = 1, .failed_starts = 1, .server_crashes = 1}},
      {.name = "restarted-containers",
       .budget = {.scalings = 1, .replacements = 1, .container_restarts = 1},
       .instance_counts = {3, 4, 6}},
      {.name = "failing-logins",
       .budget = {.scalings = 1, .replacements = 1, .login_failures = 1},
       .instance_counts = {3, 4}},
      {.name = "turned-moves", .budget = {.scalings = 2}},
  };
  return all;
}

}  // namespace pgrightsizer::model
