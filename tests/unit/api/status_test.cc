#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pgrightsizer/api/connection_policy.h"

namespace pgrightsizer::api {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr WallTime kTime{milliseconds{1'795'453'646'250}};
constexpr const char* kTimeText = "2026-11-23T17:07:26.250Z";

Status full() {
  Status status;
  status.observed_generation = 3;
  status.instances = 50;
  status.workloads = {{"api", 50, 20, 1000}};
  status.recommended.emplace();
  status.recommended->route = sizing::Route::Pooler;
  status.recommended->pool_size = 150;
  status.recommended->max_connections = 200;
  status.recommended->uncapped_max_connections = 210;
  status.recommended->formula = "150 + 50";
  status.current = {1030, true, 1027, 412, 40, 310, 96};
  status.route = "Moving";
  status.pooler = {2, 1, 150, 75, 640, 4, 3};
  status.errors = {"PodLogs", "no log", 3, 2, 1, 7};
  status.step = {"DrainDirect", kTime, "310 still open", kTime};
  status.restarts = {{kTime, 250, 1030, milliseconds{3640}}, {kTime, 1030, 200, {}}};
  status.rejected = {5000, "no memory", 2};
  status.drain_since = status.turned_back_since = status.retry_at = kTime;
  status.binding = "shop-db-connection";
  status.conditions = {{kReady, "False", "Draining", "310 open", 3, "2026-11-23T17:07:26Z"}};
  return status;
}

json full_json() {
  return json::parse(R"({
    "observedGeneration": 3,
    "instances": 50,
    "workloads": [{"name": "api", "instances": 50, "connectionsPerInstance": 20,
                   "connections": 1000}],
    "recommended": {"maxConnections": 200, "uncappedMaxConnections": 210, "poolSize": 150,
                    "route": "Pooler", "formula": "150 + 50"},
    "current": {"maxConnections": 1030, "pendingRestart": true, "usable": 1027, "used": 412,
                "usedPercent": 40, "direct": 310, "pooled": 96},
    "route": "Moving",
    "pooler": {"replicas": 2, "readyReplicas": 1, "poolSize": 150, "poolSizePerPod": 75,
               "clients": 640, "waiting": 4, "waitMilliseconds": 3},
    "connectionErrors": {"source": "PodLogs", "message": "no log", "refused": 3, "loginFailed": 2,
                         "queryWaitTimeout": 1, "killed": 7},
    "step": {"name": "DrainDirect", "since": "T", "message": "310 still open", "deadline": "T"},
    "restarts": {"recent": [{"time": "T", "from": 250, "to": 1030, "durationMilliseconds": 3640},
                            {"time": "T", "from": 1030, "to": 200}],
                 "rejected": {"value": 5000, "reason": "no memory", "generation": 2}},
    "move": {"drainSince": "T", "turnedBackSince": "T", "retryAt": "T"},
    "binding": {"name": "shop-db-connection"},
    "conditions": [{"type": "Ready", "status": "False", "reason": "Draining",
                    "message": "310 open", "observedGeneration": 3,
                    "lastTransitionTime": "2026-11-23T17:07:26Z"}]
  })",
                     [](int, json::parse_event_t event, json& value) {
                       if (event == json::parse_event_t::value && value == "T") value = kTimeText;
                       return true;
                     });
}

TEST(Status, IsWrittenAsTheContractSays) { EXPECT_EQ(to_json(full()), full_json()); }

TEST(Status, IsReadBackWhole) {
  const Status read = parse_status(full_json());
  EXPECT_EQ(to_json(read), full_json());
  ASSERT_TRUE(read.recommended);
  EXPECT_TRUE(read.recommended->clamped);
  ASSERT_EQ(read.restarts.size(), 2U);
  EXPECT_EQ(read.restarts[0].time, kTime);
  EXPECT_EQ(read.restarts[1].duration, std::nullopt);
}

TEST(Status, WhatIsAbsentIsLeftOut) {
  EXPECT_EQ(to_json(Status{}), json({{"observedGeneration", 0}, {"instances", 0}}));
}

TEST(Status, OnlyTheLatestRestartsAreWritten) {
  Status status;
  const int most = static_cast<int>(kRestartsKept) + 3;
  for (int i = 0; i < most; ++i) status.restarts.push_back({kTime, i, i + 1, milliseconds{1}});
  const json recent = to_json(status)["restarts"]["recent"];
  ASSERT_EQ(recent.size(), kRestartsKept);
  EXPECT_EQ(recent.front()["from"], 3);
  EXPECT_EQ(recent.back()["from"], most - 1);
}

TEST(Status, ReadingNeverFails) {
  for (const char* text :
       {"null", "[]", "7", "\"x\"", R"({"instances": "many"})", R"({"workloads": {"a": 1}})",
        R"({"workloads": [7]})", R"({"conditions": "none"})", R"({"recommended": []})",
        R"({"restarts": {"recent": [{"time": "yesterday"}, {"from": 1}], "rejected": 7}})",
        R"({"move": {"retryAt": 5}})", R"({"current": null, "step": 1, "route": false})"}) {
    const Status status = parse_status(json::parse(text));
    EXPECT_TRUE(status.restarts.empty()) << text;
    EXPECT_FALSE(status.retry_at) << text;
  }
}

TEST(StatusPatch, NothingChangedIsEmpty) {
  EXPECT_EQ(status_patch(full(), full()), json::object());
  EXPECT_EQ(status_patch(parse_status(full_json()), full()), json::object());
}

TEST(StatusPatch, TheFirstOneHoldsZerosToo) {
  Status status;
  status.observed_generation = 1;
  EXPECT_EQ(status_patch(Status{}, status),
            json::parse(R"({"status": {"observedGeneration": 1, "instances": 0}})"));
}

TEST(StatusPatch, OnlyWhatDiffers) {
  Status after = full();
  after.current->used = 500;
  after.route = "Pooler";
  EXPECT_EQ(status_patch(full(), after),
            json::parse(R"({"status": {"current": {"used": 500}, "route": "Pooler"}})"));
}

TEST(StatusPatch, WhatBecameAbsentIsNull) {
  Status after = full();
  after.step->deadline.reset();
  after.pooler.reset();
  after.drain_since.reset();
  after.rejected.reset();
  after.binding.clear();
  EXPECT_EQ(status_patch(full(), after), json::parse(R"({"status": {
    "step": {"deadline": null}, "pooler": null, "move": {"drainSince": null},
    "restarts": {"rejected": null}, "binding": null}})"));
}

TEST(StatusPatch, EmptiedListsAndGroupsAreNull) {
  Status after = full();
  after.workloads.clear();
  after.conditions.clear();
  after.restarts.clear();
  after.rejected.reset();
  after.drain_since = after.turned_back_since = after.retry_at = std::nullopt;
  EXPECT_EQ(status_patch(full(), after), json::parse(R"({"status": {
    "workloads": null, "conditions": null, "restarts": null, "move": null}})"));
}

TEST(StatusPatch, ListsAreReplacedWhole) {
  Status after = full();
  set_condition(after.conditions, {kSuspended, "True", "Suspended", "", 3, ""}, kTime);
  const json patch = status_patch(full(), after);
  EXPECT_EQ(patch["status"].size(), 1U);
  EXPECT_EQ(patch["status"]["conditions"].size(), 2U);
}

// merge_patch() is nlohmann's own RFC 7386, as the API server's.
TEST(StatusPatch, AppliedItGivesTheNewStatus) {
  Status lean;
  lean.observed_generation = 4;
  lean.current = Current{};
  for (const auto& [before, after] :
       {std::pair{full(), lean}, std::pair{lean, full()}, std::pair{full(), full()}}) {
    json object{{"status", to_json(before)}};
    object.merge_patch(status_patch(before, after));
    EXPECT_EQ(object["status"], to_json(after));
  }
}

}  // namespace
}  // namespace pgrightsizer::api
