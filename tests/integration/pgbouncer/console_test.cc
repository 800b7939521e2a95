// The console of a real PgBouncer: what is seen, and what each command does.
#include "pgrightsizer/pgbouncer/console.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "integration/pgbouncer/pooled.h"

namespace pgrightsizer::pgbouncer {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using ::testing::HasSubstr;

TEST(ConsoleLook, SeesConfigPoolsAndLinks) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  auto session = postgres::Session::connect(pooler.login());
  ASSERT_TRUE(session) << session.error().message() << pooler.log();
  ASSERT_TRUE(session->query("begin"));
  const auto pid = session->query("select pg_backend_pid() as pid")->number(0, "pid");

  auto console = pooler.console();
  const auto seen = console.look();
  ASSERT_TRUE(seen) << seen.error().message();
  EXPECT_EQ(seen->version, PgBouncerProcess::version());
  EXPECT_EQ(seen->config.default_pool_size, 18);
  EXPECT_EQ(seen->config.max_db_connections, 18);
  EXPECT_EQ(seen->config.max_client_conn, 500);
  EXPECT_FALSE(seen->paused);

  ASSERT_EQ(seen->pools.size(), 1U) << "the console's own is left out";
  const auto& pool = seen->pools.front();
  EXPECT_EQ(pool.database, "shop");
  EXPECT_EQ(pool.user, "shop");
  EXPECT_EQ(pool.clients_active, 1);
  EXPECT_EQ(pool.clients_waiting, 0);
  EXPECT_EQ(pool.servers_active, 1);
  EXPECT_EQ(pool.servers_total, 1);
  EXPECT_EQ(pool.mode, "transaction");

  ASSERT_EQ(seen->servers.size(), 1U);
  EXPECT_EQ(seen->servers.front().remote_pid, pid) << "as PostgreSQL knows it";
  EXPECT_FALSE(seen->servers.front().close_needed);
  ASSERT_EQ(seen->clients.size(), 1U);
  EXPECT_EQ(seen->clients.front().user, "shop");
  EXPECT_EQ(seen->clients.front().address, "127.0.0.1");
  EXPECT_EQ(seen->clients.front().state, "active");
  if (PgBouncerProcess::version() >= kKillsClients) {
    EXPECT_GT(seen->clients.front().id, 0);
  }
}

TEST(ConsoleLook, IdleTimeGrows) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  auto session = postgres::Session::connect(pooler.login());
  ASSERT_TRUE(session->query("select 1"));
  auto console = pooler.console();
  EXPECT_LE(console.look()->clients.front().idle_for, 3s);
  EXPECT_TRUE(eventually([&] { return console.look()->clients.front().idle_for >= 3s; }, 20s));
  ASSERT_TRUE(session->query("select 1"));
  EXPECT_LE(console.look()->clients.front().idle_for, 2s);
}

TEST(ConsoleLook, SeesWhoWaits) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  auto console = pooler.console();
  ASSERT_TRUE(console.set_cap(2));
  const Load load(pooler.login(), 6, "select pg_sleep(0.3)");
  EXPECT_TRUE(eventually([&] {
    const auto pool = console.look()->pools.front();
    return pool.clients_waiting >= 3 && pool.longest_wait > 10ms && pool.servers_total == 2;
  }));
}

TEST(ConsoleLook, SumsTransactionsAndWaits) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  auto console = pooler.console();
  EXPECT_EQ(console.look()->totals.transactions, 0);
  ASSERT_TRUE(console.set_cap(2));
  const Load load(pooler.login(), 6, "select pg_sleep(0.1)");
  // Six share two: of each three one is served at a time.
  EXPECT_TRUE(eventually([&] {
    const auto totals = console.look()->totals;
    return totals.transactions >= 20 && totals.waited >= 100ms * totals.transactions;
  }));
}

TEST(ConsoleCommands, WrongPasswordIsUnauthorized) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  const auto console = Console::connect("127.0.0.1", pooler.port(), "pgrightsizer", "wrong", 5s);
  ASSERT_FALSE(console);
  EXPECT_EQ(console.error().kind, ErrorKind::Unauthorized) << console.error().message();
  const auto user = Console::connect("127.0.0.1", pooler.port(), "stranger", "wrong", 5s);
  ASSERT_FALSE(user);
  EXPECT_EQ(user.error().kind, ErrorKind::Unauthorized) << user.error().message();
}

TEST(ConsoleCommands, TheApplicationHasNoConsole) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  const auto login = shop_login();
  const auto console = Console::connect("127.0.0.1", pooler.port(), login.user, login.password, 5s);
  ASSERT_FALSE(console);
  EXPECT_EQ(console.error().kind, ErrorKind::Unauthorized) << console.error().message();
}

TEST(ConsoleCommands, StoppedPoolerIsUnavailable) {
  const auto database = make_database();
  PgBouncerProcess pooler(spec_for(*database));
  auto console = pooler.console();
  pooler.stop();
  const auto seen = console.look();
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().kind, ErrorKind::Unavailable);
  const auto again = Console::connect("127.0.0.1", pooler.port(), "pgrightsizer", "x", 5s);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::Unavailable);
}

TEST(ConsoleCommands, PauseIsSeenAndResumed) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  auto console = pooler.console();
  EXPECT_TRUE(console.resume("shop")) << "not paused is success";
  auto options = pooler.login();
  options.database = "pgbouncer";
  options.user = "pgrightsizer";
  options.password = pooler.spec().console_password;
  options.console = true;
  auto raw = postgres::Session::connect(options);
  ASSERT_TRUE(raw);
  ASSERT_TRUE(raw->query("PAUSE shop"));
  EXPECT_TRUE(console.look()->paused);
  ASSERT_TRUE(console.resume("shop"));
  EXPECT_FALSE(console.look()->paused);
  EXPECT_TRUE(console.resume("shop"));
  ASSERT_TRUE(raw->query("PAUSE"));
  EXPECT_TRUE(console.resume(""));
  const auto unknown = console.resume("elsewhere");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(unknown.error().message(), HasSubstr("elsewhere"));
}

TEST(ConsoleCommands, OneClientCanBeEnded) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  auto stays = postgres::Session::connect(pooler.login());
  auto console = pooler.console();
  const auto id = console.look()->clients.front().id;
  if (PgBouncerProcess::version() < kKillsClients) {
    EXPECT_EQ(id, 0);
    const auto killed = console.kill_client(id);
    ASSERT_FALSE(killed);
    EXPECT_EQ(killed.error().kind, ErrorKind::Invalid);
    EXPECT_THAT(killed.error().remedy, HasSubstr("1.24"));
    return;
  }
  ASSERT_TRUE(console.kill_client(id));
  EXPECT_TRUE(eventually([&] { return console.look()->clients.empty(); }));
  EXPECT_FALSE(stays->query("select 1"));
  EXPECT_TRUE(console.kill_client(id)) << "gone already";
}

}  // namespace
}  // namespace pgrightsizer::pgbouncer
