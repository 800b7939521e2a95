#include <algorithm>
#include <charconv>
#include <set>

#include "../turn/names.h"
#include "../turn/pooler_spec.h"
#include "front.h"
#include "inputs.h"
#include "observe.h"

namespace pgrightsizer::controller {

namespace {

using transition::Count;
namespace res = kube::resources;

Count number(const kube::Json& annotations, const char* key) {
  if (!annotations.is_object() || !annotations.contains(key) || !annotations[key].is_string()) return 0;
  const auto text = annotations[key].get<std::string>();
  Count value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Count number(const std::string& text) {
  Count value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string decoded(const kube::Json& secret, const char* key) {
  const auto data = secret.value("data", kube::Json::object());
  return decode_base64(data.value(key, std::string()));
}

// What a pod may hold whose console has not been asked: it may have started before the file was changed.
Count unseen_cap(const api::ConnectionPolicy& policy, const Facts& facts, Count boot, Count announced) {
  if (announced > 0) return std::max(announced, boot);
  const auto& settings = policy.spec.sizing;
  return std::max(boot, sizing::boot_cap(settings.buffer, facts.seen.reserved, settings.pooler_replicas));
}

// What cannot be read may well be there, and as it should be: nothing is written for it.
bool unreadable(const Result<kube::Json>& object, Facts& facts) {
  if (object || object.error().kind == ErrorKind::NotFound) return false;
  facts.problems.push_back({kPoolerUnreadable, object.error().message()});
  return true;
}

// The pooler as it was last applied, from its Deployment's and ConfigMap's annotations.
void read_objects(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                  Facts& facts) {
  const std::string name = pgbouncer::pooler_name(policy.name);
  const auto deployment = sight.client.get({res::kDeployment, policy.name_space, name});
  facts.pooler_gone = !deployment && deployment.error().kind == ErrorKind::NotFound;
  if (unreadable(deployment, facts) || facts.pooler_gone) return;
  const auto meta = deployment->value("metadata", kube::Json::object());
  if (meta.value("/labels"_json_pointer, kube::Json::object()).value(kPolicyLabel, std::string()) !=
      policy.name) {
    facts.problems.push_back({kNotOurs, "Deployment " + policy.name_space + "/" + name +
                                             ": exists and does not belong to this policy; rename "
                                             "the policy or delete the Deployment"});
    return;
  }
  if (meta.contains("deletionTimestamp")) return;
  const auto config = sight.client.get({res::kConfigMap, policy.name_space, name});
  const auto secret = sight.client.get({res::kSecret, policy.name_space, name});
  if (unreadable(config, facts) || unreadable(secret, facts)) return;
  facts.pooler_uid = meta.value("uid", std::string());
  const auto annotations = meta.value("annotations", kube::Json::object());
  transition::Pooler pooler;
  pooler.pool_size = number(annotations, pgbouncer::kPoolSizeAnnotation);
  pooler.replicas = deployment->value("/spec/replicas"_json_pointer, Count{1});
  facts.guard_image = deployment->value(
      "/spec/template/spec/initContainers/0/image"_json_pointer, std::string());
  pooler.frozen = deployment->value("/spec/paused"_json_pointer, false);
  if (secret) memory.console_password = decoded(*secret, "console-password");
  if (config) {
    const auto notes = config->value("/metadata/annotations"_json_pointer, kube::Json::object());
    pooler.boot_cap = number(notes, pgbouncer::kBootCapAnnotation);
    pooler.max_clients = number(notes, pgbouncer::kMaxClientsAnnotation);
  }
  auto spec = pooler_spec(policy, facts, sight.options, memory.console_password);
  spec.pool_size = pooler.pool_size;
  spec.boot_cap = pooler.boot_cap;
  spec.max_clients = pooler.max_clients;
  facts.template_current = annotations.value(pgbouncer::kTemplateAnnotation, std::string()) ==
                           pgbouncer::template_digest(spec);
  pooler.current = config && secret && pooler.replicas == spec.replicas && facts.template_current &&
                   config->value("/data/pgbouncer.ini"_json_pointer, std::string()) ==
                       pgbouncer::render_ini(spec);
  facts.users_pending =
      secret && !facts.logins.empty() && decoded(*secret, "userlist.txt") != pgbouncer::render_userlist(spec);
  pooler.unseen_cap = unseen_cap(policy, facts, pooler.boot_cap, 0);
  pooler.least = pgbouncer::database_count(spec);
  facts.seen.pooler = pooler;
}

void read_pod(const Sight& sight, const api::ConnectionPolicy& policy, const Memory& memory,
              Facts& facts, const std::shared_ptr<const kube::Pod>& pod) {
  PoolerPodFacts read{pod, std::nullopt};
  transition::PoolerPod out;
  out.name = pod->meta.name;
  out.ready = pod->ready;
  out.terminating = pod->meta.deleting;
  // The informer's copy may be older than our own last word.
  const auto ours = memory.announced.find(pod->meta.uid);
  out.announced = ours == memory.announced.end() ? number(pod->cap_annotation) : ours->second;
  const Count boot = facts.seen.pooler ? facts.seen.pooler->boot_cap : 0;
  out.cap = unseen_cap(policy, facts, boot, out.announced);
  // A console that is open counts as a client and would keep a terminating pod alive.
  if (!pod->meta.deleting && !pod->ip.empty() && pod->phase == "Running" &&
      !memory.console_password.empty()) {
    auto console = pgbouncer::Console::connect(pod->ip, policy.spec.database.port, "pgrightsizer",
                                               memory.console_password, std::chrono::seconds(2), sight.options.connect);
    auto look = console ? console->look() : Result<pgbouncer::Snapshot>(fail(console.error()));
    if (look) {
      out.console = true;
      out.paused = look->paused;
      out.held = look->all_paused;
      out.servers = static_cast<Count>(look->servers.size());
      out.clients = static_cast<Count>(look->clients.size());
      read.snapshot = std::move(*look);
      const Count each = read.snapshot->config.max_db_connections;
      // SET divides a cap among the databases and rounds down: what was announced is what it means.
      out.cap = out.announced > 0 &&
                        each == pgbouncer::cap_per_database(out.announced, databases_of(facts, read))
                    ? out.announced
                    : each * std::max<Count>(1, static_cast<Count>(read.snapshot->databases.size()));
    } else {
      sight.logger.debug("pooler console does not answer",
                         {{"pod", pod->meta.key()}, {"error", look.error().message()}});
    }
  }
  out.least = databases_of(facts, read);
  facts.pods.push_back(std::move(read));
  facts.seen.pods.push_back(std::move(out));
}

// A front Service that is gone, or that somebody else has changed, is to lead again where it led: who
// came through the pooler may not fit the database.
transition::Route last_route(const Memory& memory, const Facts& facts) {
  if (!facts.seen.pooler) return transition::Route::Direct;
  if (memory.front_route) return *memory.front_route;
  const bool pooled = memory.status && memory.status->route == "Pooler";
  return pooled ? transition::Route::Pooler : transition::Route::Direct;
}

void read_route(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                Facts& facts) {
  const auto front = read_front(sight.client, policy);
  if (!front) {
    facts.problems.push_back({front.error().kind == ErrorKind::Invalid ? kNotOurs : kRouteUnreadable,
                              front.error().message()});
    return;
  }
  facts.front_exists = front->exists;
  facts.front_uid = front->uid;
  auto& seen = facts.seen;
  seen.route = front->route.value_or(last_route(memory, facts));
  if (front->route) memory.front_route = front->route;
  std::set<std::string> pooler_ips;
  for (const auto& pod : facts.pods)
    if (!pod.pod->ip.empty()) pooler_ips.insert(pod.pod->ip);
  const auto shown = read_endpoints(sight.client, policy, pooler_ips, seen.route);
  if (!shown) {
    facts.problems.push_back({kRouteUnreadable, shown.error().message()});
    return;
  }
  facts.front_has_poolers = shown->ready_pooler;
  const auto now = sight.clock.steady();
  if (memory.endpoints_route != shown->route) {
    memory.endpoints_route = shown->route;
    memory.endpoints_since = now;
  }
  seen.route_settled = memory.endpoints_route == seen.route &&
                       now - memory.endpoints_since >= sight.options.proxies_lag;
}

}  // namespace

void observe_pooler(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                    Facts& facts) {
  if (const auto sound = pgbouncer::check(pooler_spec(policy, facts, sight.options, "")); !sound)
    facts.problems.push_back({kPoolerNotPossible, sound.error().message()});
  read_objects(sight, policy, memory, facts);
  // A pause that is this old was for a restart that did not come about.
  constexpr std::chrono::seconds kPauseForRestart{5};
  auto& restart = memory.restart;
  if (restart.paused && sight.clock.steady() - *restart.paused > kPauseForRestart) restart.paused.reset();
  facts.seen.pause_is_ours = restart.paused.has_value();
  facts.seen.pause_retry_at = restart.pause_retry_at;
  facts.seen.restart_retry_at = restart.retry_at;
  for (const auto& pod : sight.stores.pods.list(policy.name_space)) {
    const auto label = pod->labels.find(kPolicyLabel);
    const auto component = pod->labels.find(kComponentLabel);
    if (label == pod->labels.end() || label->second != policy.name || pod->gone()) continue;
    if (component == pod->labels.end() || component->second != "pooler") continue;
    read_pod(sight, policy, memory, facts, pod);
  }
  memory.poolers_paused = any_paused(facts);
  std::erase_if(memory.announced, [&](const auto& one) {
    return std::none_of(facts.pods.begin(), facts.pods.end(),
                        [&](const auto& pod) { return pod.pod->meta.uid == one.first; });
  });
  if (policy.spec.routing.mode == api::RoutingMode::Service) read_route(sight, policy, memory, facts);
}

}  // namespace pgrightsizer::controller
