#include "pgrightsizer/postgres/replication.h"

#include <gtest/gtest.h>

namespace pgrightsizer::postgres {
namespace {

TEST(SynchronousStandbys, HowManyACommitWaitsFor) {
  EXPECT_EQ(required_synchronous(""), 0);
  EXPECT_EQ(required_synchronous("  "), 0);
  EXPECT_EQ(required_synchronous("*"), 1);
  EXPECT_EQ(required_synchronous("a, \"b2\""), 1);
  EXPECT_EQ(required_synchronous("2 (a, b, c)"), 2);
  EXPECT_EQ(required_synchronous("FIRST 3 (a1, b, c)"), 3);
  EXPECT_EQ(required_synchronous("any 12(*)"), 12);
}

TEST(PinnedValue, IsWhatAlterSystemHasLeft) {
  Settings settings;
  EXPECT_EQ(pinned_value(settings), std::nullopt);
  EXPECT_EQ(value_of_files(settings), 100) << "PostgreSQL's own default";
  settings.files = {{"/data/postgresql.conf", 3, "90", false}, {"/conf/postgresql.conf", 1, "250", true}};
  EXPECT_EQ(pinned_value(settings), std::nullopt);
  EXPECT_EQ(value_of_files(settings), 250);
  settings.files.push_back({"/data/postgresql.auto.conf", 3, "290", true});
  EXPECT_EQ(pinned_value(settings), 290);
  EXPECT_EQ(value_of_files(settings), 250);
}

}  // namespace
}  // namespace pgrightsizer::postgres
