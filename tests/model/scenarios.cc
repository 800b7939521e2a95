#include "checker.h"

namespace pgrightsizer::model {

// Together they meet every kind of event; each is explored in full. Every scenario starts at rest
// with each number of instances.
const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = {
      {"moves", {.scalings = 2, .replacements = 0}},
      {"replaced-poolers", {.scalings = 1, .replacements = 1, .container_restarts = 0}},
      {"failed-starts", {.scalings = 1, .failed_starts = 1, .server_crashes = 1}},
      {"failing-logins", {.scalings = 1, .replacements = 1, .login_failures = 1}},
  };
  return all;
}

}  // namespace pgrightsizer::model
