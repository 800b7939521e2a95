// The lines in which a real PostgreSQL tells of connections that were refused or cut, with a
// SQLSTATE in log_line_prefix and without.
#include <gmock/gmock.h>

#include <map>
#include <sstream>

#include "integration/support/postgres_process.h"
#include "pgrightsizer/postgres/connection_error.h"

namespace pgrightsizer::postgres {
namespace {

using enum ConnectionError;
using testing::PostgresProcess;
using ::testing::ElementsAre;
using ::testing::Pair;

class ServerLogLive : public ::testing::TestWithParam<const char*> {};

TEST_P(ServerLogLive, TellsOfEachConnectionThatWasRefusedOrCut) {
  PostgresProcess::Options options;
  options.max_connections = 5;
  options.settings = {"superuser_reserved_connections = 2", "log_line_prefix = '" + std::string(GetParam()) + "'"};
  const PostgresProcess server(options);
  server.execute("create role shop login password 'shop'");
  server.execute("create role single login password 'single' connection limit 1");

  const auto begin = server.log().size();  // whether it is up was asked with a login of nobody's

  auto login = server.login();
  login.sslmode = "disable";  // else libpq tries twice
  auto wrong = login;
  wrong.password = "wrong";
  EXPECT_FALSE(Session::connect(wrong));
  wrong.user = "nobody";
  EXPECT_FALSE(Session::connect(wrong));

  auto single = login;
  single.user = single.password = "single";
  const auto first = Session::connect(single);
  ASSERT_TRUE(first);
  EXPECT_FALSE(Session::connect(single));

  auto shop = login;
  shop.user = shop.password = "shop";
  auto second = Session::connect(shop);
  const auto third = Session::connect(shop);
  ASSERT_TRUE(second && third);
  EXPECT_FALSE(Session::connect(shop));  // only those for superusers are left

  server.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'shop'");
  EXPECT_FALSE(second->query("select 1"));

  std::map<ConnectionError, int> told;
  std::istringstream log(server.log().substr(begin));
  for (std::string line; std::getline(log, line);)
    if (const auto error = error_in_log(line)) ++told[*error];
  EXPECT_THAT(told, ElementsAre(Pair(Refused, 2), Pair(LoginFailed, 2), Pair(Killed, 2))) << server.log();
}

INSTANTIATE_TEST_SUITE_P(Prefix, ServerLogLive,
                         ::testing::Values("%m [%p] ", "%m [%p] %q%u@%d %e ", "[%e] %h ", ""));

}  // namespace
}  // namespace pgrightsizer::postgres
