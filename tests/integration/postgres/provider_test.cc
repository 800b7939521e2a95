// The providers with a real PostgreSQL, and an API server that only takes the deletion.
#include "pgrightsizer/providers/provider.h"

#include <gmock/gmock.h>

#include <csignal>

#include "integration/support/postgres_process.h"
#include "unit/kube/fake_transport.h"

namespace pgrightsizer::providers {
namespace {

using namespace std::chrono_literals;
using pgrightsizer::testing::eventually;
using pgrightsizer::testing::PostgresProcess;
using ::testing::HasSubstr;

postgres::Settings settings_of(const PostgresProcess& server) {
  auto session = server.session();
  return postgres::read_settings(session).value();
}

TEST(ExternalLive, RequestWaitsForItsOwnersRestart) {
  PostgresProcess server({.max_connections = 57, .settings = {}, .arguments = {}});
  NullLogger logger;
  const auto provider = make_external_provider(logger, {"127.0.0.1", server.port()});
  auto session = server.session();
  ASSERT_TRUE(provider->request(80, &session));
  EXPECT_TRUE(eventually([&] { return settings_of(server).pending_restart; }));
  const auto settings = settings_of(server);
  EXPECT_EQ(settings.next_start, 80);
  EXPECT_FALSE(provider->overridden(settings, {})) << "auto.conf is its own place";
  server.restart();
  EXPECT_EQ(settings_of(server).max_connections, 80);
  EXPECT_EQ(provider->request(90, &session).error().kind, ErrorKind::Unavailable)
      << "that session ended with the restart";
}

Result<postgres::Session> login_of_app(const PostgresProcess& server) {
  auto options = server.login();
  options.user = options.password = "app";
  return postgres::Session::connect(options);
}

TEST(ExternalLive, ARoleWithoutTheRightIsTold) {
  const PostgresProcess server;
  server.execute("create role app login password 'app'");
  auto session = login_of_app(server);
  ASSERT_TRUE(session);
  NullLogger logger;
  const auto requested =
      make_external_provider(logger, {"127.0.0.1", server.port()})->request(80, &*session);
  ASSERT_FALSE(requested);
  EXPECT_EQ(requested.error().kind, ErrorKind::Forbidden);
  EXPECT_THAT(requested.error().message(), HasSubstr("adminSecretName"));
}

// What docs/providers.md asks for, and no more.
TEST(ExternalLive, ARoleWithTheLeastPrivilegesWillDo) {
  const PostgresProcess server({.max_connections = 57, .settings = {}, .arguments = {}});
  server.execute("create role app login password 'app'");
  server.execute("grant pg_monitor to app");
  server.execute("grant alter system on parameter max_connections to app");
  server.execute("grant select on pg_file_settings to app");
  server.execute("grant execute on function pg_show_all_file_settings() to app");
  auto session = login_of_app(server);
  ASSERT_TRUE(session);
  NullLogger logger;
  const auto provider = make_external_provider(logger, {"127.0.0.1", server.port()});
  const auto requested = provider->request(80, &*session);
  ASSERT_TRUE(requested) << requested.error().message();
  const auto settings = postgres::read_settings(*session);
  ASSERT_TRUE(settings) << settings.error().message();
  EXPECT_TRUE(settings->sees_sessions);
  EXPECT_EQ(settings->next_start, 80);
  EXPECT_FALSE(settings->pending_restart) << "it may not reload";
  server.execute("grant execute on function pg_reload_conf() to app");
  ASSERT_TRUE(provider->request(80, &*session));
  EXPECT_TRUE(eventually([&] { return settings_of(server).pending_restart; }));
}

TEST(ExternalLive, TheCommandLineIsNoticed) {
  const PostgresProcess server(
      {.max_connections = 57, .settings = {}, .arguments = {"-c", "max_connections=71"}});
  NullLogger logger;
  const auto found = make_external_provider(logger, {"127.0.0.1", server.port()})
                         ->overridden(settings_of(server), {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->where, "command line");
  EXPECT_EQ(found->value, 71);
}

// A deletion that sends this signal to the server, as a kubelet would.
class Deletion {
 public:
  Deletion(PostgresProcess& server, int number) {
    transport_.on_call = [&server, number](const kube::Request& request) -> Result<kube::Response> {
      if (request.method == kube::Method::Delete) server.process().signal(number);
      return kube::Response{200, "{}", {}, {}};
    };
    database_.pod = "postgres-0";
    database_.pod_uid = "uid";
  }

  Result<void> restart(postgres::Session* session) {
    return make_stateful_set_provider(
               client_, logger_,
               [](const std::string&) { return std::vector<std::shared_ptr<const kube::Pod>>{}; },
               {.name_space = "shop",
                .name = "postgres",
                .config_map = "config",
                .key = "postgresql.conf",
                .port = 5432,
                .clock = nullptr})
        ->restart(database_, session);
  }

 private:
  kube::FakeTransport transport_;
  NullLogger logger_;
  kube::Client client_{transport_, logger_};
  Database database_;
};

// An image whose stop signal is SIGTERM: the server would wait for its clients for ever.
TEST(StatefulSetRestartLive, ASmartShutdownIsHelpedToEnd) {
  PostgresProcess server;
  const auto client = server.session();
  auto admin = server.session();
  Deletion deletion(server, SIGTERM);
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(deletion.restart(&admin));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_FALSE(admin.alive());
  EXPECT_EQ(server.process().wait(20s), 0) << server.log();
}

TEST(StatefulSetRestartLive, WithoutASessionASmartShutdownWaits) {
  PostgresProcess server;
  const auto client = server.session();
  Deletion deletion(server, SIGTERM);
  ASSERT_TRUE(deletion.restart(nullptr));
  EXPECT_EQ(server.process().wait(1s), -1) << "this is what the session is for";
}

TEST(StatefulSetRestartLive, AFastShutdownIsNotWaitedFor) {
  PostgresProcess server;
  auto admin = server.session();
  Deletion deletion(server, SIGINT);
  ASSERT_TRUE(deletion.restart(&admin));
  EXPECT_FALSE(admin.alive());
  EXPECT_EQ(server.process().wait(20s), 0);
}

}  // namespace
}  // namespace pgrightsizer::providers
