#include <algorithm>

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/base/rfc3339.h"

namespace pgrightsizer::api {

const Condition* find_condition(const std::vector<Condition>& conditions, const std::string& type) {
  const auto present =
      std::find_if(conditions.begin(), conditions.end(),
                   [&](const Condition& condition) { return condition.type == type; });
  return present == conditions.end() ? nullptr : &*present;
}

void set_condition(std::vector<Condition>& conditions, Condition condition, WallTime now) {
  const Condition* present = find_condition(conditions, condition.type);
  if (present != nullptr && present->status == condition.status &&
      !present->last_transition_time.empty()) {
    condition.last_transition_time = present->last_transition_time;
  } else {
    condition.last_transition_time = to_rfc3339(std::chrono::floor<std::chrono::seconds>(now));
  }
  if (present != nullptr) {
    conditions[static_cast<std::size_t>(present - conditions.data())] = std::move(condition);
  } else {
    conditions.push_back(std::move(condition));
  }
}

void remove_condition(std::vector<Condition>& conditions, const std::string& type) {
  std::erase_if(conditions, [&](const Condition& condition) { return condition.type == type; });
}

}  // namespace pgrightsizer::api
