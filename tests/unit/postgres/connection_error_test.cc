#include "pgrightsizer/postgres/connection_error.h"

#include <gtest/gtest.h>

#include <string>

namespace pgrightsizer::postgres {
namespace {

using enum ConnectionError;

TEST(ConnectionErrorTest, ByTheStateInThePrefix) {
  const std::string before = "2026-03-01 12:00:00.000 UTC [77] shop@shop ";
  EXPECT_EQ(error_in_log(before + "53300 FATAL:  sorry, too many clients already"), Refused);
  EXPECT_EQ(error_in_log(before + "28P01 FATAL:  password authentication failed"), LoginFailed);
  EXPECT_EQ(error_in_log(before + "28000 FATAL:  Rolle »x« existiert nicht"), LoginFailed);
  EXPECT_EQ(error_in_log(before + "57P01 FATAL:  terminating connection"), Killed);
  EXPECT_EQ(error_in_log(before + "57P05 FATAL:  terminating connection"), Killed);
  EXPECT_EQ(error_in_log(before + "25P03 FATAL:  terminating connection"), Killed);
  EXPECT_EQ(error_in_log("[53300]:FATAL:  sorry"), Refused);
  EXPECT_EQ(error_in_log("53300,FATAL:  sorry"), Refused);
}

TEST(ConnectionErrorTest, ByTheWordsWhereThePrefixHasNoState) {
  EXPECT_EQ(error_in_log("[77] FATAL:  sorry, too many clients already"), Refused);
  EXPECT_EQ(error_in_log("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER"),
            Refused);
  EXPECT_EQ(error_in_log("FATAL:  too many connections for role \"shop\""), Refused);
  EXPECT_EQ(error_in_log("FATAL:  password authentication failed for user \"shop\""), LoginFailed);
  EXPECT_EQ(error_in_log("FATAL:  role \"nobody\" does not exist"), LoginFailed);
  EXPECT_EQ(error_in_log("FATAL:  role \"nobody\" is not permitted to log in"), LoginFailed);
  EXPECT_EQ(error_in_log("FATAL:  no pg_hba.conf entry for host \"10.0.0.1\""), LoginFailed);
  EXPECT_EQ(error_in_log("FATAL:  terminating connection due to administrator command"), Killed);
}

TEST(ConnectionErrorTest, NothingElseCounts) {
  for (const char* line : {
           "", "LOG:  database system is ready to accept connections",
           "2026 [7] shop@shop 57P03 FATAL:  the database system is starting up",
           "2026 [7] shop@shop 3D000 FATAL:  database \"x\" does not exist",
           "2026 [7] shop@shop 53300 LOG:  whatever", "[53300] 00000 LOG:  terminating connection due to",
           "[153300] FATAL:  out of memory", "2026 [7] a@b 42601 STATEMENT:  select 'FATAL:  28P01'",
           "\tFATAL:  sorry, too many clients already", "FATAL: sorry, too many clients already"})
    EXPECT_EQ(error_in_log(line), std::nullopt) << line;
}

TEST(ConnectionErrorTest, NamesAreLabels) {
  std::string all;
  for (const auto error : kConnectionErrors) all += std::string(to_string(error)) + " ";
  EXPECT_EQ(all, "refused login_failed query_wait_timeout killed ");
}

}  // namespace
}  // namespace pgrightsizer::postgres
