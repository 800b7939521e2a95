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

TEST(PooledLogin, StoppedDatabaseIsUnavailable) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  database->stop();
  auto options = pooler.login();
  options.deadline = 10s;
  const auto session = postgres::Session::connect(options);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().kind, ErrorKind::Unavailable)
      << session.error().message() << pooler.log();
  database->start();
  EXPECT_TRUE(eventually([&] { return postgres::Session::connect(options).has_value(); }))
      << "found again within seconds: server_login_retry = 1";
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

// The file is re-read by RELOAD; sessions that are open go on.
TEST(PooledLogin, RotatedPasswordAfterReload) {
  const auto database = make_database();
  PgBouncerProcess pooler(spec_for(*database));
  auto console = pooler.console();
  ASSERT_TRUE(console.set_cap(30));
  Load load(pooler.login(), 10, "select pg_sleep(0.02)");
  database->execute("alter role shop password 'second'");
  auto spec = pooler.spec();
  spec.logins.front().password = "second";
  pooler.write(spec);
  ASSERT_TRUE(console.reload());
  ASSERT_TRUE(console.set_cap(30));
  auto session = postgres::Session::connect(pooler.login());
  ASSERT_TRUE(session) << session.error().message();
  EXPECT_TRUE(session->query("select 1"));
  const auto before = load.succeeded();
  EXPECT_TRUE(eventually([&] { return load.succeeded() > before + 20; }));
  load.stop();
  EXPECT_EQ(load.failed(), 0) << load.first_failure() << pooler.log();
}

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
