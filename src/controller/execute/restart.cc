#include "restart.h"

#include <algorithm>
#include <set>

#include "../turn/admin.h"
#include "pgrightsizer/pgbouncer/pause.h"

namespace pgrightsizer::controller {

namespace {

using std::chrono::seconds;
using transition::Count;
using transition::Step;
namespace res = kube::resources;

constexpr seconds kFirstRetry{5};
constexpr seconds kLongestRetry{60};
constexpr seconds kLongestRefused{320};  // each try holds up the poolers' clients

std::string text(Count value) { return std::to_string(value); }

postgres::Session* admin(const Turn& turn) {
  return turn.memory.admin ? &*turn.memory.admin : nullptr;
}

std::vector<pgbouncer::PauseTarget> targets(const Turn& turn) {
  std::vector<pgbouncer::PauseTarget> out;
  for (const auto& pod : turn.facts.pods) {
    if (pod.pod->meta.deleting || pod.pod->ip.empty()) continue;
    out.push_back({pod.pod->meta.name, pod.pod->ip, turn.policy.spec.database.port, "pgrightsizer",
                   turn.memory.console_password});
  }
  return out;
}

std::vector<std::string> databases(const Turn& turn) {
  std::set<std::string> names;
  for (const auto& login : turn.facts.logins) names.insert(login.database);
  return {names.begin(), names.end()};
}

// 5 s, and twice as long each time.
seconds growing(int times, seconds longest) {
  return std::min(longest, kFirstRetry * (1 << std::min(times, 6)));
}

void try_again_later(const Turn& turn, const Error& error) {
  auto& restart = turn.memory.restart;
  const auto pause = growing(restart.pauses_held_up++, kLongestRetry);
  restart.pause_retry_at = turn.sight.clock.now() + pause;
  tell(turn, kRestartDeferred, "Pause",
       "PAUSE did not end in time and was undone (" + error.message() + "); tried again in " +
           text(pause.count()) + " s" +
           (turn.facts.seen.holds_up.empty() ? "" : "; the oldest transaction: " + turn.facts.seen.holds_up));
}

// "ending 200 direct sessions; the clients of the poolers wait"
std::string cost_text(const Turn& turn) {
  const auto& seen = turn.facts.seen;
  std::string out = "ending " + text(seen.direct_sessions) + " direct sessions";
  const bool paused = std::any_of(seen.pods.begin(), seen.pods.end(),
                                  [](const auto& pod) { return pod.held; });
  if (paused) return out + "; the clients of the poolers wait";
  return out + " and " + text(static_cast<Count>(turn.facts.pooled.size())) + " of poolers";
}

bool refused(ErrorKind kind) {
  return kind == ErrorKind::Unauthorized || kind == ErrorKind::Forbidden || kind == ErrorKind::Invalid ||
         kind == ErrorKind::TooManyRequests;
}

// Nothing was deleted: who waits for it is let go, and the record is taken back. If that cannot be
// written now, the record is dropped when nothing comes of it.
void take_back(const Turn& turn, api::Status& status) {
  auto& restart = turn.memory.restart;
  restart.begun_uid.clear();
  restart.paused.reset();
  restart.retry_at = turn.sight.clock.now() + growing(restart.refusals++, kLongestRefused);
  status.restarts.pop_back();
  if (auto done = write_status(turn, status); !done)
    turn.sight.logger.warning(done.error().message(), {{"policy", turn.policy.key()}});
}

}  // namespace

Result<void> request_value(const Turn& turn, Count value) {
  // Until it is known to have been written, whatever is found there is not held against anybody.
  turn.memory.request.value.reset();
  turn.memory.standbys.pins.insert(value);
  if (auto done = turn.memory.provider->request(value, admin(turn)); !done) return done;
  turn.memory.request.value = value;
  turn.memory.request.foreign_since.reset();
  return {};
}

Result<void> begin_checkpoint(const Turn& turn) {
  auto& restart = turn.memory.restart;
  const auto given_up = [&](const Error& error) {
    turn.sight.logger.info("no CHECKPOINT before the restart", {{"error", error.message()}});
    restart.checkpointed = turn.sight.clock.steady();
  };
  auto session = turn.sight.options.connect(admin_login(turn.facts, turn.facts.database.host));
  if (!session) {
    given_up(session.error());
    return {};
  }
  if (auto started = session->start("checkpoint"); !started) {
    given_up(started.error());
    return {};
  }
  restart.checkpoint = std::move(*session);
  restart.checkpoint_of = {turn.sight.clock.steady(), turn.facts.database.pod_uid};
  return {};
}

Result<void> hold_rollouts(const Turn& turn, bool held) {
  const kube::Ref ref{res::kDeployment, turn.policy.name_space,
                      pgbouncer::pooler_name(turn.policy.name)};
  const kube::Json paused = held ? kube::Json(true) : kube::Json();
  const kube::Json patch = {{"metadata", {{"uid", turn.facts.pooler_uid}}},
                            {"spec", {{"paused", paused}}}};
  const auto done = turn.sight.client.merge_patch(ref, patch);
  if (!done) return fail(done.error());
  return {};
}

Result<void> end_transactions(const Turn& turn) {
  if (!turn.memory.admin) return {};
  const auto ended = postgres::terminate_in_transaction(*turn.memory.admin, turn.facts.long_transactions,
                                                        turn.policy.spec.restart.long_transaction);
  if (!ended) return fail(ended.error());
  if (*ended == 0) return {};  // they have ended by themselves
  tell(turn, kLongTransactionsEnded, "Pause",
       text(*ended) + " transactions older than " +
           text(turn.policy.spec.restart.long_transaction.count()) +
           " s were ended, as restart.longTransactions says: " + turn.facts.seen.holds_up);
  return {};
}

Result<void> pause(const Turn& turn) {
  auto& restart = turn.memory.restart;
  const auto done = pgbouncer::pause_all(targets(turn), databases(turn), turn.sight.options.connect);
  if (!done) {
    try_again_later(turn, done.error());
    return {};
  }
  restart.paused = turn.sight.clock.steady();
  restart.pauses_held_up = 0;
  restart.pause_retry_at.reset();
  return {};
}

Result<void> resume(const Turn& turn) {
  auto done = pgbouncer::resume_all(targets(turn), turn.sight.options.connect);
  if (done) turn.memory.restart.paused.reset();
  return done;
}

Result<void> restart(const Turn& turn, const Step& step, api::Status& status) {
  // First the record: an operator that dies after the deletion must know what it was for.
  // A restart that is still open and wants the same value is that one, tried again.
  const bool again = !status.restarts.empty() && !status.restarts.back().duration &&
                     status.restarts.back().to == step.value;
  const auto now = turn.sight.clock.now();
  if (again)
    status.restarts.back().time = now;  // the next one is spaced from this
  else
    status.restarts.push_back({now, step.old_value, step.value, std::nullopt});
  if (status.restarts.size() > api::kRestartsKept) status.restarts.erase(status.restarts.begin());
  if (auto done = write_status(turn, status); !done) return done;
  tell(turn, kRestartStarted, "Restart",
       "restarting PostgreSQL for max_connections " + text(step.old_value) + " → " +
           text(step.value) + ", " + cost_text(turn) + ": " + step.reason);
  auto& memory = turn.memory.restart;
  memory.begun_uid = turn.facts.database.pod_uid;  // also when the answer is lost
  memory.direct_cost = turn.facts.seen.direct_sessions;
  memory.checkpointed.reset();
  auto done = turn.memory.provider->restart(turn.facts.database, admin(turn));
  turn.memory.admin.reset();
  if (done) {
    memory.refusals = 0;
  } else if (refused(done.error().kind)) {
    take_back(turn, status);
  } else if (done.error().kind == ErrorKind::Conflict) {
    memory.begun_uid.clear();  // the pod is another by now
  }
  return done;
}

Result<void> restore(const Turn& turn, const Step& step, api::Status& status) {
  const std::string reason = turn.facts.seen.start_failure.value_or("did not start");
  status.rejected = api::RejectedValue{step.old_value, reason, turn.policy.generation};
  if (auto done = write_status(turn, status); !done) return done;
  tell(turn, kRestartFailed, "Restore",
       "PostgreSQL does not start with max_connections " + text(step.old_value) + " (" + reason +
           "); " + text(step.value) + " is put back");
  return request_value(turn, step.value);
}

}  // namespace pgrightsizer::controller
