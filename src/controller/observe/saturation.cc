#include <algorithm>

#include "../turn/admin.h"
#include "inputs.h"
#include "observe.h"

namespace pgrightsizer::controller {

namespace {

using saturation::Level;
using saturation::Picture;
using saturation::Sample;
using sizing::Count;
using std::chrono::microseconds;
using transition::Route;

constexpr std::chrono::seconds kLoginDeadline{2};

std::string session_text(const postgres::Backend& backend) {
  return "session " + std::to_string(backend.pid) + " of " + backend.user +
         (backend.state.empty() ? "" : " (" + backend.state + ")");
}

// Everything goes through the pooler; while a move is under way PostgreSQL is what may be full.
bool all_pooled(const transition::Observation& seen) {
  return seen.pooler && seen.route == Route::Pooler && seen.route_settled && seen.direct_sessions == 0;
}

// Nothing answers, or waiting is our own doing: that says nothing of the load.
bool says_nothing(const transition::Observation& seen) {
  return !seen.database_up || seen.database_stopping ||
         std::any_of(seen.pods.begin(), seen.pods.end(), [](const auto& pod) { return pod.paused; });
}

Sample measured(const Facts& facts) {
  const auto& seen = facts.seen;
  Sample now;
  if (!seen.database_up) return now;
  now.pooled = all_pooled(seen);
  now.used = facts.sessions;
  now.limit = seen.usable();
  if (!seen.pooler) return now;
  Count busy = 0;
  Count clients = 0;
  Count client_limit = 0;
  for (const auto& pod : facts.pods) {
    if (!pod.snapshot) continue;
    clients += static_cast<Count>(pod.snapshot->clients.size());
    client_limit += pod.snapshot->config.max_client_conn;
    for (const auto& pool : pod.snapshot->pools) {
      busy += pool.servers_active;
      now.waiting += pool.clients_waiting;
      now.longest_wait = std::max(now.longest_wait, pool.longest_wait);
    }
  }
  if (!now.pooled) return now;
  now.used = busy;
  now.limit = seen.pooler->pool_size;
  now.of_clients = clients * now.limit > busy * client_limit;
  if (!now.of_clients) return now;
  now.used = clients;
  now.limit = client_limit;
  return now;
}

// What the poolers' clients have waited since the look before; a pod seen first begins to count.
void add_waits(const Facts& facts, Memory::SaturationWatch& watch, Sample& sample) {
  std::map<std::string, pgbouncer::Totals> now;
  for (const auto& pod : facts.pods) {
    if (!pod.snapshot) continue;
    const auto& totals = now[pod.pod->meta.uid] = pod.snapshot->totals;
    const auto before = watch.totals.find(pod.pod->meta.uid);
    if (before == watch.totals.end() || totals.transactions < before->second.transactions) continue;
    sample.transactions += totals.transactions - before->second.transactions;
    sample.waited += std::max(microseconds(0), totals.waited - before->second.waited);
  }
  watch.totals = std::move(now);
}

// On the direct route nobody keeps a queue: what a login takes is what everybody waits.
microseconds login_time(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                        const Facts& facts) {
  auto options = admin_login(facts, facts.database.host);
  options.deadline = kLoginDeadline;
  const auto begun = sight.clock.steady();
  const auto session = sight.options.connect(options);
  const auto took = std::chrono::duration_cast<microseconds>(sight.clock.steady() - begun);
  if (!session) note_failed_login(policy, session.error(), memory);
  return session || session.error().kind == ErrorKind::Timeout ? took : microseconds(0);
}

void count_states(const std::vector<postgres::Backend>& sessions, Picture& picture) {
  const postgres::Backend* longest = nullptr;
  std::map<std::int64_t, Count> holders;
  for (const auto& one : sessions) {
    const bool in_transaction = one.state.starts_with("idle in transaction");
    if (one.state == "active") ++picture.active;
    if (in_transaction) ++picture.idle_in_transaction;
    if (in_transaction && (!longest || one.idle_for > longest->idle_for)) longest = &one;
    if (one.blocked_by == 0) continue;
    ++picture.waiting_for_locks;
    ++holders[one.blocked_by];
  }
  if (longest) picture.longest_open = session_text(*longest);
  const auto most = std::max_element(holders.begin(), holders.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == holders.end()) return;
  picture.lock_holder = "session " + std::to_string(most->first);
  for (const auto& one : sessions)
    if (one.pid == most->first) picture.lock_holder = session_text(one);
}

void count_clients(const Sight& sight, const api::ConnectionPolicy& policy, const Facts& facts,
                   Picture& picture) {
  std::map<std::string, Count> held;
  for (const auto& one : facts.direct) ++held[one.address];
  for (const auto& pod : facts.pods) {
    if (!pod.snapshot) continue;
    picture.client_limit += pod.snapshot->config.max_client_conn;
    picture.clients += static_cast<Count>(pod.snapshot->clients.size());
    for (const auto& one : pod.snapshot->clients) ++held[one.address];
  }
  for (const auto& one : held) picture.held += one.second;
  // Of an address that is no pod's nobody knows how many instances are behind it.
  for (const auto& pod : instances_of(policy, sight.stores)) {
    const auto own = pod->ip.empty() ? held.end() : held.find(pod->ip);
    if (own == held.end() || own->second <= picture.greediest_held) continue;
    picture.greediest = "pod " + pod->meta.name;
    picture.greediest_held = own->second;
  }
}

Picture picture_of(const Sight& sight, const api::ConnectionPolicy& policy, const Facts& facts,
                   const Sample& sample) {
  Picture picture;
  picture.pooled = sample.pooled;
  picture.limit = sample.limit;
  picture.waiting = sample.waiting;
  count_states(sample.pooled ? facts.pooled : facts.direct, picture);
  count_clients(sight, policy, facts, picture);
  picture.expected = sizing::direct_demand(facts.workloads, policy.spec.sizing.environment);
  for (const auto& workload : facts.workloads) {
    picture.instances += workload.replicas;
    picture.expected_each = std::max(
        picture.expected_each, sizing::connections_of(workload, policy.spec.sizing.environment));
  }
  return picture;
}

}  // namespace

void observe_saturation(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                        Facts& facts) {
  auto& watch = memory.saturation;
  auto& out = facts.saturation;
  const auto& spec = policy.spec.saturation;
  const auto now = sight.clock.steady();
  out.now = measured(facts);
  if (!watch.heard) watch.heard = now;
  const bool counts = !says_nothing(facts.seen);
  if (!counts) {
    watch.looked = now;
    watch.totals.clear();
  } else if (now - watch.looked >= spec.sample) {
    watch.looked = out.now.at = now;
    if (out.now.pooled)
      add_waits(facts, watch, out.now);
    else
      out.now.longest_wait = login_time(sight, policy, memory, facts);
    watch.window.add(out.now, spec.thresholds.window);
    if (out.now.limit > 0) watch.heard = now;
  }
  out.state = watch.window.state(spec.thresholds, now);
  out.silent = now - *watch.heard > spec.thresholds.window;
  const bool normal = !out.state || out.state->level == Level::Normal;
  if (!normal && counts) watch.cause = saturation::diagnose(picture_of(sight, policy, facts, out.now));
  out.cause = watch.cause;
  facts.seen.saturated = out.state && out.state->level == Level::Critical;
}

}  // namespace pgrightsizer::controller
