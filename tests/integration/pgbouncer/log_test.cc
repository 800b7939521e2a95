// The lines in which a real PgBouncer tells of connections that were refused or cut.
#include "pgrightsizer/pgbouncer/log.h"

#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <sstream>

#include "integration/pgbouncer/pooled.h"

namespace pgrightsizer::pgbouncer {
namespace {

using namespace testing;
using enum postgres::ConnectionError;
using ::testing::ElementsAre;
using ::testing::Pair;

std::map<postgres::ConnectionError, int> told(const PgBouncerProcess& pooler) {
  std::map<postgres::ConnectionError, int> out;
  std::istringstream log(pooler.log());
  for (std::string line; std::getline(log, line);)
    if (const auto error = error_in_log(line)) ++out[*error];
  return out;
}

TEST(PoolerLogLive, LoginsThatFail) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  auto options = pooler.login();
  options.password = "wrong";
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(postgres::Session::connect(options));
  options.user = "nobody";
  EXPECT_FALSE(postgres::Session::connect(options));
  EXPECT_THAT(told(pooler), ElementsAre(Pair(LoginFailed, 4))) << pooler.log();
}

TEST(PoolerLogLive, TooManyClients) {
  const auto database = make_database();
  auto spec = spec_for(*database);
  spec.max_clients = 2;
  const PgBouncerProcess pooler(spec);
  const auto one = postgres::Session::connect(pooler.login());
  const auto other = postgres::Session::connect(pooler.login());
  ASSERT_TRUE(one && other) << pooler.log();
  EXPECT_FALSE(postgres::Session::connect(pooler.login()));
  EXPECT_THAT(told(pooler), ElementsAre(Pair(Refused, 1))) << pooler.log();
}

TEST(PoolerLogLive, NoServerInTimeAndAServerThatIsEnded) {
  const auto database = make_database();
  auto spec = spec_for(*database);
  spec.boot_cap = 1;
  const PgBouncerProcess pooler(spec);
  auto holder = postgres::Session::connect(pooler.login());
  auto waiting = postgres::Session::connect(pooler.login());
  ASSERT_TRUE(holder && waiting) << pooler.log();
  ASSERT_TRUE(holder->query("begin"));
  std::ofstream(pooler.directory() / "pgbouncer.ini", std::ios::app) << "query_wait_timeout = 1\n";
  ASSERT_TRUE(pooler.console().reload());
  EXPECT_FALSE(waiting->query("select 1"));
  EXPECT_THAT(told(pooler), ElementsAre(Pair(QueryWaitTimeout, 1))) << pooler.log();
  database->execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'shop'");
  EXPECT_FALSE(holder->query("select 1"));
  EXPECT_THAT(told(pooler), ElementsAre(Pair(QueryWaitTimeout, 1), Pair(Killed, 1))) << pooler.log();
}

}  // namespace
}  // namespace pgrightsizer::pgbouncer
