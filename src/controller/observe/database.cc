#include <set>

#include "../turn/admin.h"
#include "../turn/routes.h"
#include "observe.h"

namespace pgrightsizer::controller {

namespace {

using transition::Count;

std::unique_ptr<providers::Provider> make_provider(const Sight& sight,
                                                   const api::ConnectionPolicy& policy) {
  const auto& database = policy.spec.database;
  if (database.provider == api::ProviderKind::External)
    return providers::make_external_provider(sight.logger, {database.host, database.port});
  const auto& stores = sight.stores;
  return providers::make_stateful_set_provider(
      sight.client, sight.logger,
      [&stores](const std::string& name_space) { return stores.pods.list(name_space); },
      {policy.name_space, database.name, database.config_map, database.config_key, database.port});
}

std::string provider_key(const api::ConnectionPolicy& policy) {
  const auto& d = policy.spec.database;
  return d.name + "|" + d.host + "|" + std::to_string(d.port) + "|" + d.config_map + "|" + d.config_key;
}

Reason problem_reason(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Unauthorized: return kAdminLoginFailed;
    case ErrorKind::Forbidden: return kForbidden;
    case ErrorKind::NotFound: return kDatabaseNotFound;
    case ErrorKind::Invalid: return kDatabaseInvalid;
    default: return kDatabaseUnreachable;
  }
}

// One administrative session per policy, kept between turns; a new incarnation of the server or new
// credentials need a new one.
Result<postgres::Session*> admin_session(const Sight& sight, const api::ConnectionPolicy& policy,
                                         Memory& memory, const Facts& facts) {
  const auto& admin = facts.admin;
  const std::string key = facts.database.host + "|" + facts.database.pod_uid + "|" + admin.user + "|" +
                          admin.password + "|" + admin.sslmode;
  if (memory.admin && (memory.admin_key != key || !memory.admin->alive())) memory.admin.reset();
  if (memory.admin) return &*memory.admin;
  if (facts.database.host.empty())
    return fail(ErrorKind::Unavailable, "has no address yet", "database of " + policy.text());
  auto session = sight.options.connect(admin_login(facts, facts.database.host));
  if (!session) return fail(session.error());
  memory.admin = std::move(*session);
  memory.admin_key = key;
  return &*memory.admin;
}

// The server is away because we restart it; one that takes longer is told like any other outage.
bool restarting(const Memory& memory, WallTime now) {
  constexpr std::chrono::minutes kPatience{2};
  if (!memory.status || memory.status->restarts.empty()) return false;
  const auto& last = memory.status->restarts.back();
  return !last.duration && now < last.time + kPatience;
}

void read_server(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                 Facts& facts) {
  auto session = admin_session(sight, policy, memory, facts);
  if (session) {
    auto settings = postgres::read_settings(**session);
    if (!settings) session = fail(settings.error());
    if (settings) facts.settings = *settings;
  }
  if (!session) {
    memory.admin.reset();
    const auto& error = session.error();
    std::string message = error.message();
    if (error.kind == ErrorKind::Unauthorized)
      message = "Secret " + policy.name_space + "/" + policy.spec.database.admin_secret +
                ": PostgreSQL refuses this user or password (" + error.what +
                "); correct the Secret (spec.database.adminSecretName)";
    const char* where = policy.spec.database.provider == api::ProviderKind::External
                            ? "spec.database.host and port"
                            : "spec.database.name and port";
    if (error.kind == ErrorKind::Unavailable || error.kind == ErrorKind::Timeout)
      message += std::string("; bring it back, or correct ") + where;
    // A server that is down is waited for by the core, which may have to mend it.
    const bool wait = error.kind == ErrorKind::Unavailable || error.kind == ErrorKind::Timeout ||
                      error.kind == ErrorKind::TooManySessions;
    if (!wait || !restarting(memory, sight.clock.now()))
      facts.problems.push_back({problem_reason(error.kind), message, !wait});
  }
}

// Another value where ours should be is somebody else's: noticed at once, judged by the core.
void notice_foreign_request(const Sight& sight, Memory& memory, Facts& facts) {
  auto& request = memory.request;
  auto& seen = facts.seen;
  if (!request.value) request.value = seen.requested;
  if (*request.value == seen.requested) {
    request.foreign_since.reset();
    return;
  }
  if (!request.foreign_since) request.foreign_since = sight.clock.now();
  seen.foreign_change_since = request.foreign_since;
  facts.problems.push_back({kForeignChangeDetected,
                            "max_connections was set to " + std::to_string(seen.requested) +
                                " by somebody else, where this policy asked for " +
                                std::to_string(*request.value) + "; settle who owns the value",
                            false});
}

// A CHECKPOINT that was started is looked after until it ends. One that cannot be had (no privilege,
// a lost session) only makes the shutdown longer. A connection that dies without a word answers nothing
// for hours.
void watch_checkpoint(const Sight& sight, Memory& memory, Facts& facts) {
  constexpr std::chrono::seconds kFresh{60};
  constexpr std::chrono::minutes kPatience{30};
  auto& restart = memory.restart;
  const auto now = sight.clock.steady();
  if (restart.checkpoint) {
    const auto& [begun, pod_uid] = restart.checkpoint_of;
    const auto answer = restart.checkpoint->poll(std::chrono::milliseconds(0));
    const bool lost = pod_uid != facts.database.pod_uid || now - begun >= kPatience;
    if (lost || !answer || *answer) {
      if (lost || !answer)
        sight.logger.info("CHECKPOINT before the restart did not end well",
                          {{"error", answer ? "its connection is given up" : answer.error().message()}});
      restart.checkpoint.reset();
      restart.checkpointed = now;
    }
  }
  facts.seen.checkpointing = restart.checkpoint.has_value();
  facts.seen.checkpointed = restart.checkpointed && now - *restart.checkpointed < kFresh;
}

// Whoever has been in a transaction for the longest time behind the poolers.
void find_long_transactions(const api::ConnectionPolicy& policy, Facts& facts) {
  const postgres::Backend* oldest = nullptr;
  for (const auto& backend : facts.pooled) {
    const auto age = backend.transaction_age;
    if (age.count() > 0 && (oldest == nullptr || age > oldest->transaction_age)) oldest = &backend;
    if (age >= policy.spec.restart.long_transaction) facts.long_transactions.push_back(backend);
  }
  if (oldest == nullptr) return;
  auto& seen = facts.seen;
  seen.oldest_pooled_transaction =
      std::chrono::duration_cast<std::chrono::seconds>(oldest->transaction_age);
  seen.holds_up = "session " + std::to_string(oldest->pid) + " of " + oldest->user + " in " +
                  oldest->database + " (" + oldest->state + "), in a transaction for " +
                  std::to_string(seen.oldest_pooled_transaction.count()) + " s";
  if (!oldest->application_name.empty()) seen.holds_up += ", application " + oldest->application_name;
}

}  // namespace

void observe_database(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                      Facts& facts) {
  if (!memory.provider || memory.provider_key != provider_key(policy)) {
    memory.provider = make_provider(sight, policy);
    memory.provider_key = provider_key(policy);
    memory.request = {};
  }
  auto& seen = facts.seen;
  auto database = memory.provider->observe();
  if (!database) {
    facts.problems.push_back({problem_reason(database.error().kind), database.error().message()});
    return;
  }
  facts.database = std::move(*database);
  seen.operator_restarts = facts.database.operator_restarts;
  seen.cannot_restart = facts.database.cannot_restart;
  seen.database_stopping = facts.database.stopping;
  seen.restart_begun = !facts.database.pod_uid.empty() &&
                       memory.restart.begun_uid == facts.database.pod_uid;
  seen.database_ready = facts.database.ready;
  seen.start_failure = facts.database.start_failure;
  seen.requested = facts.database.requested;

  watch_checkpoint(sight, memory, facts);
  // That the server is back is what ends a pause, whatever else is wrong.
  const bool awaited = memory.poolers_paused && !facts.admin.user.empty();
  if (!facts.blocked() || awaited) read_server(sight, policy, memory, facts);
  need_privileges(policy, facts);
  if (!facts.database.standbys.empty()) observe_standbys(sight, policy, memory, facts);
  if (!facts.settings) {
    seen.effective = memory.last_effective;
    seen.reserved = memory.last_reserved;
    return;
  }
  const auto& settings = *facts.settings;
  seen.database_up = true;
  seen.effective = memory.last_effective = settings.max_connections;
  seen.reserved = memory.last_reserved = settings.superuser_reserved + settings.reserved;
  seen.postmaster_start = settings.postmaster_start;
  seen.next_start = settings.next_start;
  if (!seen.operator_restarts) seen.requested = settings.next_start.value_or(seen.effective);
  if (seen.requested == 0) seen.requested = seen.effective;
  notice_foreign_request(sight, memory, facts);
  facts.overridden = memory.provider->overridden(settings, facts.database);
  if (facts.overridden)
    seen.cannot_restart = "max_connections is also set by " + facts.overridden->where + " (= " +
                          std::to_string(facts.overridden->value) +
                          "), which wins over the provider's place; remove it there";
}

void classify_sessions(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                       Facts& facts) {
  auto& seen = facts.seen;
  if (!memory.admin || !seen.database_up) return;
  const auto backends = postgres::read_backends(*memory.admin);
  if (!backends) {
    seen.database_up = false;
    memory.admin.reset();
    facts.problems.push_back({kDatabaseUnreachable, backends.error().message(), false});
    return;
  }
  std::set<std::int64_t> pooled_pids;
  std::set<std::string> pooler_ips;
  for (const auto& pod : facts.pods) {
    if (!pod.pod->ip.empty()) pooler_ips.insert(pod.pod->ip);
    if (!pod.snapshot) continue;
    for (const auto& server : pod.snapshot->servers) pooled_pids.insert(server.remote_pid);
  }
  std::set<std::string> users;
  for (const auto& login : facts.logins) users.insert(login.user);

  facts.sessions = static_cast<Count>(backends->size()) + 1;  // and our own
  for (const auto& backend : *backends) {
    if (pooled_pids.contains(backend.pid) || pooler_ips.contains(backend.address)) {
      facts.pooled.push_back(backend);
    } else if (users.contains(backend.user) && backend.application_name != "pg-rightsizer") {
      facts.direct.push_back(backend);
    }
  }
  seen.direct_sessions = static_cast<Count>(facts.direct.size());
  seen.others = facts.sessions - static_cast<Count>(facts.pooled.size()) - seen.direct_sessions;
  find_long_transactions(policy, facts);
  // A terminating pooler's console is out of reach: its servers are those from its address.
  for (std::size_t i = 0; i < facts.pods.size(); ++i) {
    if (facts.pods[i].snapshot) continue;
    for (const auto& backend : *backends)
      if (!facts.pods[i].pod->ip.empty() && backend.address == facts.pods[i].pod->ip)
        ++seen.pods[i].servers;
  }
  const auto& tls = policy.spec.pooler.tls_secret;
  for (const auto& backend : facts.direct)
    if (backend.tls && tls.empty()) seen.needs_tls = true;

  const auto now = sight.clock.steady();
  const bool may_be_pooled =
      route_can_switch(policy) ? seen.route == transition::Route::Pooler : seen.pooler.has_value();
  if (!may_be_pooled || seen.direct_sessions > 0) {
    memory.looks_without_direct = 0;
  } else if (memory.looks_without_direct == 0 || now - memory.last_look >= sight.options.transition) {
    memory.looks_without_direct = std::min(memory.looks_without_direct + 1, 3);
    memory.last_look = now;
  }
  seen.looks_without_direct = memory.looks_without_direct;
}

}  // namespace pgrightsizer::controller
