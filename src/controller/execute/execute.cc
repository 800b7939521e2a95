#include "execute.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "../turn/names.h"
#include "../turn/pooler_spec.h"
#include "../turn/targets.h"
#include "apply.h"
#include "pgrightsizer/base/rfc3339.h"
#include "restart.h"
#include "role.h"
#include "routing.h"
#include "standbys.h"

namespace pgrightsizer::controller {

namespace {

using transition::Count;
using transition::Route;
using transition::Step;
using transition::StepKind;
namespace res = kube::resources;

std::string text(Count value) { return std::to_string(value); }

std::string random_password() {
  std::array<unsigned char, 24> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return {};
  std::string out;
  for (const auto byte : bytes) {
    constexpr const char* kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    out += kLetters[byte & 63U];
  }
  return out;
}

// ── max_connections ─────────────────────────────────────────────────────────────────────────────

Result<void> patch(const Turn& turn, const Step& step) {
  if (turn.facts.seen.foreign_change_since) turn.memory.request.put_back = turn.sight.clock.now();
  if (auto done = request_value(turn, step.value); !done) return done;
  tell(turn, kMaxConnectionsPatched, "Patch",
       "max_connections " + text(step.old_value) + " → " + text(step.value) + ": " + step.reason);
  return {};
}

// ── The pooler ──────────────────────────────────────────────────────────────────────────────────

Result<void> apply_pooler(const Turn& turn, const Step& step) {
  turn.memory.pooler_swept = false;
  auto& password = turn.memory.console_password;
  if (password.empty()) password = random_password();
  auto spec = pooler_spec(turn.policy, turn.facts, turn.sight.options, password);
  if (!turn.facts.template_current) spec.guard_image = turn.sight.options.guard_image;
  spec.pool_size = step.pool_size;
  spec.boot_cap = step.boot_cap;
  spec.max_clients = step.max_clients;
  const auto name = pgbouncer::pooler_name(turn.policy.name);
  const auto apply = [&](const kube::Resource& resource, const kube::Json& object) {
    return apply_ours(turn.sight.client, turn.policy, {resource, turn.policy.name_space, name},
                      object);
  };
  if (auto done = apply(res::kSecret, pgbouncer::secret(spec)); !done) return done;
  if (auto done = apply(res::kConfigMap, pgbouncer::config_map(spec)); !done) return done;
  if (auto done = apply(res::kDeployment, pgbouncer::deployment(spec)); !done) return done;
  if (auto done = apply(res::kPodDisruptionBudget, pgbouncer::disruption_budget(spec)); !done) return done;
  const auto& before = turn.facts.seen.pooler;
  if (!before)
    tell(turn, kPoolerProvisioned, "Provision",
         "PgBouncer with " + text(spec.replicas) + " pods for a pool of " + text(step.pool_size) +
             " provisioned: " + step.reason);
  else if (before->pool_size != step.pool_size)
    tell(turn, kPoolerResized, "Resize",
         "pool " + text(before->pool_size) + " → " + text(step.pool_size) + ": " + step.reason);
  return {};
}

Result<pgbouncer::Console> console_of(const Turn& turn, const std::string& pod_name) {
  for (const auto& pod : turn.facts.pods)
    if (pod.pod->meta.name == pod_name && !pod.pod->meta.deleting)
      return pgbouncer::Console::connect(pod.pod->ip, turn.policy.spec.database.port, "pgrightsizer",
                                         turn.memory.console_password, std::chrono::seconds(2),
                                         turn.sight.options.connect);
  return fail(ErrorKind::NotFound, "is gone", "Pod " + turn.policy.name_space + "/" + pod_name);
}

Result<void> announce(const Turn& turn, const std::string& pod_name, Count cap) {
  for (const auto& pod : turn.facts.pods) {
    if (pod.pod->meta.name != pod_name) continue;
    const kube::Json patch = {
        {"metadata",
         {{"uid", pod.pod->meta.uid}, {"annotations", {{pgbouncer::kCapAnnotation, text(cap)}}}}}};
    // Until the answer is here, either may be what is written.
    auto& known = turn.memory.announced[pod.pod->meta.uid];
    known = std::max(known, cap);
    const auto done = turn.sight.client.merge_patch(
        {res::kPod, turn.policy.name_space, pod_name}, patch);
    if (!done) return fail(done.error());
    known = cap;
    return {};
  }
  return fail(ErrorKind::NotFound, "is gone", "Pod " + turn.policy.name_space + "/" + pod_name);
}

Count per_database(const Turn& turn, Count cap) {
  pgbouncer::Spec spec;
  spec.logins = turn.facts.logins;
  return pgbouncer::cap_per_database(cap, pgbouncer::database_count(spec));
}

// A raise is announced before it is made, a shrink after: a pod that begins to terminate in between
// counts with the larger of the two.
Result<void> set_cap(const Turn& turn, const Step& step) {
  auto console = console_of(turn, step.pod);
  if (!console) return fail(console.error());
  const bool raise = step.value > step.old_value;
  if (raise)
    if (auto done = announce(turn, step.pod, step.value); !done) return done;
  if (auto done = console->set_cap(per_database(turn, step.value)); !done) return done;
  if (raise) return {};
  const auto excess = console->holds_more_than(per_database(turn, step.value));
  if (!excess) return fail(excess.error());
  if (*excess)
    if (auto done = console->reconnect(); !done) return done;
  return announce(turn, step.pod, step.value);
}

Result<void> reconnect(const Turn& turn, const Step& step) {
  auto console = console_of(turn, step.pod);
  if (!console) return fail(console.error());
  return console->reconnect();
}

Result<void> remove_pooler(const Turn& turn, const Step& step) {
  turn.memory.pooler_swept = false;
  const kube::Ref deployment{res::kDeployment, turn.policy.name_space,
                             pgbouncer::pooler_name(turn.policy.name)};
  if (auto done = turn.sight.client.remove(deployment, {turn.facts.pooler_uid, ""}); !done) return done;
  if (auto done = sweep_pooler(turn); !done) return done;
  tell(turn, kPoolerRemoved, "Remove", "PgBouncer removed: " + step.reason);
  return {};
}

// ── The route ───────────────────────────────────────────────────────────────────────────────────

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
           ? text(turn.facts.seen.direct_sessions) + " direct sessions remain to be drained"
           : "clients of the pooler remain to be drained");
  return {};
}

// Idle sessions of the application's roles only, the longest idle first.
Result<void> terminate_idle(const Turn& turn, std::size_t at_once) {
  std::vector<postgres::Backend> idle;
  for (const auto& backend : turn.facts.direct)
    if (backend.state == "idle") idle.push_back(backend);
  std::sort(idle.begin(), idle.end(),
            [](const auto& a, const auto& b) { return a.idle_for > b.idle_for; });
  idle.resize(std::min(idle.size(), at_once));
  std::vector<std::int64_t> pids;
  pids.reserve(idle.size());
  for (const auto& backend : idle) pids.push_back(backend.pid);
  if (pids.empty() || !turn.memory.admin) return {};
  const auto done = postgres::terminate(*turn.memory.admin, pids);
  if (!done) return fail(done.error());
  return {};
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

Result<void> drain_direct(const Turn& turn, const Step& step, const api::Status& status) {
  constexpr std::size_t kAtOnce = 20;
  if (step.value > 0) return terminate_idle(turn, static_cast<std::size_t>(step.value));
  if (turn.policy.spec.routing.drain == api::DrainMode::RolloutRestart)
    return roll_workloads(turn, status);
  return terminate_idle(turn, kAtOnce);
}

Result<void> drain_pooled(const Turn& turn) {
  constexpr int kAtOnce = 20;
  for (const auto& pod : turn.facts.pods) {
    if (!pod.snapshot || pod.snapshot->version < pgbouncer::Version{1, 24, 0}) continue;
    auto console = console_of(turn, pod.pod->meta.name);
    if (!console) return fail(console.error());
    int ended = 0;
    for (const auto& client : pod.snapshot->clients) {
      if (client.state != "idle" || client.id == 0 || ended == kAtOnce) continue;
      if (auto done = console->kill_client(client.id); !done) return done;
      ++ended;
    }
  }
  return {};
}

}  // namespace

Result<void> sweep_pooler(const Turn& turn) {
  const auto name = pgbouncer::pooler_name(turn.policy.name);
  for (const auto& resource : {res::kPodDisruptionBudget, res::kConfigMap, res::kSecret})
    if (auto done = remove_ours(turn.sight.client, turn.policy, {resource, turn.policy.name_space, name});
        !done)
      return done;
  turn.memory.console_password.clear();
  turn.memory.pooler_swept = true;
  return {};
}

Result<void> execute(const Turn& turn, const Step& step, api::Status& status) {
  switch (step.kind) {
    case StepKind::None:
    case StepKind::Wait: return {};
    case StepKind::PatchMaxConnections: return patch(turn, step);
    case StepKind::FreezePooler: return hold_rollouts(turn, true);
    case StepKind::ThawPooler: return hold_rollouts(turn, false);
    case StepKind::Checkpoint: return begin_checkpoint(turn);
    case StepKind::EndTransactions: return end_transactions(turn);
    case StepKind::Pause: return pause(turn);
    case StepKind::Resume: return resume(turn);
    case StepKind::Restart: return restart(turn, step, status);
    case StepKind::RestoreMaxConnections: return restore(turn, step, status);
    case StepKind::ApplyPooler: return apply_pooler(turn, step);
    case StepKind::SetCap: return set_cap(turn, step);
    case StepKind::Reconnect: return reconnect(turn, step);
    case StepKind::SetRoleLimit: return set_role_limit(turn, step, status);
    case StepKind::SwitchToPooler: return switch_to(turn, step, Route::Pooler, status);
    case StepKind::SwitchToDirect:
    case StepKind::TurnBack: return switch_to(turn, step, Route::Direct, status);
    case StepKind::DrainDirect: return drain_direct(turn, step, status);
    case StepKind::DrainPooled: return drain_pooled(turn);
    case StepKind::RemovePooler: return remove_pooler(turn, step);
    case StepKind::PinStandby: return pin_standby(turn, step);
    case StepKind::RestartStandby: return restart_standby(turn, step);
    case StepKind::CheckpointStandby: return checkpoint_standby(turn, step);
    case StepKind::WriteFile: return write_file(turn, step);
    case StepKind::ResetInstance: return reset_instance(turn, step);
  }
  return fail(ErrorKind::Internal, "unknown step");
}

}  // namespace pgrightsizer::controller
