#include "standbys.h"

#include <algorithm>

namespace pgrightsizer::transition {

namespace {

// A standby that restarts is back by then; after it the others do not wait for it any more.
constexpr seconds kPatience{120};

// What its next start will use; 0: nobody knows.
Count next_start(const Standby& standby) { return standby.pinned.value_or(standby.mounted); }

bool healthy(const Standby& standby) {
  return standby.up && !standby.terminating && standby.streaming && !standby.replay_paused;
}

// It may only need more connections: then raising it is the cure.
bool held_back(const Situation& s, const Standby& standby) {
  return standby.up && !standby.terminating && standby.effective < s.seen.effective;
}

// Values that a step of ours, this one or one that a crash cut short, may have left behind: what
// any instance runs with, what the file says, what is wanted, what a restart in flight is about.
bool known(const Situation& s, Count value) {
  const Observation& seen = s.seen;
  if (value == seen.file || value == seen.effective || value == s.plan.max_connections) return true;
  const auto runs_with = [&](const Standby& standby) { return standby.effective == value; };
  if (std::any_of(seen.standbys.begin(), seen.standbys.end(), runs_with)) return true;
  if (std::find(seen.pins.begin(), seen.pins.end(), value) != seen.pins.end()) return true;
  if (s.history.restarts.empty()) return false;
  const Restart& last = s.history.restarts.back();
  return value == last.from || value == last.to;
}

Rule foreign(const Situation& s, const std::string& pod, std::optional<Count> pinned) {
  if (!pinned || known(s, *pinned)) return std::nullopt;
  return wait(Topic::ForeignChange,
              say("postgresql.auto.conf of pod ", pod, " sets max_connections ", *pinned,
                  ", which this policy has not asked for: run ALTER SYSTEM RESET max_connections "
                  "there, or settle who owns the value"));
}

std::string state_of(const Standby& standby) {
  if (standby.terminating) return "restarts";
  if (!standby.up) return "cannot be reached";
  if (!standby.streaming) return "does not stream from the primary";
  return "has paused its replay";
}

// Why this standby cannot be counted on.
Step away_wait(const Standby& standby) {
  if (standby.start_failure) {
    return wait(Topic::StandbyFailed,
                say("pod ", standby.name, " does not start: ", *standby.start_failure,
                    "; its value is in postgresql.auto.conf on its volume: give the pod what it "
                    "lacks, or correct max_connections there"));
  }
  const bool lasting = standby.up && !standby.terminating;
  return wait(lasting ? Topic::ReplicationBroken : Topic::Standby,
              say("standby ", standby.name, " ", state_of(standby)));
}

// For so short a time that it is expected back.
bool expected_back(const Situation& s, const Standby& standby) {
  if (standby.start_failure) return false;
  return !standby.away_since || s.now < *standby.away_since + kPatience;
}

Step act_on(StepKind kind, const Standby& standby, Count value, Count old_value,
            std::string reason) {
  Step step = step_of(kind, Topic::Standby, std::move(reason));
  step.pod = standby.name;
  step.value = value;
  step.old_value = old_value;
  return step;
}

// Commits wait for synchronous standbys: one that is needed may not restart.
Rule not_restartable(const Situation& s, const Standby& standby) {
  if (standby.cannot_restart) {
    return wait(Topic::RestartUnsafe,
                say("standby ", standby.name, " waits: ", *standby.cannot_restart));
  }
  if (!s.seen.synchronous_spare || *s.seen.synchronous_spare > 0) return std::nullopt;
  return wait(Topic::RestartUnsafe,
              say("standby ", standby.name,
                  " is needed by synchronous_standby_names: its restart would hold up every commit; "
                  "add a standby, or let it name fewer"));
}

// First its own file, so that whatever restarts it does good, then its pod.
Rule bring_to(const Situation& s, const Standby& standby, Count value) {
  if (Rule not_ours = foreign(s, standby.name, standby.pinned)) return not_ours;
  const bool runs = standby.effective == value;
  if (!runs) {
    if (Rule not_now = not_restartable(s, standby)) return not_now;
  }
  if (next_start(standby) != value) {
    return act_on(StepKind::PinStandby, standby, value, next_start(standby),
                  say("set max_connections ", value, " on standby ", standby.name, " (was ",
                      next_start(standby), ")"));
  }
  if (runs) return std::nullopt;
  return act_on(StepKind::RestartStandby, standby, value, standby.effective,
                say("restart standby ", standby.name, " for max_connections ", standby.effective,
                    " to ", value));
}

// A smaller value is safe once the primary's own is replayed, and no crash can make it replay what
// came before.
Rule lower_standby(const Situation& s, const Standby& standby) {
  const Count value = s.seen.effective;
  if (!standby.caught_up) {
    return wait(Topic::Standby,
                say("standby ", standby.name, " has not replayed max_connections ", value, " yet"));
  }
  if (!standby.restartpoint) {
    return act_on(StepKind::CheckpointStandby, standby, value, standby.effective,
                  say("restartpoint of standby ", standby.name, ": from the present one it would ",
                      "replay a larger max_connections again"));
  }
  return bring_to(s, standby, value);
}

bool settled(const Standby& standby, Count value) {
  return healthy(standby) && standby.effective == value && next_start(standby) == value;
}

Rule follow_standby(const Situation& s, const Standby& standby) {
  const Count value = s.seen.effective;
  if (settled(standby, value)) return std::nullopt;
  if (held_back(s, standby)) return bring_to(s, standby, value);
  if (!healthy(standby)) return away_wait(standby);
  // Above it, or about to be below it at the next start.
  if (standby.effective > value) return lower_standby(s, standby);
  return bring_to(s, standby, value);
}

Rule follow_standbys(const Situation& s) {
  Turn turn;
  for (const Standby& standby : s.seen.standbys) {
    const bool away = !healthy(standby) && !held_back(s, standby);
    if (away && expected_back(s, standby)) return away_wait(standby);
  }
  for (const Standby& standby : s.seen.standbys) {
    if (turn.take(follow_standby(s, standby))) break;
  }
  Step result = std::move(turn).result();
  if (result.kind == StepKind::None) return std::nullopt;
  return result;
}

// The file, when every instance runs with its value: a smaller one would keep down a standby that
// has not replayed it.
Rule follow_file(const Situation& s) {
  if (s.seen.file == s.seen.effective) return std::nullopt;
  Step step = step_of(StepKind::WriteFile, Topic::Standby,
                      say("every instance runs with max_connections ", s.seen.effective,
                          ": the file follows (was ", s.seen.file, ")"));
  step.value = s.seen.effective;
  step.old_value = s.seen.file;
  return step;
}

Rule follow_mounts(const Situation& s) {
  const Count value = s.seen.effective;
  const auto not_yet = [&](const std::string& pod, Count shown) -> Rule {
    if (shown == value) return std::nullopt;
    return wait(Topic::Standby, say("the file mounted in pod ", pod, " shows max_connections ",
                                    shown, ", not ", value, " yet"));
  };
  bool any = s.seen.pinned.has_value();
  for (const Standby& standby : s.seen.standbys) any = any || standby.pinned;
  if (!any) return std::nullopt;
  if (Rule lags = not_yet(s.seen.primary, s.seen.mounted)) return lags;
  for (const Standby& standby : s.seen.standbys) {
    if (Rule lags = not_yet(standby.name, standby.mounted)) return lags;
  }
  Step step = step_of(StepKind::ResetInstance, Topic::Standby, "");
  step.value = value;
  step.pod = s.seen.primary;
  for (const Standby& standby : s.seen.standbys) {
    if (standby.pinned) step.pod = standby.name;
  }
  step.reason = say("the file mounted in every pod shows max_connections ", value,
                    ": postgresql.auto.conf of pod ", step.pod, " is not needed any more");
  return step;
}

// Something of ours is left to do. A standby that is away at rest is not our business.
bool unfinished(const Observation& seen) {
  if (seen.file != seen.effective || seen.pinned) return true;
  return std::any_of(seen.standbys.begin(), seen.standbys.end(), [&](const Standby& standby) {
    return standby.up && (standby.pinned || standby.effective != seen.effective);
  });
}

}  // namespace

bool replicated(const Observation& seen) { return !seen.standbys.empty(); }

bool standbys_are_raised(const Situation& s) {
  return std::all_of(s.seen.standbys.begin(), s.seen.standbys.end(), [&](const Standby& standby) {
    return healthy(standby) && standby.effective >= s.plan.max_connections &&
           next_start(standby) >= s.plan.max_connections;
  });
}

Rule raise_standbys_rule(const Situation& s) {
  if (!replicated(s.seen) || standbys_are_raised(s)) return std::nullopt;
  const Count value = s.plan.max_connections;
  for (const Standby& standby : s.seen.standbys) {
    if (!healthy(standby) && !held_back(s, standby)) return away_wait(standby);
  }
  for (const Standby& standby : s.seen.standbys) {
    // One that has more already needs no restart; it only must not come back with less.
    const Count goal = std::max(value, standby.effective);
    if (standby.effective >= value && next_start(standby) >= value) continue;
    if (Rule raise = bring_to(s, standby, goal)) return raise;
  }
  return std::nullopt;
}

Rule broken_replication_rule(const Situation& s) {
  for (const Standby& standby : s.seen.standbys) {
    if (standby.up && !standby.terminating && !standby.streaming) return away_wait(standby);
  }
  return std::nullopt;
}

Rule follow_primary_rule(const Situation& s) {
  const Observation& seen = s.seen;
  if (!replicated(seen) || s.plan.max_connections > seen.effective) return std::nullopt;
  if (seen.requested != seen.effective || !unfinished(seen)) return std::nullopt;
  if (Rule standbys = follow_standbys(s)) return standbys;
  if (Rule file = follow_file(s)) return file;
  return follow_mounts(s);
}

Rule foreign_primary_rule(const Situation& s) {
  if (!replicated(s.seen)) return std::nullopt;
  return foreign(s, s.seen.primary, s.seen.pinned);
}

Rule failed_primary_rule(const Situation& s) {
  if (!replicated(s.seen)) return std::nullopt;
  return wait(Topic::StandbyFailed,
              say("the primary, pod ", s.seen.primary, ", does not start: ",
                  s.seen.start_failure.value_or(""),
                  "; its value is in postgresql.auto.conf on its volume: give the pod what it "
                  "lacks, or correct max_connections there"));
}

}  // namespace pgrightsizer::transition
