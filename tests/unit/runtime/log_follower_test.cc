#include "pgrightsizer/runtime/log_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <optional>
#include <vector>

#include "unit/kube/fake_transport.h"
#include "unit/runtime/eventually.h"

namespace pgrightsizer::runtime {
namespace {

using kube::FakeTransport;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr WallTime kSince{std::chrono::seconds(1'772'366'400)};  // 2026-03-01T12:00:00Z

std::string at(const std::string& second, const std::string& line, const std::string& zone = "Z") {
  return "2026-03-01T12:00:" + second + zone + " " + line + "\n";
}

class LogFollowerTest : public ::testing::Test {
 protected:
  void start() {
    LogReader reader;
    reader.on_line = [this](std::string_view line) {
      std::scoped_lock lock(mutex_);
      lines_.emplace_back(line);
    };
    reader.on_trouble = [this](const std::string& text) {
      std::scoped_lock lock(mutex_);
      trouble_ = text;
    };
    follower_.emplace(transport_, LogSource{"shop", "db-0", "postgres"}, kSince, std::move(reader));
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::scoped_lock lock(mutex_);
    return lines_;
  }
  [[nodiscard]] std::string trouble() const {
    std::scoped_lock lock(mutex_);
    return trouble_;
  }
  [[nodiscard]] bool have(std::size_t count) const {
    return eventually([&] { return lines().size() >= count; });
  }

  FakeTransport transport_;
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
  std::string trouble_;
  std::optional<LogFollower> follower_;
};

TEST_F(LogFollowerTest, LinesComeWithoutTheirTimesAndMayBeCutAnywhere) {
  const std::string text = at("00.5", "one") + at("01.123456789", "two words") + at("02", "");
  FakeTransport::Script script;
  for (const char c : text) script.pieces.emplace_back(1, c);
  script.stay_open = true;
  transport_.script(script);
  start();
  ASSERT_TRUE(have(3));
  EXPECT_THAT(lines(), ElementsAre("one", "two words", ""));
  EXPECT_EQ(transport_.requests()[0].path,
            "/api/v1/namespaces/shop/pods/db-0/log?container=postgres&follow=true&timestamps=true"
            "&sinceTime=2026-03-01T12%3A00%3A00.000000Z");
}

TEST_F(LogFollowerTest, WhatWasWrittenBeforeIsNotDelivered) {
  transport_.script({{at("00", "old"), at("00.000000001", "new"), at("01", "newer")}, std::nullopt, true});
  start();
  ASSERT_TRUE(have(2));
  EXPECT_THAT(lines(), ElementsAre("new", "newer"));
}

TEST_F(LogFollowerTest, TheNodesOwnZoneIsUnderstood) {
  transport_.script({{"2026-03-01T13:59:59.9+02:00 old\n", "2026-03-01T14:00:00.1+02:00 new\n"}, std::nullopt, true});
  start();
  ASSERT_TRUE(have(1));
  EXPECT_THAT(lines(), ElementsAre("new"));
}

TEST_F(LogFollowerTest, ANewStreamGoesOnWhereTheOldOneBroke) {
  transport_.script({{at("01", "one"), at("02.5", "two"), "2026-03-01T12:00:03Z thr"},
                     Error{ErrorKind::Unavailable, "the connection is gone", {}, {}}});
  transport_.script({{at("02.4", "before"), at("02.5", "two"), at("03", "three")}, std::nullopt, true});
  start();
  ASSERT_TRUE(have(3));
  EXPECT_THAT(lines(), ElementsAre("one", "two", "three"));
  EXPECT_THAT(transport_.requests()[1].path, HasSubstr("sinceTime=2026-03-01T12%3A00%3A02.000000Z"));
  EXPECT_EQ(trouble(), "");
}

TEST_F(LogFollowerTest, AStreamThatBringsNothingChangesNothing) {
  transport_.script({{at("05", "one")}});
  transport_.script({{at("05", "one")}});
  transport_.script({{at("05", "one"), at("06", "two")}, std::nullopt, true});
  start();
  ASSERT_TRUE(have(2));
  EXPECT_THAT(lines(), ElementsAre("one", "two"));
}

TEST_F(LogFollowerTest, AnEndlessLineIsCutOff) {
  FakeTransport::Script script;
  script.pieces = {"2026-03-01T12:00:01Z "};
  for (int i = 0; i < 100; ++i) script.pieces.emplace_back(1000, 'x');
  script.pieces.push_back("\n" + at("02", "next"));
  script.stay_open = true;
  transport_.script(script);
  start();
  ASSERT_TRUE(have(2));
  EXPECT_EQ(lines()[0].size(), 4096 - std::string("2026-03-01T12:00:01Z ").size());
  EXPECT_EQ(lines()[1], "next");
}

TEST_F(LogFollowerTest, MissingRightsNamePodAndRemedy) {
  FakeTransport::Script refused;
  refused.status = 403;
  refused.body = R"({"kind":"Status","message":"pods \"db-0\" is forbidden"})";
  transport_.script(refused);
  transport_.script({{at("01", "one")}, std::nullopt, true});
  start();
  ASSERT_TRUE(eventually([&] { return !trouble().empty(); }));
  EXPECT_EQ(trouble(),
            "log of Pod shop/db-0: pods \"db-0\" is forbidden; allow get of pods/log to the operator's "
            "ServiceAccount");
  ASSERT_TRUE(have(1));
  EXPECT_EQ(trouble(), "");
}

TEST_F(LogFollowerTest, APodThatHasNotBegunIsNoTrouble) {
  FakeTransport::Script waiting;
  waiting.status = 400;
  waiting.body = R"({"kind":"Status","message":"container is waiting to start"})";
  transport_.script(waiting);
  transport_.script({{at("01", "one")}, std::nullopt, true});
  start();
  ASSERT_TRUE(have(1));
  EXPECT_EQ(trouble(), "");
}

}  // namespace
}  // namespace pgrightsizer::runtime
