#include <gtest/gtest.h>

#include "pgrightsizer/api/connection_policy.h"

namespace pgrightsizer::api {
namespace {

constexpr WallTime kThen{std::chrono::milliseconds{1'795'453'646'250}};
constexpr WallTime kLater = kThen + std::chrono::hours{1};

Condition ready(const std::string& status, const std::string& reason = "Because") {
  return {kReady, status, reason, "in a sentence", 3, ""};
}

TEST(Conditions, FirstSightGetsTheTimeInWholeSeconds) {
  std::vector<Condition> conditions;
  set_condition(conditions, ready("Unknown"), kThen);
  ASSERT_EQ(conditions.size(), 1U);
  EXPECT_EQ(conditions[0].last_transition_time, "2026-11-23T17:07:26Z");
}

TEST(Conditions, TheTimeStaysWhileTheStatusDoes) {
  std::vector<Condition> conditions;
  set_condition(conditions, ready("False"), kThen);
  set_condition(conditions, ready("False", "Otherwise"), kLater);
  ASSERT_EQ(conditions.size(), 1U);
  EXPECT_EQ(conditions[0].reason, "Otherwise");
  EXPECT_EQ(conditions[0].last_transition_time, "2026-11-23T17:07:26Z");
}

TEST(Conditions, AFlipMovesTheTime) {
  std::vector<Condition> conditions;
  set_condition(conditions, ready("False"), kThen);
  set_condition(conditions, ready("True"), kLater);
  EXPECT_EQ(conditions[0].last_transition_time, "2026-11-23T18:07:26Z");
}

TEST(Conditions, ATimeGivenByTheCallerIsNotTaken) {
  std::vector<Condition> conditions;
  Condition condition = ready("True");
  condition.last_transition_time = "1999-01-01T00:00:00Z";
  set_condition(conditions, condition, kThen);
  EXPECT_EQ(conditions[0].last_transition_time, "2026-11-23T17:07:26Z");
}

TEST(Conditions, OrderIsKept) {
  std::vector<Condition> conditions;
  set_condition(conditions, ready("True"), kThen);
  set_condition(conditions, {kSuspended, "False", "NotSuspended", "", 3, ""}, kThen);
  set_condition(conditions, ready("False"), kThen);
  ASSERT_EQ(conditions.size(), 2U);
  EXPECT_EQ(conditions[0].type, kReady);
  EXPECT_EQ(conditions[1].type, kSuspended);
}

TEST(Conditions, FindAndRemove) {
  std::vector<Condition> conditions;
  EXPECT_EQ(find_condition(conditions, kReady), nullptr);
  set_condition(conditions, ready("True"), kThen);
  ASSERT_NE(find_condition(conditions, kReady), nullptr);
  EXPECT_EQ(find_condition(conditions, kReady)->status, "True");
  remove_condition(conditions, kStalled);
  EXPECT_EQ(conditions.size(), 1U);
  remove_condition(conditions, kReady);
  EXPECT_TRUE(conditions.empty());
}

}  // namespace
}  // namespace pgrightsizer::api
