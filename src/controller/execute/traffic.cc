#include "traffic.h"

#include <algorithm>

#include "../turn/names.h"
#include "../turn/targets.h"
#include "pgrightsizer/base/rfc3339.h"
#include "pooler.h"
#include "routing.h"

namespace pgrightsizer::controller {

namespace {

using transition::Route;
using transition::Step;
using transition::StepKind;
namespace res = kube::resources;

// Idle sessions of the application's roles only, the longest idle first.
Result<void> terminate_idle(const Turn& turn, std::size_t at_once) {
  std::vector<postgres::Backend> idle;
  for (const auto& backend : turn.facts.direct)
    if (backend.state == "idle") idle.push_back(backend);
  std::sort(idle.begin(), idle.end(),
            [](const auto& a, const auto& b) { return a.idle_for > b.idle_for; });
  idle.resize(std::min(idle.size(), at_once));
  if (idle.empty() || !turn.memory.admin) return {};
  const auto done = postgres::terminate_idle(*turn.memory.admin, idle);
  if (!done) return fail(done.error());
  return {};
}

// KILL_CLIENT does not ask whether they still are, as ours in PostgreSQL does: those that have just
// been served are left, as the next to ask again.
std::vector<pgbouncer::ClientLink> longest_idle(std::vector<pgbouncer::ClientLink> clients,
                                                std::size_t at_once) {
  constexpr std::chrono::seconds kForLong{2};  // told in whole seconds
  std::erase_if(clients, [&](const auto& client) {
    return client.state != "idle" || client.id == 0 || client.idle_for < kForLong;
  });
  std::sort(clients.begin(), clients.end(),
            [](const auto& a, const auto& b) { return a.idle_for > b.idle_for; });
  clients.resize(std::min(clients.size(), at_once));
  return clients;
}

// Once per drain: the template's annotation tells whether it was done already.
Result<void> roll_workload(const Turn& turn, const kube::Ref& ref, const std::string& since) {
  const auto live = turn.sight.client.get(ref);
  if (!live) return fail(live.error());
  const auto annotations =
      live->value("/spec/template/metadata/annotations"_json_pointer, kube::Json::object());
  const auto rolled =
      api::parse_time(annotations.value("kubectl.kubernetes.io/restartedAt", std::string()));
  if (rolled && *rolled >= api::parse_time(since)) return {};
  const auto version = live->value("/metadata/resourceVersion"_json_pointer, std::string());
  const kube::Json stamp = {{"kubectl.kubernetes.io/restartedAt", since}};
  const kube::Json patch = {
      {"metadata", {{"resourceVersion", version}}},
      {"spec", {{"template", {{"metadata", {{"annotations", stamp}}}}}}}};
  const auto done = turn.sight.client.merge_patch(ref, patch);
  if (!done) return fail(done.error());
  return {};
}

Result<void> roll_workloads(const Turn& turn, const api::Status& status) {
  const auto since = to_rfc3339(status.drain_since.value_or(turn.sight.clock.now()));
  for (const auto& target : targets_of(turn.policy, turn.sight.stores)) {
    const auto& resource = target.kind == "StatefulSet" ? res::kStatefulSet : res::kDeployment;
    auto done = roll_workload(turn, {resource, turn.policy.name_space, target.name}, since);
    if (!done) return done;
  }
  return {};
}

}  // namespace

Result<void> switch_to(const Turn& turn, const Step& step, Route route, api::Status& status) {
  status.drain_since.reset();
  if (step.kind == StepKind::TurnBack) {
    status.turned_back_since = turn.sight.clock.now();
    status.retry_at = step.deadline;
  }
  if (auto done = write_status(turn, status); !done) return done;
  if (auto done = switch_route(turn.sight.client, turn.policy, route); !done) return done;
  tell(turn, kTrafficSwitched, "Switch",
       std::string("Service ") + front_service(turn.policy) + " → " +
           (route == Route::Pooler ? "PgBouncer" : "PostgreSQL") + ": " + step.reason);
  tell(turn, kDrainStarted, "Drain",
       route == Route::Pooler
           ? std::to_string(turn.facts.seen.direct_sessions) + " direct sessions remain to be drained"
           : "clients of the pooler remain to be drained");
  return {};
}

Result<void> drain_direct(const Turn& turn, const Step& step, const api::Status& status) {
  constexpr std::size_t kAtOnce = 20;
  if (step.value > 0) return terminate_idle(turn, static_cast<std::size_t>(step.value));
  if (turn.policy.spec.routing.drain == api::DrainMode::RolloutRestart)
    return roll_workloads(turn, status);
  return terminate_idle(turn, kAtOnce);
}

// Asked anew: who was idle at the last look may be in a transaction by now.
Result<void> drain_pooled(const Turn& turn) {
  constexpr std::size_t kAtOnce = 20;
  for (const auto& pod : turn.facts.pods) {
    if (!pod.snapshot || pod.snapshot->version < pgbouncer::kKillsClients) continue;
    auto console = console_of(turn, pod.pod->meta.name);
    if (!console) return fail(console.error());
    auto clients = console->clients();
    if (!clients) return fail(clients.error());
    for (const auto& client : longest_idle(std::move(*clients), kAtOnce))
      if (auto done = console->kill_client(client.id); !done) return done;
  }
  return {};
}

}  // namespace pgrightsizer::controller
