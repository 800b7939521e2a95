#include "users.h"

#include <functional>

#include "../turn/pooler_spec.h"
#include "apply.h"

namespace pgrightsizer::controller {

namespace {

// Passwords that the pooler itself refuses have not reached it yet; any other answer means that the
// auth_file was read, also when PostgreSQL's own refusal is passed on.
bool served(const Turn& turn, const kube::Pod& pod) {
  for (const auto& login : turn.facts.logins) {
    postgres::ConnectOptions options;
    options.host = pod.ip;
    options.port = turn.policy.spec.database.port;
    options.user = login.user;
    options.password = login.password;
    options.database = login.database;
    options.deadline = std::chrono::seconds(2);
    const auto session = turn.sight.options.connect(options);
    if (!session && session.error().kind == ErrorKind::Unauthorized &&
        session.error().what.find("password authentication failed") == std::string::npos)
      return false;
  }
  return true;
}

// RELOAD forgets what was SET.
Result<void> reload(const Turn& turn, const kube::Pod& pod, std::int64_t cap) {
  auto console = pgbouncer::Console::connect(pod.ip, turn.policy.spec.database.port,
                                             "pgrightsizer", turn.memory.console_password,
                                             std::chrono::seconds(2), turn.sight.options.connect);
  if (!console) return fail(console.error());
  if (auto done = console->reload(); !done) return done;
  return console->set_cap(cap);
}

// A changed annotation makes the kubelet refresh the pod's volumes at once.
Result<void> nudge_kubelet(const Turn& turn, const kube::Pod& pod, const std::string& digest) {
  const kube::Json patch = {
      {"metadata", {{"uid", pod.meta.uid}, {"annotations", {{"pgrightsizer.io/users", digest}}}}}};
  const auto done = turn.sight.client.merge_patch(
      {kube::resources::kPod, pod.meta.name_space, pod.meta.name}, patch);
  if (!done) return fail(done.error());
  return {};
}

}  // namespace

Result<bool> refresh_users(const Turn& turn) {
  if (!turn.facts.seen.pooler || turn.facts.logins.empty()) return false;
  auto spec = pooler_spec(turn.policy, turn.facts, turn.sight.options, turn.memory.console_password);
  const auto digest =
      std::to_string(std::hash<std::string>{}(pgbouncer::render_userlist(spec)));
  if (turn.facts.users_pending) {
    const kube::Ref ref{kube::resources::kSecret, turn.policy.name_space,
                        pgbouncer::pooler_name(turn.policy.name)};
    if (auto done = apply_ours(turn.sight.client, turn.policy, ref, pgbouncer::secret(spec)); !done)
      return fail(done.error());
    turn.sight.logger.info("application passwords changed: handing them to the poolers",
                           {{"policy", turn.policy.key()}});
  }
  bool more = false;
  auto& known = turn.memory.users_served;
  for (const auto& pod : turn.facts.pods) {
    // A login through a paused pooler would wait, and keep the pause from being ended.
    if (!pod.snapshot || pod.snapshot->paused || known[pod.pod->meta.uid] == digest) continue;
    if (served(turn, *pod.pod)) {
      known[pod.pod->meta.uid] = digest;
      continue;
    }
    more = true;
    if (auto done = nudge_kubelet(turn, *pod.pod, digest); !done) return fail(done.error());
    if (auto done = reload(turn, *pod.pod, pod.snapshot->config.max_db_connections); !done) return fail(done.error());
  }
  return more;
}

}  // namespace pgrightsizer::controller
