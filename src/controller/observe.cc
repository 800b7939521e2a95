#include "observe.h"

#include <algorithm>

#include "inputs.h"

namespace pgrightsizer::controller {

namespace {

using transition::Login;
using transition::Route;

// The tier in force: what the pooler was last provisioned for. A pooler that vanished while the
// traffic goes through it is remembered by the status.
int present_tier(const api::ConnectionPolicy& policy, const Memory& memory, const Facts& facts) {
  const auto& settings = policy.spec.sizing;
  if (facts.seen.pooler) return sizing::tier_of_pool(settings, facts.seen.pooler->pool_size);
  if (facts.seen.route == Route::Pooler && memory.status && memory.status->recommended)
    return sizing::tier_of_pool(settings, memory.status->recommended->pool_size);
  return 0;
}

// An instance that never comes up holds nobody up for longer than a minute.
sizing::Count count_starting(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory) {
  const sizing::Count count = starting_instances(policy, sight.stores);
  const auto now = sight.clock.steady();
  if (count == 0) {
    memory.starting_since.reset();
    return 0;
  }
  const Instant since = memory.starting_since.value_or(now);
  memory.starting_since = since;
  return now - since > std::chrono::minutes(1) ? 0 : count;
}

void make_plan(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
               Facts& facts) {
  const auto& behavior = policy.spec.behavior;
  const auto counted =
      memory.stabilizer.observe(sight.clock.steady(), facts.workloads, facts.seen.direct_sessions,
                                {behavior.scale_up, behavior.scale_down});
  auto& seen = facts.seen;
  seen.stabilized = counted.stabilized;
  seen.peak_direct_sessions = std::max(counted.peak_sessions, seen.direct_sessions);
  seen.starting_instances = count_starting(sight, policy, memory);
  seen.direct_capacity = sizing::direct_demand(facts.workloads, policy.spec.sizing.environment);
  facts.stabilizing = counted.wait;
  facts.plan =
      sizing::plan(counted.workloads, policy.spec.sizing, present_tier(policy, memory, facts));
}

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

Attempt try_login(const postgres::ConnectOptions& options, std::string& failure) {
  auto session = postgres::Session::connect(options);
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
Login pooled_login(const api::ConnectionPolicy& policy, const Facts& facts, std::string& failure) {
  Login worst = Login::Unknown;
  for (const auto& pod : facts.pods) {
    if (!pod.snapshot || pod.pod->meta.deleting) continue;
    auto attempt =
        try_login(login_options(facts, pod.pod->ip, policy.spec.database.port), failure);
    if (attempt.timed_out && !pod.snapshot->servers.empty()) attempt.login = Login::Ok;
    if (attempt.login == Login::ServerFull) return Login::ServerFull;
    if (worst != Login::Ok) worst = attempt.login;
  }
  return worst;
}

// A server that is still logging in has no process yet.
bool serves_without_a_server(const PoolerPodFacts& pod) {
  if (!pod.snapshot || pod.pod->meta.deleting) return false;
  const auto& servers = pod.snapshot->servers;
  return std::none_of(servers.begin(), servers.end(),
                      [](const auto& server) { return server.remote_pid != 0; });
}

bool move_under_way(const Facts& facts) {
  const auto& seen = facts.seen;
  return facts.plan.route == Route::Pooler && seen.pooler && seen.database_up &&
         (seen.route == Route::Direct || seen.direct_sessions > 0 ||
          seen.effective > facts.plan.max_connections);
}

}  // namespace

bool full_for_poolers(const Facts& facts, Login direct) {
  return direct == Login::ServerFull &&
         (facts.seen.route == Route::Direct ||
          std::any_of(facts.pods.begin(), facts.pods.end(), serves_without_a_server));
}

void probe_logins(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                  Facts& facts) {
  auto& probe = memory.probe;
  auto& seen = facts.seen;
  if (!move_under_way(facts) || facts.logins.empty()) {
    probe = {};
    return;
  }
  const auto now = sight.clock.steady();
  const bool good = probe.pooled == Login::Ok;
  if (!good || now - probe.at >= std::chrono::seconds(5)) {
    probe.at = now;
    probe.direct =
        try_login(login_options(facts, facts.database.host, facts.database.port), probe.failure).login;
    probe.pooled = full_for_poolers(facts, probe.direct)
                       ? Login::ServerFull
                       : pooled_login(policy, facts, probe.failure);
    if (probe.pooled != Login::Failing) probe.failing_since.reset();
    if (probe.pooled == Login::Failing && !probe.failing_since) probe.failing_since = sight.clock.now();
  }
  seen.direct_login = probe.direct;
  seen.pooled_login = probe.pooled;
  seen.pooled_login_failing_since = probe.failing_since;
  if (probe.pooled == Login::Failing)
    facts.problems.push_back({"PooledLoginFailed",
                              "Secret " + policy.name_space + "/" +
                                  policy.spec.database.application_secrets.front() +
                                  ": logins as the application through the pooler fail (" +
                                  probe.failure + "); correct the Secret or the role",
                              false});
}

Facts observe(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory) {
  Facts facts;
  if (const auto trouble = sight.stores.trouble(); !trouble.empty())
    facts.problems.push_back({"WatchFailing", trouble});
  if (memory.refusal)
    facts.problems.push_back({memory.refusal->reason, memory.refusal->message, false});
  if (!policy.restart_now_error.empty())
    facts.problems.push_back(
        {"RestartNowInvalid", policy.text() + ": " + policy.restart_now_error, false});
  if (const auto rival = older_rival(policy, sight.stores); !rival.empty())
    facts.problems.push_back({"PolicyConflict",
                              policy.text() + ": ConnectionPolicy " + rival +
                                  " is older and manages the same database; delete one of them"});
  facts.workloads =
      count_workloads(policy, sight.stores, memory.status.value_or(api::Status{}), facts.problems);
  read_secrets(sight.client, policy, facts);
  observe_database(sight, policy, memory, facts);
  observe_pooler(sight, policy, memory, facts);
  classify_sessions(sight, policy, memory, facts);
  make_plan(sight, policy, memory, facts);
  if (!facts.blocked()) probe_logins(sight, policy, memory, facts);
  return facts;
}

}  // namespace pgrightsizer::controller
