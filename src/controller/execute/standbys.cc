#include "standbys.h"

#include "../turn/admin.h"
#include "pgrightsizer/postgres/replication.h"

namespace pgrightsizer::controller {

namespace {

using transition::Step;

std::string pod_text(const Turn& turn, const std::string& pod) {
  return "pod " + turn.policy.name_space + "/" + pod;
}

const providers::Standby* standby_of(const Turn& turn, const std::string& pod) {
  for (const auto& standby : turn.facts.database.standbys)
    if (standby.pod == pod) return &standby;
  return nullptr;
}

// The session that this turn's observation was made with.
postgres::Session* session_of(const Turn& turn, const providers::Standby& standby) {
  auto& sessions = turn.memory.standbys.sessions;
  const auto found = sessions.find(standby_key(turn.facts, standby));
  return found != sessions.end() && found->second.alive() ? &found->second : nullptr;
}

Result<postgres::Session*> instance_session(const Turn& turn, const std::string& pod) {
  postgres::Session* session = nullptr;
  if (const auto* standby = standby_of(turn, pod))
    session = session_of(turn, *standby);
  else if (pod == turn.facts.database.pod && turn.memory.admin)
    session = &*turn.memory.admin;
  if (!session) return fail(ErrorKind::Unavailable, "cannot be reached any more", pod_text(turn, pod));
  return session;
}

Result<void> on_pod(const Turn& turn, const std::string& pod, Result<void> done) {
  if (!done) done.error().object = pod_text(turn, pod);
  return done;
}

}  // namespace

Result<void> pin_standby(const Turn& turn, const Step& step) {
  auto session = instance_session(turn, step.pod);
  if (!session) return fail(std::move(session.error()));
  // Remembered first: it may arrive although its answer is lost.
  turn.memory.standbys.pins.insert(step.value);
  return on_pod(turn, step.pod, postgres::pin(**session, step.value));
}

Result<void> restart_standby(const Turn& turn, const Step& step) {
  const auto* standby = standby_of(turn, step.pod);
  if (standby == nullptr || standby->pod_uid.empty())
    return fail(ErrorKind::NotFound, "is gone", pod_text(turn, step.pod));
  tell(turn, kStandbyRestarted, "Restart",
       "restarting standby " + step.pod + " for max_connections " + std::to_string(step.old_value) +
           " → " + std::to_string(step.value));
  auto done = turn.memory.provider->restart(providers::as_instance(turn.facts.database, *standby),
                                            session_of(turn, *standby));
  turn.memory.standbys.sessions.erase(standby_key(turn.facts, *standby));
  return done;
}

// A session of its own: nothing else can be asked in it until the answer is there. Closing it does
// not end the CHECKPOINT, which is the checkpointer's.
Result<void> checkpoint_standby(const Turn& turn, const Step& step) {
  constexpr std::chrono::milliseconds kAtOnce{500};
  const auto* standby = standby_of(turn, step.pod);
  if (standby == nullptr) return fail(ErrorKind::NotFound, "is gone", pod_text(turn, step.pod));
  auto session = turn.sight.options.connect(admin_login(turn.facts, standby->host));
  if (!session) return fail(std::move(session.error()));
  if (auto done = session->start("checkpoint"); !done) return on_pod(turn, step.pod, std::move(done));
  const auto answer = session->poll(kAtOnce);
  if (!answer) return on_pod(turn, step.pod, fail(answer.error()));
  return {};
}

Result<void> write_file(const Turn& turn, const Step& step) {
  if (auto done = turn.memory.provider->write_place(step.value); !done) return done;
  tell(turn, kFileFollowed, "Patch",
       "ConfigMap " + turn.policy.name_space + "/" + turn.policy.spec.database.config_map +
           ": max_connections " + std::to_string(step.old_value) + " → " +
           std::to_string(step.value) + ": " + step.reason);
  return {};
}

Result<void> reset_instance(const Turn& turn, const Step& step) {
  auto session = instance_session(turn, step.pod);
  if (!session) return fail(std::move(session.error()));
  return on_pod(turn, step.pod, postgres::unpin(**session));
}

}  // namespace pgrightsizer::controller
