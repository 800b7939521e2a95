// Streaming standbys: none may ever run, or start, with fewer connections than the primary had at
// the position it has replayed to. Raised before the primary, lowered after it, one at a time.
#pragma once

#include "situation.h"

namespace pgrightsizer::transition {

// The database has standbys, or should have.
[[nodiscard]] bool replicated(const Observation& seen);

// Every standby runs with the plan's value and would start with it: the primary may follow.
[[nodiscard]] bool standbys_are_raised(const Situation& s);

// Raises the standbys to the plan's value, before the primary is asked for it. Waits while one
// cannot be raised, whatever the reason: the primary would leave it behind. Silent when all are.
[[nodiscard]] Rule raise_standbys_rule(const Situation& s);

// A standby is up and does not stream from the primary: whatever it is, it is not what is meant.
// One that is down does not keep the primary from being lowered; it follows when it is back.
[[nodiscard]] Rule broken_replication_rule(const Situation& s);

// What is left to do once the primary runs with the value that it keeps: standbys that have
// replayed it follow, then the file, then no instance needs its postgresql.auto.conf any more.
// Silent at rest, and while a raise is due.
[[nodiscard]] Rule follow_primary_rule(const Situation& s);

// The primary's postgresql.auto.conf holds a value that nobody here has set.
[[nodiscard]] Rule foreign_primary_rule(const Situation& s);

// The primary does not start: its value is on its volume, out of reach of SQL. Silent without
// standbys.
[[nodiscard]] Rule failed_primary_rule(const Situation& s);

}  // namespace pgrightsizer::transition
