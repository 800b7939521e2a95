// Caps of live pooler pods: shrinking, growing, and making room on the direct route.
#pragma once

#include "situation.h"

namespace pgrightsizer::transition {

// The pool that pods share now: the plan's, or while that is direct the present one. A pool does
// not shrink before the scale-down window has passed.
[[nodiscard]] Count pool_in_force(const Situation& s);

// What each pod may have of it, all pods alive counted.
[[nodiscard]] Count share_now(const Situation& s);

// The operator can change this pod's cap.
[[nodiscard]] bool adjustable(const PoolerPod& pod);

// Shrinks a pod that was allowed more than `limit`.
[[nodiscard]] Rule shrink_rule(const Situation& s, Count limit, Topic topic);

// Announces what a pod started with: the boot cap in the file may change while it runs, and once it
// terminates nobody can ask it.
[[nodiscard]] Rule announce_rule(const Situation& s);

// Grows the pods with the smallest caps towards their share, evenly, into what is free; room for
// replacements stays free. Waits when there is none.
[[nodiscard]] Rule grow_rule(const Situation& s);

// RECONNECT for a pod that holds servers above its cap: a smaller cap alone closes none of them.
[[nodiscard]] Rule reconnect_rule(const Situation& s);

// Makes poolers hold no more than `budget`: boot cap, caps, RECONNECT, in this order. Silent when
// it is so; never shrinks for a budget that cannot be met.
[[nodiscard]] Rule make_room_rule(const Situation& s, Count budget, Topic topic);

}  // namespace pgrightsizer::transition
