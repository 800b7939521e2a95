#include "pooler.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "../turn/pooler_spec.h"
#include "apply.h"

namespace pgrightsizer::controller {

namespace {

using transition::Count;
using transition::Step;
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

Count per_database(const Turn& turn, const Step& step) {
  for (const auto& pod : turn.facts.pods)
    if (pod.pod->meta.name == step.pod)
      return pgbouncer::cap_per_database(step.value, databases_of(turn.facts, pod));
  return sizing::kMinimumCap;  // its console is not there either
}

// A running pooler reads the new file at its next start only.
Result<void> raise_client_limit(const Turn& turn, Count limit) {
  for (const auto& pod : turn.facts.pods) {
    if (!pod.snapshot || pod.snapshot->config.max_client_conn >= limit) continue;
    auto console = console_of(turn, pod.pod->meta.name);
    if (!console) return fail(console.error());
    if (auto done = console->set_max_client_conn(limit); !done) return done;
  }
  return {};
}

}  // namespace

Result<void> apply_pooler(const Turn& turn, const Step& step) {
  turn.memory.pooler_swept = false;
  auto& password = turn.memory.console_password;
  if (password.empty()) password = random_password();
  auto spec = pooler_spec(turn.policy, turn.facts, turn.sight.options, password);
  if (!turn.facts.template_current) spec.guard_image = turn.sight.options.guard_image;
  spec.pool_size = step.pool_size;
  spec.boot_cap = step.boot_cap;
  spec.max_clients = step.max_clients;
  const auto& before = turn.facts.seen.pooler;
  if (before && step.max_clients > before->max_clients)
    if (auto done = raise_client_limit(turn, step.max_clients); !done) return done;
  const auto name = pgbouncer::pooler_name(turn.policy.name);
  const auto apply = [&](const kube::Resource& resource, const kube::Json& object) {
    return apply_ours(turn.sight.client, turn.policy, {resource, turn.policy.name_space, name},
                      object);
  };
  if (auto done = apply(res::kSecret, pgbouncer::secret(spec)); !done) return done;
  if (auto done = apply(res::kConfigMap, pgbouncer::config_map(spec)); !done) return done;
  if (auto done = apply(res::kDeployment, pgbouncer::deployment(spec)); !done) return done;
  if (auto done = apply(res::kPodDisruptionBudget, pgbouncer::disruption_budget(spec)); !done) return done;
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

// A raise is announced before it is made, a shrink after: a pod that begins to terminate in between
// counts with the larger of the two.
Result<void> set_cap(const Turn& turn, const Step& step) {
  auto console = console_of(turn, step.pod);
  if (!console) return fail(console.error());
  const bool raise = step.value > step.old_value;
  if (raise)
    if (auto done = announce(turn, step.pod, step.value); !done) return done;
  const Count each = per_database(turn, step);
  if (auto done = console->set_cap(each); !done) return done;
  if (raise) return {};
  const auto excess = console->holds_more_than(each);
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

}  // namespace pgrightsizer::controller
