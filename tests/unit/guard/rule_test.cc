#include "pgrightsizer/guard/rule.h"

#include <gtest/gtest.h>

namespace pgrightsizer::guard {
namespace {

using namespace std::chrono_literals;

constexpr BootTime kNow{1'000'000};
constexpr auto kLimit = 20s;

Verdict paused_for(std::chrono::milliseconds age, bool accepts) {
  return judge({true, accepts}, kNow - age, kNow, kLimit);
}

TEST(Rule, NothingIsRememberedWhileNothingIsPaused) {
  const auto verdict = judge({false, true}, kNow - 60s, kNow, kLimit);
  EXPECT_FALSE(verdict.resume);
  EXPECT_EQ(verdict.paused_since, std::nullopt);
}

TEST(Rule, APauseBeginsWhenItIsFirstSeen) {
  const auto verdict = judge({true, true}, std::nullopt, kNow, kLimit);
  EXPECT_FALSE(verdict.resume);
  EXPECT_EQ(verdict.paused_since, kNow);
}

TEST(Rule, AtTheLimitItEndsIfPostgresqlIsThere) {
  EXPECT_FALSE(paused_for(19'999ms, true).resume);
  EXPECT_TRUE(paused_for(20s, true).resume);
  EXPECT_EQ(paused_for(20s, true).paused_since, kNow - 20s) << "until it is seen to have ended";
}

TEST(Rule, FiveSecondsLaterItEndsRegardless) {
  EXPECT_FALSE(paused_for(20s, false).resume);
  EXPECT_FALSE(paused_for(24'999ms, false).resume);
  EXPECT_TRUE(paused_for(25s, false).resume);
}

TEST(Rule, TheDatabaseIsAskedOnlyWhileItsAnswerDecides) {
  const auto decides = [](std::chrono::milliseconds age) {
    return database_decides(kNow - age, kNow, kLimit);
  };
  EXPECT_FALSE(decides(19'999ms));
  EXPECT_TRUE(decides(20s));
  EXPECT_TRUE(decides(24'999ms));
  EXPECT_FALSE(decides(25s)) << "what is silent holds nothing up";
  EXPECT_FALSE(database_decides(std::nullopt, kNow, kLimit));
}

TEST(Rule, ASilentConsoleEndsNoPause) {
  const auto verdict = judge({std::nullopt, true}, kNow - 60s, kNow, kLimit);
  EXPECT_FALSE(verdict.resume);
  EXPECT_EQ(verdict.paused_since, kNow - 60s);
}

TEST(Rule, ATimeFromAnotherBootCountsAsNow) {
  const auto verdict = judge({true, true}, kNow + 1h, kNow, kLimit);
  EXPECT_FALSE(verdict.resume);
  EXPECT_EQ(verdict.paused_since, kNow);
}

}  // namespace
}  // namespace pgrightsizer::guard
