// What every rule looks at, and how rules are strung together.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "pgrightsizer/transition/transition.h"

namespace pgrightsizer::transition {

// One turn's view. The references live as long as the call of next_step().
struct Situation {
  const Observation& seen;
  const sizing::Plan& plan;
  const Rules& rules;
  const History& history;
  Time now;
};

// A rule acts (a step), waits (a step of kind Wait) or has nothing to say.
using Rule = std::optional<Step>;

// Sums up the rules of one turn: the first that acts wins; else the first that waits is told.
class Turn {
 public:
  // True when the rule acts: nothing after it may be looked at.
  bool take(Rule rule) {
    if (!rule) return false;
    if (rule->kind != StepKind::Wait) {
      step_ = std::move(*rule);
      return true;
    }
    if (step_.kind == StepKind::None) step_ = std::move(*rule);
    return false;
  }

  [[nodiscard]] Step result() && { return std::move(step_); }

 private:
  Step step_;
};

inline void append(std::string& text, std::string_view part) { text += part; }
template <typename Number>
  requires std::is_integral_v<Number>
void append(std::string& text, Number part) {
  text += std::to_string(part);
}

// A sentence from its parts.
template <typename... Parts>
[[nodiscard]] std::string say(const Parts&... parts) {
  std::string text;
  (append(text, parts), ...);
  return text;
}

[[nodiscard]] inline Step step_of(StepKind kind, Topic topic, std::string reason) {
  Step step;
  step.kind = kind;
  step.topic = topic;
  step.reason = std::move(reason);
  return step;
}

[[nodiscard]] inline Step wait(Topic topic, std::string reason,
                               std::optional<Time> deadline = std::nullopt) {
  Step step = step_of(StepKind::Wait, topic, std::move(reason));
  step.deadline = deadline;
  return step;
}

// No application session is direct, in three looks, and none can arrive any more.
[[nodiscard]] inline bool all_pooled(const Observation& seen) {
  return seen.route == Route::Pooler && seen.route_settled && seen.direct_sessions == 0 &&
         seen.looks_without_direct >= 3;
}

}  // namespace pgrightsizer::transition
