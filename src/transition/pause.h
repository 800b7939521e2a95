// A restart behind the pooler: clients wait instead of being cut off.
#pragma once

#include "situation.h"

namespace pgrightsizer::transition {

[[nodiscard]] bool any_paused(const Observation& seen);

// What must be done before PostgreSQL may be restarted, in this order: no transaction holds up a
// PAUSE, no pooler pod comes or goes, CHECKPOINT, no rollout of the poolers begins, every pooler is
// paused. Without traffic through a pooler only the CHECKPOINT. Silent when the restart may be done
// now.
[[nodiscard]] Rule before_restart_rule(const Situation& s);

// While poolers are paused and PostgreSQL is up: `wanted` is what would be done otherwise. Only the
// restart that the pause is for goes on; anything else must wait until the pause has ended.
[[nodiscard]] Step while_paused(const Situation& s, const Step& wanted);

// Rollouts that were held go on once no restart is being prepared.
[[nodiscard]] Step thaw_when_done(const Situation& s, Step wanted);

}  // namespace pgrightsizer::transition
