// Caps under load: what SET, RECONNECT and RELOAD do to a pool that is in use.
#include <gmock/gmock.h>

#include "integration/pgbouncer/pooled.h"
#include "pgrightsizer/postgres/server.h"

namespace pgrightsizer::pgbouncer {
namespace {

using namespace std::chrono_literals;
using namespace testing;

std::int64_t servers(Console& console) {
  std::int64_t sum = 0;
  const auto seen = console.look().value();
  for (const auto& pool : seen.pools) sum += pool.servers_total;
  return sum;
}

// As PostgreSQL counts them.
std::size_t backends(const PostgresProcess& database, const std::string& name = "shop") {
  auto session = database.session();
  const auto all = postgres::read_backends(session).value();
  return static_cast<std::size_t>(std::count_if(
      all.begin(), all.end(), [&](const auto& backend) { return backend.database == name; }));
}

TEST(Caps, TheBootCapHoldsWithoutAnOperator) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  const Load load(pooler.login(), 40, "select pg_sleep(0.02)");
  auto console = pooler.console();
  EXPECT_TRUE(eventually([&] { return servers(console) == 18; }));
  EXPECT_EQ(backends(*database), 18U);
}

TEST(Caps, GrowAndShrinkUnderLoadWithoutALoss) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  Load load(pooler.login(), 80, "select pg_sleep(0.05)");
  auto console = pooler.console();
  ASSERT_TRUE(console.set_cap(50));
  EXPECT_TRUE(eventually([&] { return servers(console) == 50; }, 30s));
  ASSERT_TRUE(console.set_cap(20));
  EXPECT_EQ(console.config()->default_pool_size, 20);
  ASSERT_TRUE(console.reconnect());
  EXPECT_TRUE(eventually([&] { return servers(console) <= 20; }, 30s));
  EXPECT_TRUE(eventually([&] { return backends(*database) <= 20; }, 30s));
  const auto before = load.succeeded();
  EXPECT_TRUE(eventually([&] { return load.succeeded() > before + 50; }, 30s));
  load.stop();
  EXPECT_EQ(load.failed(), 0) << load.first_failure();
}

TEST(Caps, ReloadForgetsWhatWasSet) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  auto console = pooler.console();
  ASSERT_TRUE(console.set_cap(75));
  ASSERT_TRUE(console.set_max_client_conn(9'000));
  EXPECT_EQ(console.config()->max_client_conn, 9'000);
  ASSERT_TRUE(console.reload());
  const auto config = console.config();
  EXPECT_EQ(config->default_pool_size, 18);
  EXPECT_EQ(config->max_db_connections, 18);
  EXPECT_EQ(config->max_client_conn, 500);
}

TEST(Caps, ZeroIsNeverSent) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  auto console = pooler.console();
  for (const int cap : {0, -1}) {
    const auto set = console.set_cap(cap);
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().kind, ErrorKind::Internal);
  }
  EXPECT_FALSE(console.set_max_client_conn(0));
  EXPECT_EQ(console.config()->default_pool_size, 18);
}

TEST(Caps, SeveralDatabasesShareThem) {
  const auto database = make_database();
  const auto spec = spec_with_stock(*database);
  const PgBouncerProcess pooler(spec);
  const Load shop(pooler.login(0), 15, "select pg_sleep(0.02)");
  const Load stock(pooler.login(1), 15, "select pg_sleep(0.02)");
  auto console = pooler.console();
  EXPECT_TRUE(eventually([&] { return servers(console) == 18; }));
  EXPECT_EQ(backends(*database, "shop"), 9U);
  EXPECT_EQ(backends(*database, "stock"), 9U);
  ASSERT_TRUE(console.set_cap(cap_per_database(24, database_count(spec))));
  EXPECT_TRUE(eventually([&] { return servers(console) == 24; }));
}

TEST(Caps, TwoUsersOfOneDatabaseShareItsCap) {
  const auto database = make_database();
  database->execute("create role report login password 'report'");
  auto spec = spec_for(*database);
  spec.logins.push_back({"report", "report", "shop"});
  const PgBouncerProcess pooler(spec);
  const Load shop(pooler.login(0), 20, "select pg_sleep(0.02)");
  const Load report(pooler.login(1), 20, "select pg_sleep(0.02)");
  auto console = pooler.console();
  EXPECT_TRUE(eventually([&] { return servers(console) == 18; }));
  const auto before = report.succeeded();
  EXPECT_TRUE(eventually([&] { return report.succeeded() > before + 5; })) << "not starved";
  EXPECT_LE(backends(*database), 18U);
}

}  // namespace
}  // namespace pgrightsizer::pgbouncer
