#include "pause.h"

#include <algorithm>

namespace pgrightsizer::transition {

namespace {

// A transaction of this age will hardly end within the 2 s of a PAUSE: nobody is made to wait for it.
constexpr seconds kHopeless{5};
constexpr int kLoginsNeeded = 2;

bool has_live_poolers(const Observation& seen) {
  return std::any_of(seen.pods.begin(), seen.pods.end(),
                     [](const PoolerPod& pod) { return !pod.terminating; });
}

bool all_held(const Observation& seen) {
  return has_live_poolers(seen) && std::all_of(seen.pods.begin(), seen.pods.end(),
                                               [](const PoolerPod& pod) { return pod.held; });
}

// Whatever PAUSE would have to wait for.
Rule held_up_rule(const Situation& s) {
  const Observation& seen = s.seen;
  const bool too_old = seen.oldest_pooled_transaction >= s.rules.long_transaction;
  if (too_old && s.rules.long_transactions == LongTransactions::Terminate) {
    return step_of(StepKind::EndTransactions, Topic::PauseHeldUp,
                   say("it holds up a restart, and is older than ",
                       s.rules.long_transaction.count(), " s: ", seen.holds_up));
  }
  if (seen.pause_retry_at && s.now < *seen.pause_retry_at) {
    return wait(Topic::PauseHeldUp,
                say("the last PAUSE did not end in time",
                    seen.holds_up.empty() ? "" : "; the oldest transaction: ", seen.holds_up),
                seen.pause_retry_at);
  }
  if (seen.oldest_pooled_transaction >= kHopeless) {
    return wait(Topic::PauseHeldUp, say("PAUSE would wait for ", seen.holds_up));
  }
  return std::nullopt;
}

// A pooler that comes up, or leaves, in the middle is one that is not paused.
Rule steady_poolers_rule(const Situation& s) {
  const Observation& seen = s.seen;
  for (const PoolerPod& pod : seen.pods) {
    if (pod.terminating) {
      return wait(Topic::PoolerReplacing, say("the restart waits for the end of ", pod.name));
    }
    if (!pod.console) {
      return wait(Topic::PoolerStarting, say("the restart waits for the console of ", pod.name));
    }
  }
  const Count missing =
      seen.pooler ? seen.pooler->replicas - static_cast<Count>(seen.pods.size()) : 0;
  if (missing > 0) {
    return wait(Topic::PoolerStarting, say("the restart waits for ", missing, " pooler pods"));
  }
  return std::nullopt;
}

Rule checkpoint_rule(const Situation& s) {
  if (s.seen.checkpointed) return std::nullopt;
  if (s.seen.checkpointing) return wait(Topic::Checkpoint, "CHECKPOINT is under way");
  return step_of(StepKind::Checkpoint, Topic::RestartPending,
                 "CHECKPOINT, so that the shutdown has little to write");
}

}  // namespace

bool any_paused(const Observation& seen) {
  return std::any_of(seen.pods.begin(), seen.pods.end(),
                     [](const PoolerPod& pod) { return pod.paused; });
}

Rule before_restart_rule(const Situation& s) {
  const bool behind = s.seen.route == Route::Pooler && has_live_poolers(s.seen);
  if (!behind) return checkpoint_rule(s);
  if (all_held(s.seen)) return std::nullopt;
  if (Rule held_up = held_up_rule(s)) return held_up;
  if (Rule unsteady = steady_poolers_rule(s)) return unsteady;
  if (Rule checkpoint = checkpoint_rule(s)) return checkpoint;
  // Last of all, and then everything above is looked at once more: while the poolers must wait for
  // anything else, they are not held.
  if (s.seen.pooler && !s.seen.pooler->frozen) {
    return step_of(StepKind::FreezePooler, Topic::RestartPending,
                   "no rollout of the poolers begins while PostgreSQL restarts");
  }
  return step_of(StepKind::Pause, Topic::RestartPending,
                 say("PAUSE on ", s.seen.pods.size(), " pooler pods, for the restart"));
}

Step while_paused(const Situation& s, const Step& wanted) {
  if (wanted.kind == StepKind::Restart && s.seen.pause_is_ours && all_held(s.seen)) return wanted;
  if (s.seen.logins_past_pooler < kLoginsNeeded) {
    return wait(Topic::Paused,
                "the poolers are paused until logins through the direct Service succeed");
  }
  return step_of(StepKind::Resume, Topic::None,
                 say("PostgreSQL serves with max_connections ", s.seen.effective));
}

Step thaw_when_done(const Situation& s, Step wanted) {
  if (!s.seen.pooler || !s.seen.pooler->frozen) return wanted;
  if (wanted.kind != StepKind::None && wanted.kind != StepKind::Wait) return wanted;
  return step_of(StepKind::ThawPooler, Topic::None, "rollouts of the poolers may go on");
}

}  // namespace pgrightsizer::transition
