#include "pgrightsizer/kube/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pgrightsizer/kube/objects.h"
#include "unit/kube/wire_writer.h"

namespace pgrightsizer::kube::wire {
namespace {

const Message kDeployment = *message_of(resources::kDeployment);
const Message kPod = *message_of(resources::kPod);

// The 4-byte length is cut off by whoever reads the stream.
std::optional<Event> read_frame(const std::string& frame, Message message = kPod) {
  return decode_event(std::string_view(frame).substr(4), message);
}

TEST(Wire, ReadsTheFieldsOfADeployment) {
  const std::string meta = bytes(1, "api") + bytes(2, "") + bytes(3, "shop") + bytes(5, "u-1") + bytes(6, "42") +
                           number(7, 3) + bytes(8, number(1, 1)) + bytes(9, number(1, 1764000000)) +
                           entry(11, "app", "a") + entry(11, "tier", "") + bytes(17, "managed");
  const std::string selector =
      entry(1, "app", "a") + bytes(2, bytes(1, "tier") + bytes(2, "In") + bytes(3, "x") + bytes(3, "y"));
  const std::string surge = bytes(2, number(1, 1) + number(2, 0) + bytes(3, "40%"));
  const std::string spec = number(1, 7) + bytes(2, selector) + bytes(3, "a whole pod template") +
                           bytes(4, bytes(1, "RollingUpdate") + bytes(2, surge));
  const std::string status = number(1, 2) + number(2, 7) + number(7, 6);
  const auto object = decode(bytes(1, meta) + bytes(2, spec) + bytes(3, status), kDeployment);
  ASSERT_TRUE(object);
  EXPECT_EQ(*object, Json::parse(R"({
    "metadata": {"name": "api", "namespace": "shop", "uid": "u-1", "resourceVersion": "42", "generation": 3,
                 "deletionTimestamp": "2025-11-24T16:00:00Z", "labels": {"app": "a", "tier": ""}},
    "spec": {"replicas": 7, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "40%"}},
             "selector": {"matchLabels": {"app": "a"},
                          "matchExpressions": [{"key": "tier", "operator": "In", "values": ["x", "y"]}]}},
    "status": {"observedGeneration": 2, "readyReplicas": 6}})"));
  EXPECT_EQ(decode_workload(*object).max_surge_percent, 40);
}

TEST(Wire, AnIntOrStringIsWhatItSays) {
  const auto surge = [](const std::string& value) {
    const auto object = decode(bytes(2, bytes(4, bytes(2, bytes(2, value)))), kDeployment);
    return object->at("/spec/strategy/rollingUpdate/maxSurge"_json_pointer);
  };
  EXPECT_EQ(surge(number(1, 0) + number(2, 3) + bytes(3, "")), Json(3));
  EXPECT_EQ(surge(number(1, 1) + number(2, 0) + bytes(3, "3")), Json("3"));
}

TEST(Wire, NegativeNumbersTakeTenBytes) {
  const auto object = decode(bytes(2, number(1, -1)), kDeployment);
  EXPECT_EQ(object->at("/spec/replicas"_json_pointer), Json(-1));
}

TEST(Wire, ReadsTheFieldsOfAPod) {
  const std::string dead = bytes(3, number(1, 137) + bytes(3, "OOMKilled") + bytes(4, "bye"));
  const std::string status = bytes(1, "Running") + bytes(2, bytes(1, "Ready") + bytes(2, "True")) +
                             bytes(6, "10.0.0.7") + bytes(8, bytes(1, "c") + bytes(3, dead) + number(5, 4));
  const std::string owner = bytes(1, "ReplicaSet") + bytes(4, "rs-uid") + number(6, 1);
  const auto object = decode(bytes(1, bytes(1, "p") + entry(12, "pgrightsizer.io/cap", "75") + bytes(13, owner)) +
                                 bytes(2, bytes(2, bytes(1, "c")) + bytes(10, "node-1")) + bytes(3, status),
                             kPod);
  ASSERT_TRUE(object);
  const Pod read = decode_pod(*object);
  EXPECT_TRUE(read.ready);
  EXPECT_TRUE(read.scheduled);
  EXPECT_EQ(read.ip, "10.0.0.7");
  EXPECT_EQ(read.restarts, 4);
  EXPECT_EQ(read.terminated_reason, "OOMKilled");
  EXPECT_EQ(read.exit_code, 137);
  EXPECT_EQ(read.controller_uid, "rs-uid");
  EXPECT_EQ(read.cap_annotation, "75");
  EXPECT_EQ(read.first_container, "c");
}

TEST(Wire, WhatIsNotWantedIsSkippedWhateverItIs) {
  std::string strange = number(1000, 7) + bytes(1001, std::string(100'000, '\xff'));
  strange += varint(1002 << 3 | 1) + "12345678" + varint(1003 << 3 | 5) + "1234";
  const auto object = decode(strange + bytes(1, bytes(1, "a") + strange), kPod);
  ASSERT_TRUE(object);
  EXPECT_EQ(*object, Json::parse(R"({"metadata": {"name": "a"}})"));
}

TEST(Wire, WhatIsNotAMessageIsRefused) {
  for (const std::string& bad : {
           std::string("\x0a"),                       // a field without length
           std::string("\x0a\x05") + "abc",           // shorter than it says
           std::string(1, '\x00'),                    // field 0
           std::string("\x0b"),                       // a group
           std::string(11, '\xff'),                   // a number without end
           number(1, 5),                              // metadata as a number
           bytes(1, number(1, 5)),                    // a name as a number
           bytes(1, bytes(11, "\x0a\x7f")),           // half a label
           std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),  // longer than everything
       }) {
    EXPECT_FALSE(decode(bad, kPod)) << testing::PrintToString(bad);
  }
}

TEST(Wire, ReadsEvents) {
  const auto added = read_frame(frame("ADDED", "Pod", pod("a", 7)));
  ASSERT_TRUE(added);
  EXPECT_EQ(added->type, "ADDED");
  EXPECT_EQ(added->object.at("/metadata/name"_json_pointer), "a");

  const auto end = read_frame(frame("BOOKMARK", "Pod", bookmark(9, true)));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->object, Json::parse(R"({"metadata": {"resourceVersion": "9",
                                         "annotations": {"k8s.io/initial-events-end": "true"}}})"));
  EXPECT_FALSE(decode_event("\x0a\x05HELLO", kPod));
  EXPECT_FALSE(decode_event("{}", kPod));
}

std::string status_of(const std::string& reason, int code, const std::string& cause, int retry_after) {
  return bytes(2, "Failure") + bytes(3, "because") + bytes(4, reason) +
         bytes(5, bytes(4, bytes(1, cause) + bytes(2, "because")) + number(5, retry_after)) + number(6, code);
}

TEST(Wire, AnErrorEventIsAStatus) {
  const auto event = read_frame(frame("ERROR", "Status", status_of("TooManyRequests", 429, "", 7)));
  ASSERT_TRUE(event);
  const Error error = error_of_status(429, event->object, {});
  EXPECT_EQ(error.kind, ErrorKind::TooManyRequests);
  EXPECT_EQ(error.what, "because");
  EXPECT_EQ(error.retry_after, std::chrono::seconds(7));
}

TEST(Wire, ARefusalIsReadInEitherEncoding) {
  const std::string status = status_of("Timeout", 504, "ResourceVersionTooLarge", 1);
  const Error error = error_of(Response{504, enveloped("Status", status), {}, {}}, {});
  EXPECT_EQ(error.kind, ErrorKind::Behind);
  EXPECT_EQ(error.what, "because");
  const std::string json = R"({"message":"because","reason":"Timeout","details":
    {"causes":[{"reason":"ResourceVersionTooLarge","message":"because"}],"retryAfterSeconds":1}})";
  EXPECT_EQ(error_of(Response{504, json, {}, {}}, {}).kind, ErrorKind::Behind);
  EXPECT_EQ(error_of(Response{504, "{}", {}, {}}, {}).kind, ErrorKind::Timeout);
}

TEST(Wire, CustomResourcesHaveNoTable) {
  EXPECT_EQ(message_of(resources::kConnectionPolicy), nullptr);
  EXPECT_EQ(message_of(resources::kSecret), nullptr);
}

}  // namespace
}  // namespace pgrightsizer::kube::wire
