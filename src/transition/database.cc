#include "database.h"

#include "pause.h"
#include "standbys.h"

namespace pgrightsizer::transition {

namespace {

// While clients are paused nobody waits that long: by now a deletion that was sent shows.
constexpr seconds kDeletionShows{5};

const Restart* in_flight(const History& history) {
  if (history.restarts.empty() || history.restarts.back().duration) return nullptr;
  return &history.restarts.back();
}

// The restart is remembered before the pod is deleted: a crash in between leaves a restart that
// never happened and a server that runs on. It is then decided anew, by what holds now. Whoever has not
// asked for the deletion itself need not wait for it while clients are paused.
bool never_began(const Situation& s, const Restart& restart) {
  const Observation& seen = s.seen;
  const bool runs_on = seen.database_up && seen.postmaster_start &&
                       *seen.postmaster_start < restart.time && !seen.database_stopping;
  if (!runs_on) return false;
  if (!any_paused(seen)) return s.now >= restart.time + s.rules.deletion_grace;
  return !seen.restart_begun || s.now >= restart.time + kDeletionShows;
}

// What PostgreSQL last ran with.
Count last_good(const Situation& s) {
  const Restart* restart = in_flight(s.history);
  return restart != nullptr ? restart->from : s.seen.effective;
}

// The requested value exits at start: back to the one that ran, once. A restored value that does
// not start either is for people: another restart would change nothing.
Step recover(const Situation& s) {
  const Count good = last_good(s);
  const std::string failure = s.seen.start_failure.value_or("");
  if (good <= 0) {
    return wait(Topic::Database, say("PostgreSQL does not start: ", failure));
  }
  if (s.seen.requested != good) {
    Step step = step_of(StepKind::RestoreMaxConnections, Topic::Database,
                        say("PostgreSQL does not start with max_connections ", s.seen.requested,
                            ": ", failure, "; back to ", good));
    step.value = good;
    step.old_value = s.seen.requested;
    return step;
  }
  const Restart* restart = in_flight(s.history);
  if (restart != nullptr && restart->to == good) {
    return wait(Topic::Database, say("restarting with the former max_connections ", good,
                                     "; the last start failed: ", failure));
  }
  Step step = step_of(StepKind::Restart, Topic::Database,
                      say("restart with the former max_connections ", good));
  step.value = good;
  step.old_value = good;
  return step;
}

}  // namespace

Rule database_rule(const Situation& s) {
  const Observation& seen = s.seen;
  if (!seen.database_up && seen.start_failure) {
    if (Rule failed = failed_primary_rule(s)) return failed;
    return recover(s);
  }
  if (const Restart* restart = in_flight(s.history); restart && !never_began(s, *restart)) {
    return wait(Topic::Database,
                say("PostgreSQL restarts, max_connections ", restart->from, " to ", restart->to));
  }
  if (!seen.database_up || seen.effective <= 0) {
    return wait(Topic::Database, "PostgreSQL cannot be reached");
  }
  return std::nullopt;
}

}  // namespace pgrightsizer::transition
