#include "pgrightsizer/runtime/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/kube/fake_transport.h"
#include "unit/kube/recording_logger.h"

namespace pgrightsizer::runtime {
namespace {

using kube::Json;
using kube::Method;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ManualClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override {
    return WallTime(std::chrono::milliseconds(1'700'000'000'123)) + passed;
  }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point(std::chrono::hours(1)) + passed;
  }
  seconds passed{0};
};

class EventsTest : public ::testing::Test {
 protected:
  EventsTest() {
    transport.on_call = [this](const kube::Request&) -> Result<kube::Response> {
      return kube::Response{status, "{}", {}, {}};
    };
  }
  void say(const std::string& note = "max_connections is now 250") {
    recorder.normal(about, "Resized", "Patch", note);
  }
  [[nodiscard]] Json body(std::size_t i) const {
    return Json::parse(transport.requests().at(i).body);
  }

  kube::FakeTransport transport;
  RecordingLogger logger;
  ManualClock clock;
  kube::Client client{transport, logger};
  EventRecorder recorder{client, clock, logger, "pod-1"};
  Regarding about{"pgrightsizer.io/v1alpha1", "ConnectionPolicy", "shop", "shop-db", "u-1"};
  int status = 200;
};

TEST_F(EventsTest, WritesTheWholeEvent) {
  say();
  ASSERT_EQ(transport.requests().size(), 1u);
  const auto request = transport.requests()[0];
  EXPECT_EQ(request.method, Method::Post);
  EXPECT_THAT(request.path, StartsWith("/apis/events.k8s.io/v1/namespaces/shop/events"));
  const Json event = body(0);
  EXPECT_THAT(event["metadata"]["name"].get<std::string>(), StartsWith("shop-db."));
  EXPECT_FALSE(event["metadata"].contains("generateName"));
  EXPECT_EQ(event["eventTime"], "2023-11-14T22:13:20.123000Z");
  EXPECT_EQ(event["type"], "Normal");
  EXPECT_EQ(event["regarding"]["uid"], "u-1");
  EXPECT_EQ(event["reportingInstance"], "pod-1");
  EXPECT_EQ(logger.count("max_connections is now 250"), 1);
}

TEST_F(EventsTest, TheSameAgainIsCountedAtMostOnceAMinute) {
  for (int i = 0; i < 10; ++i) say();
  ASSERT_EQ(transport.requests().size(), 2u);
  EXPECT_EQ(transport.requests()[1].method, Method::Patch);
  EXPECT_EQ(body(1)["series"]["count"], 2);
  clock.passed += seconds(61);
  say();
  ASSERT_EQ(transport.requests().size(), 3u);
  EXPECT_EQ(body(2)["series"]["count"], 11);
}

TEST_F(EventsTest, AnotherNoteOrALaterTimeIsAnotherEvent) {
  say();
  say("another");
  clock.passed += seconds(361);
  say();
  ASSERT_EQ(transport.requests().size(), 3u);
  for (const auto& request : transport.requests()) EXPECT_EQ(request.method, Method::Post);
  EXPECT_NE(body(0)["metadata"]["name"], body(2)["metadata"]["name"]);
}

TEST_F(EventsTest, WhatCannotBeWrittenIsLoggedAndBeginsAnew) {
  status = 403;
  say();
  EXPECT_EQ(logger.count("an event could not be written"), 1);
  status = 200;
  say();
  EXPECT_EQ(transport.requests()[1].method, Method::Post);
}

TEST_F(EventsTest, LongNotesAreCutBetweenCharacters) {
  std::string note(999, 'x');
  note += "ééé";
  say(note);
  const std::string written = body(0)["note"];
  EXPECT_EQ(written, std::string(999, 'x') + "…");
  EXPECT_LE(written.size(), 1024u);
}

}  // namespace
}  // namespace pgrightsizer::runtime
