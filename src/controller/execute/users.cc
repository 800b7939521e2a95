#include "users.h"

#include <algorithm>
#include <functional>

#include "../turn/pooler_spec.h"
#include "apply.h"

namespace pgrightsizer::controller {

namespace {

// A login that has to wait holds up the turn.
constexpr std::chrono::seconds kAskAgain{30};

enum class Served { Yes, No, Unknown };

// Passwords that the pooler itself refuses have not reached it yet. Who is let in, or refused for what
// is looked at after the password, has one that it knows; PostgreSQL's own refusal is passed on.
Served judge(const Error& error) {
  const auto says = [&](const char* words) { return error.what.find(words) != std::string::npos; };
  switch (error.kind) {
    case ErrorKind::Unauthorized:
      return says("password authentication failed") ? Served::Yes : Served::No;
    case ErrorKind::TooManySessions:
      return says("max_client_conn") ? Served::Unknown : Served::Yes;
    case ErrorKind::Timeout:
    case ErrorKind::Unavailable:
      return Served::Unknown;
    default:
      return Served::Yes;
  }
}

// Where one had to wait the others would, too.
Served served(const Turn& turn, const kube::Pod& pod) {
  for (const auto& login : turn.facts.logins) {
    postgres::ConnectOptions options;
    options.host = pod.ip;
    options.port = turn.policy.spec.database.port;
    options.user = login.user;
    options.password = login.password;
    options.database = login.database;
    options.deadline = std::chrono::seconds(2);
    const auto session = turn.sight.options.connect(options);
    const auto one = session ? Served::Yes : judge(session.error());
    if (one != Served::Yes) return one;
  }
  return Served::Yes;
}

std::int64_t cap_per_database(const Turn& turn, const PoolerPodFacts& pod) {
  const auto& pods = turn.facts.seen.pods;
  const auto seen = std::find_if(pods.begin(), pods.end(),
                                 [&](const auto& one) { return one.name == pod.pod->meta.name; });
  return pgbouncer::cap_per_database(seen == pods.end() ? 0 : seen->cap, databases_of(turn.facts, pod));
}

// RELOAD forgets what was SET, and may bring more databases to share it.
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

Result<void> refresh_users(const Turn& turn) {
  if (!turn.facts.seen.pooler || turn.facts.logins.empty()) return {};
  auto spec = pooler_spec(turn.policy, turn.facts, turn.sight.options, turn.memory.console_password);
  // Caps are left out: running poolers are told those over their consoles.
  const auto digest = std::to_string(
      std::hash<std::string>{}(pgbouncer::render_userlist(spec) + pgbouncer::render_ini(spec)));
  if (turn.facts.users_pending) {
    const kube::Ref ref{kube::resources::kSecret, turn.policy.name_space,
                        pgbouncer::pooler_name(turn.policy.name)};
    if (auto done = apply_ours(turn.sight.client, turn.policy, ref, pgbouncer::secret(spec)); !done)
      return fail(done.error());
    turn.sight.logger.info("application passwords changed: handing them to the poolers",
                           {{"policy", turn.policy.key()}});
  }
  const auto databases = pgbouncer::databases_of(spec);
  const auto now = turn.sight.clock.steady();
  for (const auto& pod : turn.facts.pods) {
    // A login through a paused pooler would wait, and keep the pause from being ended.
    if (!pod.snapshot || pod.snapshot->paused) continue;
    auto& known = turn.memory.users_served[pod.pod->meta.uid];
    // Before the file is written there is nothing to read in it.
    const bool lists_them = !turn.facts.seen.pooler->current || pod.snapshot->databases == databases;
    if (lists_them) {
      if (known.digest == digest && now < known.until) continue;
      const auto answer = served(turn, *pod.pod);
      if (answer != Served::No) {
        known = {digest, answer == Served::Yes ? Instant::max() : turn.sight.clock.steady() + kAskAgain};
        continue;
      }
    }
    if (auto done = nudge_kubelet(turn, *pod.pod, digest); !done) return done;
    if (auto done = reload(turn, *pod.pod, cap_per_database(turn, pod)); !done) return done;
  }
  return {};
}

}  // namespace pgrightsizer::controller
