#include "app/outcome.h"

#include <gtest/gtest.h>

namespace pgrightsizer::app {
namespace {

TEST(SqlstateIn, FindsItInARefusedConnection) {
  EXPECT_EQ(sqlstate_in("connection to server at \"10.0.0.1\", port 5432 failed: "
                        "FATAL:  53300: sorry, too many clients already"),
            "53300");
  EXPECT_EQ(sqlstate_in("failed: FATAL:  57P03: the database system is starting up"), "57P03");
}

TEST(SqlstateIn, TheLastOneIsTheFinalWord) {
  EXPECT_EQ(sqlstate_in("FATAL:  28000: no pg_hba entry, SSL FATAL:  53300: sorry"), "53300");
}

TEST(SqlstateIn, IsNotFooledByOtherText) {
  EXPECT_EQ(sqlstate_in("connection to server failed: Connection refused"), "");
  EXPECT_EQ(sqlstate_in("FATAL:  sorry, too many clients already"), "");
  EXPECT_EQ(sqlstate_in("FATAL:  53300"), "");
  EXPECT_EQ(sqlstate_in(":  "), "");
  EXPECT_EQ(sqlstate_in(""), "");
}

TEST(FailureClass, PrefersTheSqlstateThenTheKindOfFailure) {
  EXPECT_EQ(failure_class("57P01", "terminating connection"), "57P01");
  EXPECT_EQ(failure_class("", "failed: Connection refused Is the server running"), "ECONNREFUSED");
  EXPECT_EQ(failure_class("", "server closed the connection unexpectedly"), "closed");
  EXPECT_EQ(failure_class("", "could not receive data: Connection reset by peer"), "ECONNRESET");
  EXPECT_EQ(failure_class("", "could not receive data: Connection timed out"), "timeout");
  EXPECT_EQ(failure_class("", "something new"), "other");
}

TEST(CommitVerdict, AnsweredIsSucceeded) {
  const Answer answer{.ok = true, .tag = "COMMIT", .sqlstate = {}, .severity = {}, .message = {}};
  EXPECT_EQ(commit_verdict(answer, true), Verdict::kSucceeded);
  // The answer came, then the connection went: it is committed all the same.
  EXPECT_EQ(commit_verdict(answer, false), Verdict::kSucceeded);
}

TEST(CommitVerdict, RolledBackIsFailed) {
  const Answer answer{.ok = true, .tag = "ROLLBACK", .sqlstate = {}, .severity = {}, .message = {}};
  EXPECT_EQ(commit_verdict(answer, true), Verdict::kFailed);
}

TEST(CommitVerdict, OnlyAnErrorOnALivingConnectionProvesFailure) {
  const auto answer = [](const char* severity, const char* sqlstate) {
    return Answer{
        .ok = false, .tag = {}, .sqlstate = sqlstate, .severity = severity, .message = "m"};
  };
  EXPECT_EQ(commit_verdict(answer("ERROR", "40001"), true), Verdict::kFailed);
  EXPECT_EQ(commit_verdict(answer("ERROR", "40001"), false), Verdict::kUnknown);
  EXPECT_EQ(commit_verdict(answer("ERROR", "08P01"), true), Verdict::kUnknown);
  EXPECT_EQ(commit_verdict(answer("FATAL", "57P01"), false), Verdict::kUnknown);
  EXPECT_EQ(commit_verdict(answer("FATAL", "57P01"), true), Verdict::kUnknown);
  EXPECT_EQ(commit_verdict(answer("", ""), false), Verdict::kUnknown);
}

}  // namespace
}  // namespace pgrightsizer::app
