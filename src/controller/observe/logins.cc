#include <algorithm>

#include "../turn/names.h"
#include "observe.h"

namespace pgrightsizer::controller {

namespace {

using transition::Login;
using transition::Route;

postgres::ConnectOptions login_options(const Facts& facts, const std::string& host, int port) {
  const auto& login = facts.logins.front();
  postgres::ConnectOptions options;
  options.host = host;
  options.port = port;
  options.user = login.user;
  options.password = login.password;
  options.database = login.database;
  options.deadline = std::chrono::seconds(2);
  return options;
}

struct Attempt {
  Login login = Login::Unknown;
  bool timed_out = false;
};

Attempt try_login(const Sight& sight, const postgres::ConnectOptions& options,
                  std::string& failure) {
  auto session = sight.options.connect(options);
  auto answer = session ? session->query("SELECT 1", {}, std::chrono::seconds(2))
                        : Result<postgres::Rows>(fail(session.error()));
  if (answer) return {Login::Ok, false};
  failure = answer.error().message();
  const auto kind = answer.error().kind;
  return {kind == ErrorKind::TooManySessions ? Login::ServerFull : Login::Failing,
          kind == ErrorKind::Timeout};
}

// Through every pooler: one that a full server has never let in refuses its clients, and says so. One
// that holds servers and keeps us waiting is only busy.
Login pooled_login(const Sight& sight, const api::ConnectionPolicy& policy, const Facts& facts,
                   std::string& failure) {
  Login best = Login::Unknown;
  for (const auto& pod : facts.pods) {
    if (!pod.snapshot || pod.pod->meta.deleting) continue;
    auto attempt =
        try_login(sight, login_options(facts, pod.pod->ip, policy.spec.database.port), failure);
    if (attempt.timed_out && !pod.snapshot->servers.empty()) attempt.login = Login::Ok;
    if (attempt.login == Login::ServerFull) return Login::ServerFull;
    if (best != Login::Ok) best = attempt.login;
  }
  return best;
}

// A server that is still logging in has no process yet.
bool serves_without_a_server(const PoolerPodFacts& pod) {
  if (!pod.snapshot || pod.pod->meta.deleting) return false;
  const auto& servers = pod.snapshot->servers;
  return std::none_of(servers.begin(), servers.end(),
                      [](const auto& server) { return server.remote_pid != 0; });
}

// Where the poolers will log in when they are resumed: proxies must have learnt it, too. A name would
// have to be resolved first; the Service's own address is as good.
std::string direct_address(const Sight& sight, const api::ConnectionPolicy& policy) {
  const auto service =
      sight.client.get({kube::resources::kService, policy.name_space, direct_service(policy)});
  return service ? service->value("/spec/clusterIP"_json_pointer, std::string()) : std::string();
}

// Two logins as the administrator, who gets in when the server is full, too.
int logins_past_pooler(const Sight& sight, const api::ConnectionPolicy& policy,
                       const Facts& facts) {
  postgres::ConnectOptions options;
  options.host = direct_address(sight, policy);
  options.port = policy.spec.database.port;
  options.user = facts.admin.user;
  options.password = facts.admin.password;
  // The certificate names the database, not this address; nothing is asked for but whether it serves.
  options.sslmode = facts.admin.sslmode.starts_with("verify-") ? "require" : facts.admin.sslmode;
  options.deadline = std::chrono::seconds(1);
  int good = 0;
  std::string failure;
  while (good < 2 && try_login(sight, options, failure).login == Login::Ok) ++good;
  if (good < 2)
    sight.logger.info("a login through the direct Service does not succeed yet",
                      {{"policy", policy.key()}, {"error", failure}});
  return good;
}

bool move_under_way(const Facts& facts) {
  const auto& seen = facts.seen;
  return facts.plan.route == Route::Pooler && seen.pooler && seen.database_up &&
         (seen.route == Route::Direct || seen.direct_sessions > 0 ||
          seen.effective > facts.plan.max_connections);
}

}  // namespace

bool any_paused(const Facts& facts) {
  return std::any_of(facts.seen.pods.begin(), facts.seen.pods.end(),
                     [](const auto& pod) { return pod.paused; });
}

bool full_for_poolers(const Facts& facts, Login direct) {
  return direct == Login::ServerFull &&
         (facts.seen.route == Route::Direct ||
          std::any_of(facts.pods.begin(), facts.pods.end(), serves_without_a_server));
}

void probe_logins(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                  Facts& facts) {
  auto& probe = memory.probe;
  auto& seen = facts.seen;
  if (any_paused(facts)) {
    // A login through them would wait as everybody's does: what was known last is still so.
    seen.direct_login = probe.direct;
    seen.pooled_login = probe.pooled;
    if (seen.database_up) seen.logins_past_pooler = logins_past_pooler(sight, policy, facts);
    return;
  }
  if (facts.blocked()) return;
  if (!move_under_way(facts) || facts.logins.empty()) {
    probe = {};
    return;
  }
  const auto now = sight.clock.steady();
  const bool good = probe.pooled == Login::Ok;
  if (!good || now - probe.at >= std::chrono::seconds(5)) {
    probe.at = now;
    probe.direct =
        try_login(sight, login_options(facts, facts.database.host, facts.database.port), probe.failure)
            .login;
    probe.pooled = full_for_poolers(facts, probe.direct)
                       ? Login::ServerFull
                       : pooled_login(sight, policy, facts, probe.failure);
    if (probe.pooled != Login::Failing) probe.failing_since.reset();
    if (probe.pooled == Login::Failing && !probe.failing_since) probe.failing_since = sight.clock.now();
  }
  seen.direct_login = probe.direct;
  seen.pooled_login = probe.pooled;
  seen.pooled_login_failing_since = probe.failing_since;
  if (probe.pooled == Login::Failing)
    facts.problems.push_back({kPooledLoginFailed,
                              "Secret " + policy.name_space + "/" +
                                  policy.spec.database.application_secrets.front() +
                                  ": logins as the application through the pooler fail (" +
                                  probe.failure + "); correct the Secret or the role",
                              false});
}

}  // namespace pgrightsizer::controller
