#include "readiness.h"

#include <algorithm>
#include <set>

#include "../turn/admin.h"
#include "../turn/names.h"
#include "pgrightsizer/postgres/transaction_mode.h"

namespace pgrightsizer::controller {

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr minutes kRemembered{10};
constexpr int kCleanLooks = 3;

bool move_is_ahead(const Facts& facts) {
  return facts.plan.route == transition::Route::Pooler &&
         facts.seen.route == transition::Route::Direct && !facts.logins.empty();
}

// From this version on PgBouncer keeps prepared statements of the protocol.
bool pooler_prepares(const Facts& facts) {
  return std::all_of(facts.pods.begin(), facts.pods.end(), [](const auto& pod) {
    return !pod.snapshot || pod.snapshot->version >= pgbouncer::Version{1, 21, 0};
  });
}

std::string who(const Sight& sight, const api::ConnectionPolicy& policy,
                const postgres::Evidence& evidence) {
  for (const auto& pod : sight.stores.pods.list(policy.name_space))
    if (!evidence.address.empty() && pod->ip == evidence.address) return "pod " + pod->meta.name;
  return "role " + evidence.user + (evidence.address.empty() ? "" : " at " + evidence.address);
}

// One session for each database of the application, only while a move is ahead.
Result<std::vector<postgres::Evidence>> look(const Sight& sight, const Facts& facts) {
  std::set<std::string> databases;
  std::set<std::string> roles;
  for (const auto& login : facts.logins) {
    databases.insert(login.database);
    roles.insert(login.user);
  }
  std::vector<postgres::Evidence> all;
  for (const auto& database : databases) {
    auto options = admin_login(facts, facts.database.host);
    options.database = database;
    auto session = sight.options.connect(options);
    if (!session) return fail(session.error());
    auto found = postgres::read_incompatibilities(*session, {roles.begin(), roles.end()},
                                                  pooler_prepares(facts));
    if (!found) return fail(found.error());
    all.insert(all.end(), found->begin(), found->end());
  }
  return all;
}

void look_when_due(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                   const Facts& facts) {
  auto& readiness = memory.readiness;
  const auto now = sight.clock.steady();
  const auto pause = readiness.clean_looks < kCleanLooks ? seconds(1) : seconds(5);
  if (readiness.looked && now - *readiness.looked < pause) return;
  const auto found = look(sight, facts);
  readiness.looked = now;
  readiness.error = found ? std::string() : found.error().message();
  if (!found) {
    // It must not keep anybody from a move that a full server needs.
    readiness.clean_looks = std::min(readiness.clean_looks + 1, kCleanLooks);
    return;
  }
  readiness.clean_looks = found->empty() ? std::min(readiness.clean_looks + 1, kCleanLooks) : 0;
  for (const auto& evidence : *found)
    readiness.found[evidence.what] = {who(sight, policy, evidence) + ": " + evidence.detail, now};
}

std::string text_of(const Memory::Readiness& readiness) {
  std::string text;
  for (const auto& [what, evidence] : readiness.found)
    text += (text.empty() ? "" : "; ") + what + " (" + evidence.text + ")";
  return text;
}

}  // namespace

void observe_readiness(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                       Facts& facts, const std::function<sizing::Plan()>& direct_plan) {
  auto& readiness = memory.readiness;
  if (!move_is_ahead(facts)) {
    readiness = {};
    return;
  }
  // A restart of PostgreSQL is no reason to forget what was seen before it.
  if (facts.seen.database_up) look_when_due(sight, policy, memory, facts);
  if (!readiness.error.empty())
    facts.problems.push_back({kReadinessUnknown,
                              policy.text() + ": what sessions use cannot be read (" + readiness.error +
                                  "); the move goes on without; let the role of "
                                  "spec.database.adminSecretName connect to the application's databases",
                              false});
  const auto now = sight.clock.steady();
  std::erase_if(readiness.found, [&](const auto& one) { return now - one.second.seen > kRemembered; });
  facts.seen.looks_at_sessions = readiness.clean_looks;
  if (readiness.found.empty()) return;
  const bool hold = policy.spec.routing.on_incompatible == api::OnIncompatible::Hold;
  const auto found = text_of(readiness);
  facts.problems.push_back(
      {kIncompatible,
       policy.text() + ": sessions use what transaction pooling breaks: " + found +
           (hold ? "; they stay direct. Let them use a role of their own and Service " +
                       direct_service(policy) + ", or set spec.routing.onIncompatible: Move"
                 : "; they are moved all the same, as spec.routing.onIncompatible says"),
       false});
  if (!hold) return;
  facts.incompatible = found;
  facts.plan = direct_plan();
}

}  // namespace pgrightsizer::controller
