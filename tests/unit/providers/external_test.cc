#include <gmock/gmock.h>

#include "pgrightsizer/providers/provider.h"

namespace pgrightsizer::providers {
namespace {

using ::testing::HasSubstr;

TEST(ExternalProvider, IsWhereThePolicySays) {
  NullLogger logger;
  const auto provider = make_external_provider(logger, {"db.example.org", 5433});
  const auto database = provider->observe();
  ASSERT_TRUE(database);
  EXPECT_EQ(database->host, "db.example.org");
  EXPECT_EQ(database->port, 5433);
  EXPECT_FALSE(database->operator_restarts);
  EXPECT_EQ(database->requested, 0);
  EXPECT_EQ(make_external_provider(logger, {"", 5432})->observe().error().kind, ErrorKind::Invalid);
}

TEST(ExternalProvider, IsRestartedBySomebodyElse) {
  NullLogger logger;
  const auto provider = make_external_provider(logger, {"db", 5432});
  const auto restarted = provider->restart(*provider->observe(), nullptr);
  ASSERT_FALSE(restarted);
  EXPECT_EQ(restarted.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(restarted.error().remedy, HasSubstr("restart it"));
}

TEST(ExternalProvider, NeedsASessionToRequest) {
  NullLogger logger;
  EXPECT_EQ(make_external_provider(logger, {"db", 5432})->request(9, nullptr).error().kind,
            ErrorKind::Unavailable);
}

TEST(ExternalProvider, OnlyTheCommandLineBeatsAlterSystem) {
  NullLogger logger;
  const auto provider = make_external_provider(logger, {"db", 5432});
  postgres::Settings settings;
  settings.source = "configuration file";
  settings.files = {{"/data/postgresql.conf", 1, "50", true}};
  EXPECT_FALSE(provider->overridden(settings, {}));
  settings.source = "command line";
  settings.max_connections = 50;
  EXPECT_EQ(provider->overridden(settings, {})->value, 50);
}

}  // namespace
}  // namespace pgrightsizer::providers
