#include "pgrightsizer/kube/objects.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kube/http_headers.h"
#include "kube/transport_errors.h"
#include "pgrightsizer/kube/json_text.h"

namespace pgrightsizer::kube {
namespace {

using nlohmann::json;

TEST(Workload, ReadsWhatSizingNeeds) {
  const auto workload = decode_workload(json::parse(R"({"kind":"StatefulSet",
    "metadata":{"namespace":"shop","name":"db","uid":"u1","resourceVersion":"7","generation":3,
                "labels":{"app":"db"}},
    "spec":{"replicas":0,"selector":{"matchLabels":{"app":"db"}}},
    "status":{"readyReplicas":2,"updateRevision":"db-5","observedGeneration":2}})"));
  EXPECT_EQ(workload.meta.key(), "shop/db");
  EXPECT_EQ(workload.meta.uid, "u1");
  EXPECT_EQ(workload.kind, "StatefulSet");
  EXPECT_EQ(workload.replicas, 0);
  EXPECT_EQ(workload.ready_replicas, 2);
  EXPECT_EQ(workload.update_revision, "db-5");
  EXPECT_EQ(workload.generation, 3);
  EXPECT_EQ(workload.observed_generation, 2);
  EXPECT_TRUE(workload.selector.matches({{"app", "db"}, {"more", "x"}}));
  EXPECT_FALSE(workload.meta.deleting);
}

TEST(Workload, MissingFieldsTakeTheDefaultsOfKubernetes) {
  const auto workload = decode_workload(json::object());
  EXPECT_EQ(workload.replicas, 1);
  EXPECT_EQ(workload.ready_replicas, 0);
  EXPECT_TRUE(workload.selector.empty());
}

TEST(Workload, WrongTypesDoNoHarm) {
  const auto workload = decode_workload(
      json::parse(R"({"metadata":[],"spec":{"replicas":"many","selector":null},"status":7})"));
  EXPECT_EQ(workload.replicas, 1);
}

TEST(PodDecoding, ReadsStateOwnerAndLastDeath) {
  const auto pod = decode_pod(json::parse(R"({
    "metadata":{"namespace":"shop","name":"db-0","deletionTimestamp":"2026-01-01T00:00:00Z",
      "labels":{"controller-revision-hash":"db-5"},
      "annotations":{"pgrightsizer.io/cap":"75"},
      "ownerReferences":[{"uid":"a"},{"uid":"b","controller":true}]},
    "spec":{"nodeName":"n1","containers":[{"name":"postgres"},{"name":"exporter"}]},
    "status":{"phase":"Running","podIP":"10.0.0.1",
      "conditions":[{"type":"PodScheduled","status":"True"},{"type":"Ready","status":"False"}],
      "containerStatuses":[
        {"restartCount":1,"state":{"running":{}}},
        {"restartCount":4,"state":{"waiting":{"reason":"CrashLoopBackOff"}},
         "lastState":{"terminated":{"reason":"Error","exitCode":1,"message":"FATAL"}}}]}})"));
  EXPECT_TRUE(pod.meta.deleting);
  EXPECT_EQ(pod.controller_uid, "b");
  EXPECT_EQ(pod.cap_annotation, "75");
  EXPECT_EQ(pod.revision, "db-5");
  EXPECT_TRUE(pod.scheduled);
  EXPECT_FALSE(pod.ready);
  EXPECT_EQ(pod.ip, "10.0.0.1");
  EXPECT_EQ(pod.restarts, 4);
  EXPECT_EQ(pod.waiting_reason, "CrashLoopBackOff");
  EXPECT_EQ(pod.terminated_reason, "Error");
  EXPECT_EQ(pod.exit_code, 1);
  EXPECT_EQ(pod.terminated_message, "FATAL");
  EXPECT_EQ(pod.first_container, "postgres");
  EXPECT_FALSE(pod.gone());
}

TEST(WorkloadDecoding, MaxSurgeIsANumberOrAShare) {
  using Surge = std::pair<std::int64_t, std::int64_t>;
  const auto surge = [](const char* strategy) {
    const auto one = decode_workload({{"spec", {{"strategy", json::parse(strategy)}}}});
    return Surge{one.max_surge, one.max_surge_percent};
  };
  EXPECT_EQ(surge(R"({"type":"RollingUpdate","rollingUpdate":{"maxSurge":"30%"}})"), Surge(0, 30));
  EXPECT_EQ(surge(R"({"type":"RollingUpdate","rollingUpdate":{"maxSurge":"0%"}})"), Surge(0, 0));
  EXPECT_EQ(surge(R"({"type":"RollingUpdate","rollingUpdate":{"maxSurge":4}})"), Surge(4, 0));
  EXPECT_EQ(surge(R"({"type":"RollingUpdate"})"), Surge(0, 25)) << "the default";
  EXPECT_EQ(surge(R"({"type":"Recreate"})"), Surge(0, 0));
  EXPECT_EQ(decode_workload({{"spec", {{"replicas", 10}}}}).max_surge_percent, 0) << "a StatefulSet";
}

TEST(Quantity, HasTheSuffixesOfKubernetes) {
  EXPECT_EQ(parse_quantity("128Mi"), 134217728);
  EXPECT_EQ(parse_quantity("1.5G"), 1'500'000'000);
  EXPECT_EQ(parse_quantity("1500m"), 2);
  EXPECT_EQ(parse_quantity("2000000u"), 2);
  EXPECT_EQ(parse_quantity("1n"), 1);
  EXPECT_EQ(parse_quantity("0"), 0);
  EXPECT_EQ(parse_quantity("1e3"), 1000);
  EXPECT_EQ(parse_quantity("9E"), std::int64_t{1} << 62) << "saturates";
  for (const char* none : {"", "Mi", "1X", "-1", "1 Gi"}) EXPECT_EQ(parse_quantity(none), std::nullopt) << none;
}

TEST(PodDecoding, AnEmptyPodIsNotGone) {
  const auto pod = decode_pod(json::object());
  EXPECT_FALSE(pod.gone());
  EXPECT_FALSE(pod.ready);
  EXPECT_FALSE(pod.scheduled);
}

struct SelectorCase {
  const char* selector;
  Labels labels;
  bool matches;
};
class SelectorTable : public ::testing::TestWithParam<SelectorCase> {};

TEST_P(SelectorTable, Matches) {
  const auto& c = GetParam();
  EXPECT_EQ(decode_selector(json::parse(c.selector)).matches(c.labels), c.matches) << c.selector;
}

constexpr const char* kIn =
    R"({"matchExpressions":[{"key":"a","operator":"In","values":["1","2"]}]})";
constexpr const char* kNotIn =
    R"({"matchExpressions":[{"key":"a","operator":"NotIn","values":["1"]}]})";
constexpr const char* kExists = R"({"matchExpressions":[{"key":"a","operator":"Exists"}]})";
constexpr const char* kAbsent = R"({"matchExpressions":[{"key":"a","operator":"DoesNotExist"}]})";
constexpr const char* kBoth =
    R"({"matchLabels":{"b":"2"},"matchExpressions":[{"key":"a","operator":"Exists"}]})";
INSTANTIATE_TEST_SUITE_P(
    Table, SelectorTable,
    ::testing::Values(SelectorCase{"{}", {}, true}, SelectorCase{"{}", {{"a", "1"}}, true},
                      SelectorCase{R"({"matchLabels":{"a":"1"}})", {{"a", "2"}}, false},
                      SelectorCase{kIn, {{"a", "2"}}, true}, SelectorCase{kIn, {{"a", "3"}}, false},
                      SelectorCase{kIn, {}, false}, SelectorCase{kNotIn, {{"a", "1"}}, false},
                      SelectorCase{kNotIn, {}, true}, SelectorCase{kExists, {{"a", ""}}, true},
                      SelectorCase{kExists, {}, false}, SelectorCase{kAbsent, {}, true},
                      SelectorCase{kAbsent, {{"a", "1"}}, false},
                      SelectorCase{kBoth, {{"a", "1"}}, false},
                      SelectorCase{kBoth, {{"a", "1"}, {"b", "2"}}, true},
                      SelectorCase{R"({"matchExpressions":[{"key":"a","operator":"Gt"}]})",
                                   {{"a", "1"}},
                                   false}));

TEST(JsonText, DropsManagedFieldsOfTheObjectOnly) {
  const auto event = parse_json(
      R"({"type":"ADDED","object":{"metadata":{"managedFields":[{"a":{"b":1}}],"name":"n"},
          "data":{"managedFields":"x"},"spec":{"metadata":{"managedFields":1}}}})",
      "object");
  ASSERT_TRUE(event);
  EXPECT_EQ((*event)["object"],
            json::parse(R"({"metadata":{"name":"n"},"data":{"managedFields":"x"},
                            "spec":{"metadata":{"managedFields":1}}})"));
}

TEST(JsonText, WhatIsNotJsonIsNothing) {
  for (const char* bad : {"", "{", "{} x", "\xff", "{\"a\":}"})
    EXPECT_FALSE(parse_json(bad)) << bad;
}

TEST(HttpHeaders, WarningsAreCutAtTheirQuotes) {
  EXPECT_EQ(parse_warnings(R"(299 - "one, two", 299 - "say \"x\"")"),
            (std::vector<std::string>{"one, two", "say \"x\""}));
  EXPECT_TRUE(parse_warnings("").empty());
  EXPECT_TRUE(parse_warnings("299 - \"never closed").empty());
}

TEST(HttpHeaders, RetryAfterIsInSeconds) {
  EXPECT_EQ(parse_retry_after("12"), std::chrono::seconds(12));
  EXPECT_FALSE(parse_retry_after(""));
  EXPECT_FALSE(parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT"));
  EXPECT_FALSE(parse_retry_after("-1"));
}

TEST(TransportErrors, AreJudgedByCode) {
  EXPECT_EQ(transport_error(110, "s").kind, ErrorKind::Timeout);
  EXPECT_EQ(transport_error(125, "s").kind, ErrorKind::Cancelled);
  for (const int code : {1, 2, 32, 104, 111}) {
    EXPECT_EQ(transport_error(code, "s").kind, ErrorKind::Unavailable) << code;
  }
  EXPECT_EQ(transport_error(167772294, "s").kind, ErrorKind::Unauthorized);  // 0x0A000086
  EXPECT_EQ(transport_error(167772437, "s").kind, ErrorKind::Unavailable);   // another TLS error
  for (const int code : {2, 32, 104}) EXPECT_TRUE(is_lost_connection(code)) << code;
  for (const int code : {110, 111, 125, 167772294}) EXPECT_FALSE(is_lost_connection(code)) << code;
}

}  // namespace
}  // namespace pgrightsizer::kube
