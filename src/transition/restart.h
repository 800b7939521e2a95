// Bringing max_connections to the plan's value: who may restart PostgreSQL, and when.
#pragma once

#include "situation.h"

namespace pgrightsizer::transition {

// What a change of max_connections would cost and how much it is wanted now.
struct Occasion {
  bool costs_nothing = false;  // all traffic is pooled
  bool needed = false;         // what may connect does not fit the running server
  bool urgent = false;         // it is a raise, and the server is critically saturated
};

// Raises the running value to the plan's. A raise is requested at once (an accidental restart then
// does good); the restart waits for the policy. Silent when the server is large enough.
[[nodiscard]] Rule raise_rule(const Situation& s, const Occasion& occasion);

// Lowers it, when `obstacle` is absent. A lowering is requested only together with its restart: a
// crash of PostgreSQL in between would put it in force before its time. `prepare` acts between
// permission and request. When the server is not larger than planned, as keep_rule().
[[nodiscard]] Rule lower_rule(const Situation& s, const Occasion& occasion, Rule obstacle,
                              Rule prepare = std::nullopt);

// While the server is large enough and no lowering is due, the requested value is the running one:
// an accidental restart must not change anything.
[[nodiscard]] Rule keep_rule(const Situation& s);

}  // namespace pgrightsizer::transition
