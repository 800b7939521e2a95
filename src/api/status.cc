// The status, field by field, in both directions: written strictly, read leniently.
#include <nlohmann/json.hpp>

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/base/rfc3339.h"
#include "reader.h"

namespace pgrightsizer::api {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr Bounds kAny{INT64_MIN, INT64_MAX};

sizing::Count count(const Reader& reader, const char* field) {
  return reader.count(field, 0, kAny);
}

std::optional<WallTime> time(const Reader& reader, const char* field) {
  return parse_time(reader.text(field));
}

void put_time(json& object, const char* field, const std::optional<WallTime>& value) {
  if (value) object[field] = to_rfc3339(*value);
}

// Empty objects and lists are left out, so that becoming empty reads as becoming absent.
void put(json& object, const char* field, json value) {
  if (!value.empty()) object[field] = std::move(value);
}

json to_json(const std::vector<sizing::WorkloadPlan>& workloads) {
  json list = json::array();
  for (const auto& workload : workloads) {
    list.push_back({{"name", workload.name},
                    {"instances", workload.instances},
                    {"connectionsPerInstance", workload.connections_per_instance},
                    {"connections", workload.connections}});
  }
  return list;
}

json to_json(const sizing::Plan& plan) {
  return {{"maxConnections", plan.max_connections},
          {"uncappedMaxConnections", plan.uncapped_max_connections},
          {"poolSize", plan.pool_size},
          {"route", to_string(plan.route)},
          {"formula", plan.formula}};
}

json to_json(const Current& current) {
  return {{"maxConnections", current.max_connections},
          {"pendingRestart", current.pending_restart},
          {"usable", current.usable},
          {"used", current.used},
          {"usedPercent", current.used_percent},
          {"direct", current.direct},
          {"pooled", current.pooled}};
}

json to_json(const PoolerStatus& pooler) {
  return {{"replicas", pooler.replicas},
          {"readyReplicas", pooler.ready_replicas},
          {"poolSize", pooler.pool_size},
          {"poolSizePerPod", pooler.pool_size_per_pod},
          {"clients", pooler.clients},
          {"waiting", pooler.waiting},
          {"waitMilliseconds", pooler.wait_milliseconds}};
}

json to_json(const ErrorsStatus& errors) {
  json object{{"source", errors.source},
              {"refused", errors.refused},
              {"loginFailed", errors.login_failed},
              {"queryWaitTimeout", errors.query_wait_timeout},
              {"killed", errors.killed}};
  if (!errors.message.empty()) object["message"] = errors.message;
  return object;
}

json to_json(const StepStatus& step) {
  json object{{"name", step.name}};
  put_time(object, "since", step.since);
  if (!step.message.empty()) object["message"] = step.message;
  put_time(object, "deadline", step.deadline);
  return object;
}

json restarts_to_json(const Status& status) {
  json recent = json::array();
  const std::size_t size = status.restarts.size();
  for (std::size_t i = size > kRestartsKept ? size - kRestartsKept : 0; i < size; ++i) {
    const RestartRecord& restart = status.restarts[i];
    json record{{"time", to_rfc3339(restart.time)}, {"from", restart.from}, {"to", restart.to}};
    if (restart.duration) record["durationMilliseconds"] = restart.duration->count();
    recent.push_back(std::move(record));
  }
  json object = json::object();
  put(object, "recent", std::move(recent));
  if (status.rejected) {
    object["rejected"] = {{"value", status.rejected->value},
                          {"reason", status.rejected->reason},
                          {"generation", status.rejected->generation}};
  }
  return object;
}

json to_json(const RoleStatus& role) {
  return {{"name", role.name}, {"limit", role.limit}, {"former", role.former}};
}

json move_to_json(const Status& status) {
  json object = json::object();
  put_time(object, "drainSince", status.drain_since);
  put_time(object, "turnedBackSince", status.turned_back_since);
  put_time(object, "retryAt", status.retry_at);
  return object;
}

json to_json(const std::vector<Condition>& conditions) {
  json list = json::array();
  for (const Condition& condition : conditions) {
    list.push_back({{"type", condition.type},
                    {"status", condition.status},
                    {"reason", condition.reason},
                    {"message", condition.message},
                    {"observedGeneration", condition.observed_generation},
                    {"lastTransitionTime", condition.last_transition_time}});
  }
  return list;
}

sizing::WorkloadPlan read_workload(const Reader& reader) {
  return {reader.text("name"), count(reader, "instances"), count(reader, "connectionsPerInstance"),
          count(reader, "connections")};
}

sizing::Plan read_plan(const Reader& reader) {
  sizing::Plan plan;
  plan.route = reader.choice("route", plan.route, kRoutes);
  plan.pool_size = count(reader, "poolSize");
  plan.max_connections = count(reader, "maxConnections");
  plan.uncapped_max_connections = count(reader, "uncappedMaxConnections");
  plan.clamped = plan.max_connections < plan.uncapped_max_connections;
  plan.formula = reader.text("formula");
  return plan;
}

Current read_current(const Reader& reader) {
  Current current;
  current.max_connections = count(reader, "maxConnections");
  current.pending_restart = reader.boolean("pendingRestart", false);
  current.usable = count(reader, "usable");
  current.used = count(reader, "used");
  current.used_percent = count(reader, "usedPercent");
  current.direct = count(reader, "direct");
  current.pooled = count(reader, "pooled");
  return current;
}

ErrorsStatus read_errors(const Reader& reader) {
  return {reader.text("source"),          reader.text("message"),
          count(reader, "refused"),       count(reader, "loginFailed"),
          count(reader, "queryWaitTimeout"), count(reader, "killed")};
}

PoolerStatus read_pooler(const Reader& reader) {
  return {count(reader, "replicas"),        count(reader, "readyReplicas"),
          count(reader, "poolSize"),        count(reader, "poolSizePerPod"),
          count(reader, "clients"),         count(reader, "waiting"),
          count(reader, "waitMilliseconds")};
}

StepStatus read_step(const Reader& reader) {
  return {reader.text("name"), time(reader, "since"), reader.text("message"),
          time(reader, "deadline")};
}

void read_restarts(const Reader& reader, Status& status) {
  for (const Reader& record : reader.objects("recent")) {
    const std::optional<WallTime> at = time(record, "time");
    if (!at) continue;
    RestartRecord restart{*at, count(record, "from"), count(record, "to"), std::nullopt};
    if (record.has("durationMilliseconds")) {
      restart.duration = milliseconds{count(record, "durationMilliseconds")};
    }
    status.restarts.push_back(restart);
  }
  if (reader.has("rejected")) {
    const Reader rejected = reader.object("rejected");
    status.rejected = RejectedValue{count(rejected, "value"), rejected.text("reason"),
                                    count(rejected, "generation")};
  }
}

void read_move(const Reader& reader, Status& status) {
  status.drain_since = time(reader, "drainSince");
  status.turned_back_since = time(reader, "turnedBackSince");
  status.retry_at = time(reader, "retryAt");
}

Condition read_condition(const Reader& reader) {
  return {reader.text("type"),
          reader.text("status"),
          reader.text("reason"),
          reader.text("message"),
          count(reader, "observedGeneration"),
          reader.text("lastTransitionTime")};
}

}  // namespace

json to_json(const Status& status) {
  json object{{"observedGeneration", status.observed_generation}, {"instances", status.instances}};
  put(object, "workloads", to_json(status.workloads));
  if (status.recommended) object["recommended"] = to_json(*status.recommended);
  if (status.current) object["current"] = to_json(*status.current);
  if (!status.route.empty()) object["route"] = status.route;
  if (status.pooler) object["pooler"] = to_json(*status.pooler);
  if (status.errors) object["connectionErrors"] = to_json(*status.errors);
  if (status.step) object["step"] = to_json(*status.step);
  put(object, "restarts", restarts_to_json(status));
  if (status.role) object["role"] = to_json(*status.role);
  put(object, "move", move_to_json(status));
  if (!status.binding.empty()) object["binding"] = {{"name", status.binding}};
  put(object, "conditions", to_json(status.conditions));
  return object;
}

Status parse_status(const json& object) {
  Problems ignored;
  const Reader reader(&object, "status", ignored);
  Status status;
  status.observed_generation = count(reader, "observedGeneration");
  status.instances = count(reader, "instances");
  for (const Reader& entry : reader.objects("workloads")) {
    status.workloads.push_back(read_workload(entry));
  }
  if (reader.has("recommended")) status.recommended = read_plan(reader.object("recommended"));
  if (reader.has("current")) status.current = read_current(reader.object("current"));
  status.route = reader.text("route");
  if (reader.has("pooler")) status.pooler = read_pooler(reader.object("pooler"));
  if (reader.has("connectionErrors")) status.errors = read_errors(reader.object("connectionErrors"));
  if (reader.has("step")) status.step = read_step(reader.object("step"));
  read_restarts(reader.object("restarts"), status);
  if (reader.has("role")) {
    const Reader role = reader.object("role");
    status.role = RoleStatus{role.text("name"), count(role, "limit"), count(role, "former")};
  }
  read_move(reader.object("move"), status);
  status.binding = reader.object("binding").text("name");
  for (const Reader& entry : reader.objects("conditions")) {
    status.conditions.push_back(read_condition(entry));
  }
  return status;
}

}  // namespace pgrightsizer::api
