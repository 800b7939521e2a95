#include "conditions.h"

namespace pgrightsizer::controller {

api::Condition saturated(const Turn& turn, const api::Status& status) {
  if (!status.current)
    return {"Saturated", "Unknown", "NotMeasured", "the database has not been seen yet", 0, {}};
  const auto& [now, state, silent, cause] = turn.facts.saturation;
  const auto window = turn.policy.spec.saturation.thresholds.window.count();
  if (!state) {
    if (silent)
      return {"Saturated", "Unknown", "NotMeasured",
              "nothing could be measured for " + std::to_string(window) + " s", 0, {}};
    // After a take-over what was said last is said until it has been measured again.
    if (const auto* before = api::find_condition(status.conditions, "Saturated"))
      if (before->status != "Unknown") return *before;
    return {"Saturated", "Unknown", "NotMeasured",
            "not measured for " + std::to_string(window) + " s yet (spec.saturation.forSeconds)", 0, {}};
  }
  const bool normal = state->level == saturation::Level::Normal;
  std::string message =
      std::to_string(static_cast<int>(state->percent)) + " % over " + std::to_string(window) + " s";
  if (now.limit > 0)
    message += ", now " + std::to_string(now.used) + " of " + std::to_string(now.limit) +
               (now.of_clients ? " clients of the poolers"
                : now.pooled   ? " of the pool"
                               : " usable connections");
  if (!normal)
    message += "; wait " + std::to_string(state->wait.count() / 1000) + " ms; cause " +
               saturation::to_string(cause.cause) + ": " + cause.evidence;
  return {"Saturated", normal ? "False" : "True", saturation::to_string(state->level), message, 0, {}};
}

}  // namespace pgrightsizer::controller
