#include "spec.h"

#include <set>

namespace pgrightsizer::api {

namespace {

using sizing::Count;
using std::chrono::seconds;

// The same numbers as in crds/pgrightsizer.io_connectionpolicies.yaml.
constexpr Bounds kPerInstance{1, 10'000};
constexpr Bounds kPort{1, 65'535};
constexpr Bounds kBuffer{20, 10'000};
constexpr Bounds kConnections{20, sizing::kMaxConnectionsCeiling};
constexpr Bounds kTierInstances{1, 1'000'000};
constexpr Bounds kPoolSize{10, sizing::kMaxConnectionsCeiling};
constexpr Bounds kHysteresis{0, 1'000'000};
constexpr Bounds kReplicas{1, 8};
constexpr Bounds kDrainTimeout{1, 86'400};
constexpr Bounds kInterval{0, 86'400};
constexpr Bounds kStabilization{0, 3'600};
constexpr Bounds kMaxPause{15, 100};
constexpr Bounds kLongTransaction{1, 86'400};
constexpr Bounds kPerDay{1, 60};
constexpr Bounds kPercent{1, 100};
constexpr Bounds kWaitMilliseconds{1, 600'000};
constexpr Bounds kForSeconds{2, 3'600};
constexpr Bounds kSampleSeconds{1, 60};
constexpr Bounds kWindowDuration{60, 604'800};
constexpr std::size_t kMostWindows = 16;
constexpr std::size_t kLongestText = 256;
constexpr std::size_t kMostWorkloads = 64;
constexpr std::size_t kMostTiers = 8;
constexpr std::size_t kMostSecrets = 16;
constexpr std::size_t kMostLabels = 16;

TargetRef read_target(const Reader& target) {
  if (target.text("apiVersion", "apps/v1") != "apps/v1") {
    target.wrong("apiVersion", "is \"" + target.text("apiVersion") + "\"", "use apps/v1");
  }
  TargetRef ref{target.required_text("kind"), target.required_object_name("name")};
  if (ref.kind != "Deployment" && ref.kind != "StatefulSet") {
    target.wrong("kind", "is \"" + ref.kind + "\"", "use Deployment or StatefulSet");
  }
  return ref;
}

WorkloadEntry read_workload(const Reader& workload) {
  WorkloadEntry entry;
  entry.name = workload.required_object_name("name");
  if (!workload.has("targetRef")) {
    workload.wrong("targetRef", "is missing", "name the Deployment or StatefulSet");
  }
  entry.target = read_target(workload.object("targetRef"));
  entry.connections_per_instance = workload.optional_count("connectionsPerInstance", kPerInstance);
  entry.concurrent_requests = workload.optional_count("concurrentRequests", kPerInstance);
  if (entry.connections_per_instance && entry.concurrent_requests) {
    workload.wrong("", "has both connectionsPerInstance and concurrentRequests",
                   "keep one of them: the second is an estimate of the first");
  }
  return entry;
}

std::vector<WorkloadEntry> read_workloads(const Reader& spec) {
  std::vector<WorkloadEntry> entries;
  std::set<std::string> names;
  std::set<std::pair<std::string, std::string>> targets;
  for (const Reader& workload : spec.objects("workloads")) {
    entries.push_back(read_workload(workload));
    const WorkloadEntry& entry = entries.back();
    if (!names.insert(entry.name).second) {
      workload.wrong("name", "\"" + entry.name + "\" is there twice",
                     "give each entry its own name");
    }
    if (!targets.insert({entry.target.kind, entry.target.name}).second) {
      workload.wrong("targetRef",
                     "names " + entry.target.kind + " " + entry.target.name + " a second time",
                     "remove one of the entries: its instances would be counted twice");
    }
  }
  if (entries.size() > kMostWorkloads) {
    spec.wrong("workloads", "has more than 64 entries", "use workloadSelector");
  }
  return entries;
}

LabelSelector read_selector(const Reader& selector) {
  LabelSelector result;
  if (selector.has("matchExpressions")) {
    selector.wrong("matchExpressions", "is not supported", "use matchLabels");
  }
  result.match_labels = selector.object("matchLabels").texts();
  if (result.match_labels.empty() || result.match_labels.size() > kMostLabels) {
    selector.wrong("matchLabels", "has " + std::to_string(result.match_labels.size()) + " labels",
                   "give 1 to 16 labels that the workloads themselves carry");
  }
  return result;
}

void read_who_connects(const Reader& reader, Spec& spec) {
  spec.workloads = read_workloads(reader);
  if (reader.has("workloadSelector")) {
    spec.workload_selector = read_selector(reader.object("workloadSelector"));
  }
  if (!spec.workloads.empty() && spec.workload_selector) {
    reader.wrong("workloads", "is given together with workloadSelector", "keep one of the two");
  }
  if (spec.workloads.empty() && !spec.workload_selector) {
    reader.wrong("workloads", "is missing, and so is workloadSelector",
                 "say with one of the two which workloads use the database");
  }
}

void read_stateful_set(const Reader& reader, DatabaseSpec& database) {
  database.name = reader.required_object_name("name");
  const Reader config = reader.object("config");
  database.config_map = config.required_object_name("configMapName");
  database.config_key = config.text("key", database.config_key);
  if (!is_config_map_key(database.config_key)) {
    config.wrong("key", "is no key that a ConfigMap can have",
                 "use at most 253 letters, digits, '-', '_' and '.'");
  }
  if (reader.has("host")) {
    reader.wrong("host", "is given with provider StatefulSet",
                 "remove it or use provider External");
  }
}

void read_external(const Reader& reader, DatabaseSpec& database) {
  database.host = reader.required_text("host");
  if (!is_host(database.host)) {
    reader.wrong("host", "is \"" + database.host + "\"", "use an IP address or a DNS name");
  }
  for (const char* field : {"name", "config"}) {
    if (reader.has(field)) {
      reader.wrong(field, "is given with provider External",
                   "remove it or use provider StatefulSet");
    }
  }
}

DatabaseSpec read_database(const Reader& reader) {
  DatabaseSpec database;
  if (!reader.has("provider")) {
    reader.wrong("provider", "is missing", "use one of " + list_of(kProviders));
  }
  database.provider = reader.choice("provider", database.provider, kProviders);
  database.port = static_cast<int>(reader.count("port", database.port, kPort));
  if (database.provider == ProviderKind::External) {
    read_external(reader, database);
  } else {
    read_stateful_set(reader, database);
  }
  database.admin_secret = reader.required_object_name("adminSecretName");
  database.application_secrets = reader.object_names("applicationSecrets");
  if (database.application_secrets.empty() || database.application_secrets.size() > kMostSecrets) {
    reader.wrong("applicationSecrets",
                 "has " + std::to_string(database.application_secrets.size()) + " entries",
                 "name 1 to 16 Secrets with the keys username, password and database");
  }
  return database;
}

void read_sizing(const Reader& reader, sizing::Settings& settings) {
  settings.buffer = reader.count("bufferConnections", settings.buffer, kBuffer);
  settings.min_connections = reader.count("minConnections", settings.min_connections, kConnections);
  settings.max_connections = reader.count("maxConnections", settings.max_connections, kConnections);
  if (settings.min_connections > settings.max_connections) {
    reader.wrong("minConnections",
                 "is " + std::to_string(settings.min_connections) + ", above maxConnections (" +
                     std::to_string(settings.max_connections) + ")",
                 "lower minConnections or raise maxConnections");
  }
  settings.count_instances =
      reader.choice("countInstances", settings.count_instances, kCountInstances);
  settings.enforce = reader.choice("enforce", settings.enforce, kEnforces);
}

std::vector<sizing::Tier> read_tiers(const Reader& pooler, const sizing::Settings& settings) {
  if (!pooler.has("tiers")) return settings.tiers;
  std::vector<sizing::Tier> tiers;
  for (const Reader& reader : pooler.objects("tiers")) {
    sizing::Tier tier;
    for (const char* field : {"instances", "poolSize"}) {
      if (!reader.has(field)) reader.wrong(field, "is missing", "set it");
    }
    tier.instances = reader.count("instances", 1, kTierInstances);
    tier.pool_size = reader.count("poolSize", kPoolSize.low, kPoolSize);
    const auto rises = [&](const char* field, Count now, Count before) {
      if (now > before) return;
      reader.wrong(field,
                   "is " + std::to_string(now) + ", not above the " + std::to_string(before) +
                       " of the tier before it",
                   "let tiers rise strictly in instances and poolSize");
    };
    if (!tiers.empty()) {
      rises("instances", tier.instances, tiers.back().instances);
      rises("poolSize", tier.pool_size, tiers.back().pool_size);
    }
    tiers.push_back(tier);
  }
  if (tiers.empty() || tiers.size() > kMostTiers) {
    pooler.wrong("tiers", "has " + std::to_string(tiers.size()) + " entries",
                 "give 1 to 8 tiers; to go without a pooler set provision: Never");
  }
  return tiers;
}

// Each pooler pod needs a cap of at least two: 0 would mean "unlimited" to PgBouncer.
void check_tiers(const Reader& pooler, const sizing::Settings& settings) {
  if (settings.tiers.empty()) return;
  const sizing::Tier& first = settings.tiers.front();
  if (first.pool_size < settings.pooler_replicas * sizing::kMinimumCap) {
    pooler.wrong("tiers[0].poolSize",
                 "is " + std::to_string(first.pool_size) + ", less than 2 for each of " +
                     std::to_string(settings.pooler_replicas) + " pooler pods",
                 "raise it or lower pooler.replicas");
  }
  if (first.instances <= settings.hysteresis_instances) {
    pooler.wrong("hysteresisInstances",
                 "is " + std::to_string(settings.hysteresis_instances) +
                     ", not below the first tier's " + std::to_string(first.instances) +
                     " instances: the pooler would never be left",
                 "lower it");
  }
}

PoolerSpec read_pooler(const Reader& reader, sizing::Settings& settings) {
  settings.provision = reader.choice("provision", settings.provision, kProvisions);
  settings.tiers = read_tiers(reader, settings);
  settings.hysteresis_instances =
      reader.count("hysteresisInstances", settings.hysteresis_instances, kHysteresis);
  settings.pooler_replicas = reader.count("replicas", settings.pooler_replicas, kReplicas);
  check_tiers(reader, settings);
  auto pull_secrets = reader.object_names("imagePullSecrets");
  if (pull_secrets.size() > kMostSecrets) {
    reader.wrong("imagePullSecrets", "has more than 16 entries", "one Secret can hold several registries");
  }
  return {reader.text("image"), std::move(pull_secrets), reader.object_name("tlsSecretName"),
          reader.dump("resources")};
}

RoutingSpec read_routing(const Reader& reader) {
  RoutingSpec routing;
  routing.mode = reader.choice("mode", routing.mode, kRoutingModes);
  routing.drain = reader.choice("drain", routing.drain, kDrainModes);
  routing.drain_timeout =
      seconds{reader.count("drainTimeoutSeconds", routing.drain_timeout.count(), kDrainTimeout)};
  routing.on_incompatible =
      reader.choice("onIncompatible", routing.on_incompatible, kOnIncompatible);
  return routing;
}

WindowSpec read_window(const Reader& reader) {
  WindowSpec window;
  window.schedule = reader.required_text("schedule");
  window.time_zone = reader.text("timeZone", window.time_zone);
  for (const char* field : {"schedule", "timeZone"}) {
    if (reader.text(field).size() > kLongestText) {
      reader.wrong(field, "is longer than 256 characters", "shorten it");
    }
  }
  window.duration = seconds{
      reader.count("durationSeconds", window.duration.count(), kWindowDuration)};
  return window;
}

std::vector<WindowSpec> read_windows(const Reader& restart) {
  std::vector<WindowSpec> windows;
  for (const Reader& window : restart.objects("windows")) windows.push_back(read_window(window));
  if (windows.size() > kMostWindows) {
    restart.wrong("windows", "has more than 16 entries", "let one schedule name several times");
  }
  return windows;
}

RestartSpec read_restart(const Reader& reader) {
  RestartSpec restart;
  restart.policy = reader.choice("policy", restart.policy, kRestartPolicies);
  restart.max_pause = seconds{reader.count("maxPauseSeconds", restart.max_pause.count(), kMaxPause)};
  restart.long_transactions =
      reader.choice("longTransactions", restart.long_transactions, kLongTransactions);
  restart.long_transaction = seconds{
      reader.count("longTransactionSeconds", restart.long_transaction.count(), kLongTransaction)};
  restart.emergency = reader.choice("emergency", restart.emergency, kEmergencies);
  restart.max_per_day = static_cast<int>(reader.count("maxPerDay", restart.max_per_day, kPerDay));
  restart.windows = read_windows(reader);
  if (restart.policy == RestartPolicy::InWindow && restart.windows.empty()) {
    reader.wrong("windows", "is empty with policy InWindow", "give a window, or use policy Auto");
  }
  restart.min_interval =
      seconds{reader.count("minIntervalSeconds", restart.min_interval.count(), kInterval)};
  return restart;
}

BehaviorSpec read_behavior(const Reader& reader) {
  BehaviorSpec behavior;
  const auto window = [&](const char* direction, seconds otherwise) {
    return seconds{
        reader.object(direction).count("stabilizationSeconds", otherwise.count(), kStabilization)};
  };
  behavior.scale_up = window("scaleUp", behavior.scale_up);
  behavior.scale_down = window("scaleDown", behavior.scale_down);
  return behavior;
}

SaturationSpec read_saturation(const Reader& reader) {
  SaturationSpec out;
  auto& limits = out.thresholds;
  limits.warning_percent = reader.count("warningPercent", limits.warning_percent, kPercent);
  limits.critical_percent = reader.count("criticalPercent", limits.critical_percent, kPercent);
  if (limits.warning_percent > limits.critical_percent) {
    reader.wrong("warningPercent",
                 "is " + std::to_string(limits.warning_percent) + ", above criticalPercent (" +
                     std::to_string(limits.critical_percent) + ")",
                 "lower warningPercent or raise criticalPercent");
  }
  limits.wait_milliseconds = reader.count("waitMilliseconds", limits.wait_milliseconds, kWaitMilliseconds);
  limits.window = seconds{reader.count("forSeconds", limits.window.count(), kForSeconds)};
  limits.critical_needs_waiting = reader.boolean("criticalNeedsWaiting", limits.critical_needs_waiting);
  out.sample = seconds{reader.count("sampleSeconds", out.sample.count(), kSampleSeconds)};
  if (limits.window < 2 * out.sample) {
    reader.wrong("forSeconds",
                 "is " + std::to_string(limits.window.count()) + ", less than twice sampleSeconds (" +
                     std::to_string(out.sample.count()) + ")",
                 "raise forSeconds or lower sampleSeconds");
  }
  return out;
}

// A Service that selects pods can be turned to addresses, never to a name.
void check_route(const Reader& reader, const Spec& spec) {
  const bool by_name =
      spec.database.provider == ProviderKind::External && !is_ip_address(spec.database.host);
  if (!by_name || spec.routing.mode == RoutingMode::None ||
      spec.sizing.provision == sizing::Provision::Always) {
    return;
  }
  reader.wrong("database.host",
               "is a name, and the front Service can only be turned between addresses",
               "give an IP address, or set routing.mode: None or pooler.provision: Always");
}

}  // namespace

Spec read_spec(const Reader& reader) {
  Spec spec;
  spec.mode = reader.choice("mode", spec.mode, kModes);
  spec.suspend = reader.boolean("suspend", spec.suspend);
  spec.sizing.environment = reader.choice("environment", spec.sizing.environment, kEnvironments);
  read_who_connects(reader, spec);
  if (!reader.has("database")) {
    reader.wrong("database", "is missing", "say which PostgreSQL the workloads use");
  }
  spec.database = read_database(reader.object("database"));
  read_sizing(reader.object("sizing"), spec.sizing);
  spec.pooler = read_pooler(reader.object("pooler"), spec.sizing);
  spec.routing = read_routing(reader.object("routing"));
  spec.restart = read_restart(reader.object("restart"));
  spec.behavior = read_behavior(reader.object("behavior"));
  spec.saturation = read_saturation(reader.object("saturation"));
  spec.deletion = reader.choice("deletionPolicy", spec.deletion, kDeletionPolicies);
  check_route(reader, spec);
  return spec;
}

}  // namespace pgrightsizer::api
