// What src/api makes of policies, for a test that holds it against a real API server.
//   api_judge < objects.json    an array of policies in, an array of {"error"} or {"spec"} out
//   api_judge --status          status patches: first write, nothing new, most of it gone again
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "pgrightsizer/api/connection_policy.h"

namespace {

using nlohmann::json;
using namespace pgrightsizer;

template <class T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json();
}

json workloads_of(const api::Spec& spec) {
  json list = json::array();
  for (const api::WorkloadEntry& workload : spec.workloads) {
    list.push_back({workload.name, workload.target.kind, workload.target.name,
                    or_null(workload.connections_per_instance),
                    or_null(workload.concurrent_requests)});
  }
  if (spec.workload_selector) list.push_back(spec.workload_selector->match_labels);
  return list;
}

json windows_of(const api::RestartSpec& restart) {
  json windows = json::array();
  for (const api::WindowSpec& window : restart.windows) {
    windows.push_back({window.schedule, window.duration.count(), window.time_zone});
  }
  return windows;
}

json restart_of(const api::RestartSpec& restart) {
  return {restart.policy,       restart.max_pause.count(),    restart.long_transactions,
          restart.long_transaction.count(), restart.emergency, restart.min_interval.count(),
          restart.max_per_day,  windows_of(restart)};
}

json sizing_of(const sizing::Settings& settings) {
  json tiers = json::array();
  for (const sizing::Tier& tier : settings.tiers) tiers.push_back({tier.instances, tier.pool_size});
  return {settings.environment,          settings.buffer,         settings.min_connections,
          settings.max_connections,      settings.count_instances, settings.enforce, settings.provision,      std::move(tiers),
          settings.hysteresis_instances, settings.pooler_replicas};
}

json saturation_of(const api::SaturationSpec& spec) {
  const auto& limits = spec.thresholds;
  return {limits.warning_percent,  limits.critical_percent,        limits.wait_milliseconds,
          limits.window.count(),   limits.critical_needs_waiting,  spec.sample.count()};
}

// Every value of the spec: two objects that mean the same have the same one.
json values_of(const api::Spec& spec) {
  const api::DatabaseSpec& db = spec.database;
  return {{"mode", {spec.mode, spec.suspend}},
          {"workloads", workloads_of(spec)},
          {"database",
           {db.provider, db.name, db.host, db.port, db.config_map, db.config_key, db.admin_secret,
            db.application_secrets}},
          {"sizing", sizing_of(spec.sizing)},
          {"pooler", {spec.pooler.image, spec.pooler.image_pull_secrets, spec.pooler.tls_secret,
                      spec.pooler.resources_json}},
          {"routing",
           {spec.routing.mode, spec.routing.drain, spec.routing.drain_timeout.count(),
            spec.routing.on_incompatible}},
          {"restart", restart_of(spec.restart)},
          {"deletion", spec.deletion},
          {"behavior", {spec.behavior.scale_up.count(), spec.behavior.scale_down.count()}},
          {"saturation", saturation_of(spec.saturation)}};
}

json judge(const json& objects) {
  json verdicts = json::array();
  for (const json& object : objects) {
    const auto policy = api::parse(object);
    verdicts.push_back(policy ? json{{"spec", values_of(policy->spec)}}
                              : json{{"error", policy.error().message()}});
  }
  return verdicts;
}

api::Status full_status(WallTime now) {
  api::Status status;
  status.observed_generation = 3;
  status.instances = 50;
  status.workloads = {{"api", 50, 20, 1000}};
  status.recommended.emplace();
  status.recommended->route = sizing::Route::Pooler;
  status.recommended->pool_size = 150;
  status.recommended->max_connections = status.recommended->uncapped_max_connections = 200;
  status.recommended->formula = "50 instances ≥ 50: pool 150; 150 + 50 = 200";
  status.current = {1030, true, 1027, 412, 40, 310, 96};
  status.route = "Moving";
  status.pooler = {2, 2, 150, 75, 640, 0, 3};
  status.step = {"DrainDirect", now, "310 direct connections still open", now};
  status.restarts = {{now, 250, 1030, std::chrono::milliseconds{3640}}, {now, 1030, 200, {}}};
  status.role = {"shop", 940, -1};
  status.rejected = {5000, "could not map anonymous shared memory", 2};
  status.drain_since = status.turned_back_since = status.retry_at = now;
  status.binding = "shop-db-connection";
  api::set_condition(status.conditions,
                     {api::kReady, "False", "Draining", "310 connections are still open", 3, {}},
                     now);
  return status;
}

json status_patches() {
  const api::Status full = full_status(WallTime{std::chrono::milliseconds{1'795'454'846'250}});
  api::Status lean;
  lean.observed_generation = 4;
  lean.route = "Direct";
  return {{"first", api::status_patch({}, full)},
          {"again", api::status_patch(api::parse_status(api::to_json(full)), full)},
          {"lean", api::status_patch(full, lean)}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--status") {
    std::cout << status_patches() << "\n";
    return 0;
  }
  const std::string input{std::istreambuf_iterator<char>(std::cin), {}};
  std::cout << judge(json::parse(input)) << "\n";
}
