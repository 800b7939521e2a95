// What a real PostgreSQL tells of max_connections, and what it does when told.
#include "pgrightsizer/postgres/server.h"

#include <gmock/gmock.h>

#include "integration/support/postgres_process.h"
#include "unit/controller/fake_link.h"

namespace pgrightsizer::postgres {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::PostgresProcess;

Settings settings_of(const PostgresProcess& server) {
  auto session = server.session();
  auto settings = read_settings(session);
  if (!settings) throw std::runtime_error(settings.error().message());
  return *settings;
}

std::string winner_of(const Settings& settings) {
  std::string found;
  for (const auto& file : settings.files)
    if (file.applied) found += file.file + ":" + std::to_string(file.line) + "=" + file.value;
  return found;
}

void reload(const PostgresProcess& server) {
  auto session = server.session();
  const auto before = session.query("select pg_conf_load_time()::text as t")->text(0, "t");
  ASSERT_TRUE(reload_configuration(session));
  ASSERT_TRUE(testing::eventually([&] {
    return session.query("select pg_conf_load_time()::text as t")->text(0, "t") != before;
  }));
}

TEST(ServerSettings, OfAFreshServer) {
  const PostgresProcess server({.max_connections = 57, .settings = {}, .arguments = {}});
  const auto settings = settings_of(server);
  EXPECT_EQ(settings.max_connections, 57);
  EXPECT_EQ(settings.superuser_reserved, 3);
  EXPECT_EQ(settings.reserved, 0);
  EXPECT_FALSE(settings.pending_restart);
  EXPECT_EQ(settings.source, "configuration file");
  EXPECT_EQ(settings.source_file, server.config().string());
  EXPECT_EQ(settings.source_line, 1);
  EXPECT_EQ(settings.data_directory, server.data().string());
  EXPECT_TRUE(settings.files_known);
  EXPECT_EQ(settings.files.size(), 2U) << "initdb's own line and ours";
  EXPECT_EQ(winner_of(settings), server.config().string() + ":1=57");
  EXPECT_EQ(settings.next_start, 57);
  EXPECT_GE(settings.version, 100000);
  const auto age = SystemClock().now() - settings.postmaster_start;
  EXPECT_GE(age, 0ms);
  EXPECT_LT(age, 60s);
}

TEST(ServerSettings, AlterSystemWaitsForTheRestart) {
  PostgresProcess server({.max_connections = 57, .settings = {}, .arguments = {}});
  auto session = server.session();
  ASSERT_TRUE(alter_system_max_connections(session, 80));
  reload(server);
  const auto waiting = settings_of(server);
  EXPECT_EQ(waiting.max_connections, 57);
  EXPECT_TRUE(waiting.pending_restart);
  EXPECT_EQ(waiting.next_start, 80);
  EXPECT_THAT(winner_of(waiting), HasSubstr("postgresql.auto.conf:3=80"));
  server.restart();
  const auto after = settings_of(server);
  EXPECT_EQ(after.max_connections, 80);
  EXPECT_FALSE(after.pending_restart);
  EXPECT_GT(after.postmaster_start, waiting.postmaster_start);
}

TEST(ServerSettings, AChangedFileWaitsForTheRestart) {
  PostgresProcess server({.max_connections = 57, .settings = {}, .arguments = {}});
  testing::write_file(server.config(), "max_connections = 90\n");
  // Seen before any reload: the view reads the files.
  EXPECT_EQ(settings_of(server).next_start, 90);
  reload(server);
  const auto settings = settings_of(server);
  EXPECT_EQ(settings.max_connections, 57);
  EXPECT_TRUE(settings.pending_restart);
  EXPECT_EQ(settings.next_start, 90);
}

TEST(ServerSettings, OfDuplicatesTheLastCounts) {
  const PostgresProcess server(
      {.max_connections = 57, .settings = {"MAX_CONNECTIONS 61"}, .arguments = {}});
  const auto settings = settings_of(server);
  EXPECT_EQ(settings.max_connections, 61);
  EXPECT_EQ(settings.files.size(), 3U);
  EXPECT_EQ(winner_of(settings), server.config().string() + ":2=61");
}

TEST(ServerSettings, AnIncludeCountsWhereItStands) {
  PostgresProcess server(
      {.max_connections = 57, .settings = {"include_if_exists 'extra.conf'"}, .arguments = {}});
  const auto extra = server.config().parent_path() / "extra.conf";
  testing::write_file(extra, "\n\nmax_connections = 63 # of somebody else\n");
  server.restart();
  const auto settings = settings_of(server);
  EXPECT_EQ(settings.max_connections, 63);
  EXPECT_EQ(winner_of(settings), extra.string() + ":3=63");
  EXPECT_EQ(settings.source_file, extra.string());
}

TEST(ServerSettings, TheCommandLineBeatsEveryFile) {
  const PostgresProcess server(
      {.max_connections = 57, .settings = {}, .arguments = {"-c", "max_connections=71"}});
  const auto settings = settings_of(server);
  EXPECT_EQ(settings.max_connections, 71);
  EXPECT_EQ(settings.source, "command line");
  EXPECT_EQ(settings.next_start, 71);
}

TEST(ServerSettings, ForARoleThatMaySeeLess) {
  const PostgresProcess server({.max_connections = 57, .settings = {}, .arguments = {}});
  server.execute("create role app login password 'app'");
  auto options = server.login();
  options.user = options.password = "app";
  auto session = Session::connect(options);
  ASSERT_TRUE(session);
  const auto settings = read_settings(*session);
  ASSERT_TRUE(settings) << settings.error().message();
  EXPECT_EQ(settings->max_connections, 57);
  EXPECT_FALSE(settings->files_known);
  EXPECT_EQ(settings->next_start, std::nullopt);
  EXPECT_EQ(settings->data_directory, "");
  EXPECT_FALSE(settings->sees_sessions);
  EXPECT_TRUE(session->alive());

  const auto other = server.session();
  EXPECT_TRUE(read_backends(*session)->empty()) << "this is what sees_sessions is for";
  server.execute("grant pg_monitor to app");
  EXPECT_TRUE(read_settings(*session)->sees_sessions);
  EXPECT_TRUE(settings_of(server).sees_sessions) << "a superuser's";
  EXPECT_FALSE(read_backends(*session)->empty());
}

// PostgreSQL 13 and 14 do not tell: of later ones, which do, the estimate must come near.
TEST(ServerSettings, SharedMemoryIsEstimatedWhereItIsNotTold) {
  constexpr std::int64_t kMega = 1 << 20;
  for (const auto& [buffers, max_connections] : {std::pair{128, 100}, {512, 100}, {128, 1050}}) {
    const PostgresProcess server({.max_connections = max_connections,
                                  .settings = {"shared_buffers = " + std::to_string(buffers) + "MB"},
                                  .arguments = {}});
    const auto told = static_cast<double>(settings_of(server).shared_memory_bytes);
    const auto wal_buffers = server.session()
                                 .query("select pg_size_bytes(current_setting('wal_buffers')) as size")
                                 ->text(0, "size");
    auto old = FakeLink::session(
        Rows{{"max_connections", "shared_buffers", "wal_buffers"},
             {{std::to_string(max_connections), std::to_string(buffers * kMega), wal_buffers}}});
    const auto estimated = static_cast<double>(read_settings(old)->shared_memory_bytes);
    EXPECT_NEAR(estimated, told, told * 0.03) << buffers << " MB, " << max_connections << " connections";
  }
}

TEST(ServerSettings, RefusedValuesAreInvalid) {
  const PostgresProcess server;
  auto session = server.session();
  const auto result = alter_system_max_connections(session, 300'000);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(result.error().what, HasSubstr("outside the valid range"));
}

TEST(ServerBackends, AreSeenAndEnded) {
  const PostgresProcess server;
  server.execute("create role app login password 'app'");
  auto options = server.login();
  options.user = options.password = "app";
  options.application_name = "shop";
  auto app = Session::connect(options);
  ASSERT_TRUE(app);
  ASSERT_TRUE(app->query("begin"));
  auto admin = server.session();
  auto backends = read_backends(admin);
  ASSERT_TRUE(backends) << backends.error().message();
  ASSERT_EQ(backends->size(), 1U) << "not our own";
  const auto& backend = backends->front();
  EXPECT_EQ(backend.pid, app->backend_pid());
  EXPECT_EQ(backend.user, "app");
  EXPECT_EQ(backend.database, "postgres");
  EXPECT_EQ(backend.address, "127.0.0.1");
  EXPECT_EQ(backend.state, "idle in transaction");
  EXPECT_EQ(backend.application_name, "shop");
  EXPECT_FALSE(backend.tls);
  EXPECT_EQ(backend.blocked_by, 0);
  EXPECT_TRUE(testing::eventually([&] { return read_backends(admin)->front().idle_for > 100ms; }));
  EXPECT_GE(read_backends(admin)->front().age, read_backends(admin)->front().idle_for - 50ms);

  ASSERT_TRUE(app->query("select pg_advisory_xact_lock(1)"));
  auto blocked = Session::connect(options);
  ASSERT_TRUE(blocked);
  ASSERT_TRUE(blocked->start("select pg_advisory_lock(1)"));
  EXPECT_TRUE(testing::eventually([&] {
    const auto now = read_backends(admin).value();
    for (const auto& one : now)
      if (one.pid == blocked->backend_pid()) return one.blocked_by == app->backend_pid();
    return false;
  })) << "who waits for a lock names who has it";
  EXPECT_EQ(terminate(admin, {blocked->backend_pid()}).value(), 1);
  EXPECT_TRUE(testing::eventually([&] { return read_backends(admin)->size() == 1; }));

  EXPECT_EQ(terminate(admin, {backend.pid, 999'999}).value(), 1);
  EXPECT_TRUE(testing::eventually([&] { return read_backends(admin)->empty(); }));
  EXPECT_FALSE(app->query("select 1"));
  EXPECT_EQ(terminate(admin, {}).value(), 0);
}

// What a step ends was read some logins before.
class ServerBackendsReadBefore : public ::testing::Test {
 protected:
  Session login() {
    auto options = server_.login();
    options.application_name = "shop";
    return std::move(*Session::connect(options));
  }
  Backend read(const Session& session) {
    Backend found;
    EXPECT_TRUE(testing::eventually([&] {
      const auto now = read_backends(admin_).value();
      for (const auto& one : now)
        if (one.pid == session.backend_pid()) found = one;
      return found.pid != 0 && found.state.starts_with("idle");
    }));
    return found;
  }

  const PostgresProcess server_;
  Session admin_ = server_.session();
  Session app_ = login();
};

TEST_F(ServerBackendsReadBefore, AreEndedWhenTheyAreIdleStill) {
  EXPECT_EQ(terminate_idle(admin_, {read(app_)}).value(), 1);
  EXPECT_TRUE(testing::eventually([&] { return read_backends(admin_)->empty(); }));
  EXPECT_EQ(terminate_idle(admin_, {}).value(), 0);
}

TEST_F(ServerBackendsReadBefore, AreLeftAloneInATransactionThatBeganSince) {
  const auto seen = read(app_);
  ASSERT_TRUE(app_.query("begin"));
  ASSERT_TRUE(app_.query("select 1"));
  EXPECT_EQ(terminate_idle(admin_, {seen}).value(), 0);
  EXPECT_TRUE(app_.query("commit"));
}

TEST_F(ServerBackendsReadBefore, AreLeftAloneWhenThePidIsAnothers) {
  auto seen = read(app_);
  seen.started -= 1;
  EXPECT_EQ(terminate_idle(admin_, {seen}).value(), 0);
  ASSERT_TRUE(app_.query("begin"));
  EXPECT_EQ(terminate_in_transaction(admin_, {seen}, 0ms).value(), 0);
  EXPECT_TRUE(app_.query("select 1"));
}

TEST_F(ServerBackendsReadBefore, AreEndedWhileTheirTransactionIsThatOld) {
  ASSERT_TRUE(app_.query("begin"));
  EXPECT_TRUE(testing::eventually([&] { return read(app_).transaction_age > 100ms; }));
  const auto seen = read(app_);
  ASSERT_TRUE(app_.query("commit"));
  EXPECT_EQ(terminate_in_transaction(admin_, {seen}, 100ms).value(), 0) << "in none";
  ASSERT_TRUE(app_.query("begin"));
  EXPECT_EQ(terminate_in_transaction(admin_, {seen}, 1min).value(), 0) << "in the next one";
  EXPECT_TRUE(testing::eventually([&] { return read(app_).transaction_age > 100ms; }));
  EXPECT_EQ(terminate_in_transaction(admin_, {seen}, 100ms).value(), 1);
  EXPECT_TRUE(testing::eventually([&] { return read_backends(admin_)->empty(); }));
}

TEST(ServerBackends, OfSuperusersAreLeftToSuperusers) {
  const PostgresProcess server;
  for (const char* role : {"app", "admin"})
    server.execute("create role " + std::string(role) + " login password '" + role + "'");
  server.execute("grant pg_monitor, pg_signal_backend to admin");
  const auto login = [&](const char* role) {
    auto options = server.login();
    options.user = options.password = role;
    return std::move(*Session::connect(options));
  };
  auto admin = login("admin");
  const auto superuser = server.session();
  const auto end_all = [&] {
    const auto all = read_backends(admin).value();
    return terminate(admin, {all.at(0).pid, all.at(1).pid});
  };
  {
    const auto app = login("app");
    const auto ended = end_all();
    ASSERT_TRUE(ended) << ended.error().message();
    EXPECT_EQ(*ended, 1);
    EXPECT_TRUE(testing::eventually([&] { return read_backends(admin)->size() == 1; }));
  }
  EXPECT_EQ(read_backends(admin)->front().pid, superuser.backend_pid());
  const auto app = login("app");
  EXPECT_TRUE(testing::eventually([&] {
    const auto all = read_backends(admin).value();
    return all.size() == 2 && all[0].state == "idle" && all[1].state == "idle";
  }));
  EXPECT_EQ(terminate_idle(admin, read_backends(admin).value()).value(), 1);
}

TEST(ServerBackends, BackgroundProcessesAreNotEnded) {
  const PostgresProcess server;
  auto admin = server.session();
  const auto writer =
      admin.query("select pid from pg_stat_activity where backend_type = 'background writer'");
  ASSERT_TRUE(writer);
  EXPECT_EQ(terminate(admin, {*writer->number(0, "pid")}).value(), 0);
}

TEST(ServerCheckpoint, IsDone) {
  const PostgresProcess server;
  auto admin = server.session();
  EXPECT_TRUE(checkpoint(admin, 20s));
}

}  // namespace
}  // namespace pgrightsizer::postgres
