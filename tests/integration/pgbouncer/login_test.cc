// Logins through a real PgBouncer: SCRAM on both sides from one plain-text file, rotation,
// refusals.
#include <gmock/gmock.h>

#include "integration/pgbouncer/pooled.h"

namespace pgrightsizer::pgbouncer {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using ::testing::HasSubstr;

TEST(PooledLogin, WorksWithAnAwkwardPassword) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  auto session = postgres::Session::connect(pooler.login());
  ASSERT_TRUE(session) << session.error().message() << pooler.log();
  EXPECT_EQ(session->query("select current_user as me")->text(0, "me"), "shop");
}

TEST(PooledLogin, DatabaseNamesThatNeedNoQuotes) {
  const auto database = make_database();
  database->execute("create database \"Shop-2.test_db\" owner shop");
  auto spec = spec_for(*database);
  spec.logins.front().database = "Shop-2.test_db";
  ASSERT_TRUE(check(spec));
  const PgBouncerProcess pooler(spec);
  auto session = postgres::Session::connect(pooler.login());
  ASSERT_TRUE(session) << session.error().message() << pooler.log();
  EXPECT_EQ(session->query("select current_database() as db")->text(0, "db"), "Shop-2.test_db");
  auto console = pooler.console();
  EXPECT_TRUE(console.resume("Shop-2.test_db"));
}

TEST(PooledLogin, OnlyTheNamedDatabasesAreThere) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  auto options = pooler.login();
  options.database = "postgres";
  const auto session = postgres::Session::connect(options);
  ASSERT_FALSE(session);
  EXPECT_NE(session.error().kind, ErrorKind::Unavailable) << session.error().message();
}

TEST(PooledLogin, WrongPasswordIsUnauthorized) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  auto options = pooler.login();
  options.password = "wrong";
  const auto session = postgres::Session::connect(options);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().kind, ErrorKind::Unauthorized) << session.error().message();
}

TEST(PooledLogin, TheServersRefusalIsPassedOn) {
  const auto database = make_database();
  database->execute("alter role shop password 'changed'");
  const PgBouncerProcess pooler(spec_for(*database));
  const auto session = postgres::Session::connect(pooler.login());
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().kind, ErrorKind::Unauthorized) << session.error().message();
}

// The first login waits for the database, later ones are refused: neither is taken for a wrong
// password.
TEST(PooledLogin, StoppedDatabaseIsUnavailableAndSoonFoundAgain) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  database->stop();
  auto options = pooler.login();
  options.deadline = 3s;
  for (int i = 0; i < 2; ++i) {
    const auto session = postgres::Session::connect(options);
    ASSERT_FALSE(session);
    EXPECT_TRUE(session.error().kind == ErrorKind::Unavailable ||
                session.error().kind == ErrorKind::Timeout)
        << session.error().message();
  }
  database->start();
  EXPECT_TRUE(eventually([&] { return postgres::Session::connect(options).has_value(); }))
      << "server_login_retry = 1";
}

TEST(PooledLogin, TooManyClientsIsTooManySessions) {
  const auto database = make_database();
  auto spec = spec_for(*database);
  spec.max_clients = 2;
  const PgBouncerProcess pooler(spec);
  std::vector<postgres::Session> open;
  while (true) {
    auto session = postgres::Session::connect(pooler.login());
    if (!session) {
      EXPECT_EQ(session.error().kind, ErrorKind::TooManySessions) << session.error().message();
      break;
    }
    open.push_back(std::move(*session));
    ASSERT_LE(open.size(), 5U);
  }
  EXPECT_TRUE(pooler.console().look()) << "the console is not counted out";
}

struct Rotation {
  const char* name;
  bool role_first;  // ALTER ROLE before the file
};

class RotatedPassword : public ::testing::TestWithParam<Rotation> {};

// The file is re-read by RELOAD; sessions that are open go on, whichever side changes first.
TEST_P(RotatedPassword, OpenSessionsGoOn) {
  if (!GetParam().role_first && PgBouncerProcess::version() < Version{1, 24, 0})
    GTEST_SKIP() << "1.18 logs in to the server anew when RELOAD brings another password";
  const auto database = make_database();
  PgBouncerProcess pooler(spec_for(*database));
  auto console = pooler.console();
  Load load(pooler.login(), 30, "select pg_sleep(0.02)");
  ASSERT_TRUE(eventually([&] { return console.look()->pools.front().servers_total == 18; }));
  const auto rotate_role = [&] { database->execute("alter role shop password 'second'"); };
  const auto rotate_file = [&] {
    auto spec = pooler.spec();
    spec.logins.front().password = "second";
    pooler.write(spec);
    ASSERT_TRUE(console.reload());
    ASSERT_TRUE(console.set_cap(18));
  };
  const auto busy = [&](long turns) {
    const auto before = load.succeeded();
    return eventually([&] { return load.succeeded() > before + turns; });
  };
  GetParam().role_first ? rotate_role() : rotate_file();
  EXPECT_TRUE(busy(300));
  GetParam().role_first ? rotate_file() : rotate_role();
  EXPECT_TRUE(busy(300));
  auto session = postgres::Session::connect(pooler.login());
  ASSERT_TRUE(session) << session.error().message();
  EXPECT_TRUE(session->query("select 1"));
  load.stop();
  EXPECT_EQ(load.failed(), 0) << load.first_failure() << pooler.log();
}

INSTANTIATE_TEST_SUITE_P(Orders, RotatedPassword,
                         ::testing::Values(Rotation{"RoleFirst", true},
                                           Rotation{"FileFirst", false}),
                         [](const auto& info) { return info.param.name; });

TEST(PooledLogin, JdbcStartupParameterIsIgnored) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  const auto output = pooler.directory() / "psql.log";
  run({"/usr/bin/env", "PGOPTIONS=", "PGPASSWORD=" + shop_login().password, "psql", "-X", "-h",
       "127.0.0.1", "-p", std::to_string(pooler.port()), "-U", "shop", "-d", "shop", "-Atc",
       "select 'reached'"},
      output);
  EXPECT_THAT(read_file(output), HasSubstr("reached"));
}

}  // namespace
}  // namespace pgrightsizer::pgbouncer
