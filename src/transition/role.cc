#include "role.h"

namespace pgrightsizer::transition {

namespace {

constexpr Count kUnlimited = -1;

std::string text_of(Count limit) { return limit == kUnlimited ? "none" : std::to_string(limit); }

Step set_limit(const Situation& s, Count limit, const std::string& why) {
  const Count present = s.seen.role_limit.value_or(kUnlimited);
  Step step = step_of(StepKind::SetRoleLimit, Topic::RoleLimit,
                      say("the role's connection limit ", text_of(present), " to ", text_of(limit),
                          ": ", why));
  step.value = limit;
  step.old_value = present;
  return step;
}

}  // namespace

Rule role_limit_rule(const Situation& s) {
  if (!s.rules.role_limit || !s.seen.role_limit || !s.seen.route_settled) return std::nullopt;
  const Count wanted = *s.rules.role_limit;
  const Count present = *s.seen.role_limit;
  if (present == wanted) return std::nullopt;
  const bool lower = present == kUnlimited || wanted < present;
  if (lower && s.seen.role_sessions > wanted) {
    return wait(Topic::RoleLimit, say("the role's connection limit stays ", text_of(present), ": ",
                                      s.seen.role_sessions, " sessions > ", wanted));
  }
  return set_limit(s, wanted, s.plan.formula);
}

Rule lift_role_limit_rule(const Situation& s) {
  if (!s.rules.role_limit || s.seen.role_limit.value_or(kUnlimited) == kUnlimited) {
    return std::nullopt;
  }
  return set_limit(s, kUnlimited, "the pool is the limit");
}

}  // namespace pgrightsizer::transition
