// Sessions against a real PostgreSQL: what each failure is called, and that no call outlasts its
// deadline.
#include "pgrightsizer/postgres/session.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include "integration/support/postgres_process.h"

namespace pgrightsizer::postgres {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::PostgresProcess;

std::chrono::milliseconds time_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               start);
}

// A port that takes connections and never answers.
class SilentServer {
 public:
  SilentServer() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(socket_, 4), 0);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  ~SilentServer() { close(socket_); }
  [[nodiscard]] int port() const { return port_; }

 private:
  int socket_;
  int port_ = 0;
};

TEST(SessionWithoutServer, RefusedConnectionIsUnavailable) {
  ConnectOptions options;
  options.host = "127.0.0.1";
  options.port = testing::free_port();
  options.user = "postgres";
  const auto session = Session::connect(options);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().kind, ErrorKind::Unavailable);
  EXPECT_THAT(session.error().message(), HasSubstr("Connection refused"));
  EXPECT_THAT(session.error().object, HasSubstr("127.0.0.1:" + std::to_string(options.port)));
}

TEST(SessionWithoutServer, SilentServerIsATimeout) {
  const SilentServer server;
  ConnectOptions options;
  options.host = "127.0.0.1";
  options.port = server.port();
  options.user = "postgres";
  options.deadline = 300ms;
  const auto took = time_of([&] {
    const auto session = Session::connect(options);
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().kind, ErrorKind::Timeout);
  });
  EXPECT_GE(took, 300ms);
  EXPECT_LT(took, 1500ms);
}

TEST(SessionWithoutServer, UnknownNameIsUnavailable) {
  ConnectOptions options;
  options.host = "no-such-host.invalid";
  options.user = "postgres";
  options.deadline = 3s;
  const auto took = time_of([&] {
    const auto session = Session::connect(options);
    ASSERT_FALSE(session);
    EXPECT_TRUE(session.error().kind == ErrorKind::Unavailable ||
                session.error().kind == ErrorKind::Timeout);
    EXPECT_THAT(session.error().message(), HasSubstr("no-such-host.invalid"));
  });
  EXPECT_LT(took, 4s);
}

TEST(SessionWithoutServer, WrongSslModeIsInvalid) {
  ConnectOptions options;
  options.host = "127.0.0.1";
  options.user = "postgres";
  options.sslmode = "sometimes";
  const auto session = Session::connect(options);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(session.error().message(), HasSubstr("sometimes"));
}

TEST(SessionTest, RowsByNameAndNull) {
  const PostgresProcess server;
  auto session = server.session();
  const auto rows = session.query("select 7 as seven, null as nothing, 'x' as letter");
  ASSERT_TRUE(rows) << rows.error().message();
  EXPECT_EQ(rows->number(0, "seven"), 7);
  EXPECT_EQ(rows->text(0, "letter"), "x");
  EXPECT_EQ(rows->text(0, "nothing"), std::nullopt);
  EXPECT_EQ(rows->text(1, "letter"), std::nullopt);
  EXPECT_EQ(rows->number(0, "letter"), std::nullopt);
  EXPECT_EQ(rows->column("absent"), std::nullopt);
  EXPECT_GT(session.backend_pid(), 0);
  EXPECT_GE(session.server_version(), 100000);
}

TEST(SessionTest, ParametersAreNotSql) {
  const PostgresProcess server;
  auto session = server.session();
  const std::string evil = "'; drop table x; --";
  const auto rows = session.query("select $1::text as echo", {evil});
  ASSERT_TRUE(rows) << rows.error().message();
  EXPECT_EQ(rows->text(0, "echo"), evil);
  const auto quoted =
      session.query("select " + quote_literal(evil) + " as " + quote_identifier("a\"b"));
  ASSERT_TRUE(quoted) << quoted.error().message();
  EXPECT_EQ(quoted->text(0, "a\"b"), evil);
}

TEST(SessionTest, ConnectsByName) {
  const PostgresProcess server;
  auto options = server.login();
  options.host = "localhost";
  const auto session = Session::connect(options);
  ASSERT_TRUE(session) << session.error().message();
}

TEST(SessionTest, WrongPasswordIsUnauthorized) {
  const PostgresProcess server;
  auto options = server.login();
  options.password = "wrong";
  const auto session = Session::connect(options);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().kind, ErrorKind::Unauthorized);
  EXPECT_EQ(session.error().what, "password authentication failed for user \"postgres\"");
  EXPECT_THAT(session.error().remedy, HasSubstr("Secret"));
}

TEST(SessionTest, MissingDatabaseIsInvalid) {
  const PostgresProcess server;
  auto options = server.login();
  options.database = "nowhere";
  const auto session = Session::connect(options);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().kind, ErrorKind::Invalid);
  EXPECT_EQ(session.error().what, "database \"nowhere\" does not exist");
}

TEST(SessionTest, TlsThatTheServerLacksIsInvalid) {
  const PostgresProcess server;
  auto options = server.login();
  options.sslmode = "require";
  const auto session = Session::connect(options);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(session.error().what, HasSubstr("does not support SSL"));
}

// The reserved slots are the operator's own door into a full server.
TEST(SessionTest, FullServerRefusesOrdinaryRolesOnly) {
  const PostgresProcess server({.max_connections = 8, .settings = {}, .arguments = {}});
  server.execute("create role app login password 'app'");
  auto options = server.login();
  options.user = options.password = "app";
  std::vector<Session> open;
  while (true) {
    auto session = Session::connect(options);
    if (!session) {
      EXPECT_EQ(session.error().kind, ErrorKind::TooManySessions);
      EXPECT_THAT(session.error().what, HasSubstr("remaining connection slots are reserved"));
      break;
    }
    open.push_back(std::move(*session));
    ASSERT_LE(open.size(), 8U);
  }
  EXPECT_EQ(open.size(), 5U);
  auto admin = server.session();
  EXPECT_TRUE(admin.query("select 1"));
}

TEST(SessionTest, RoleLimitIsTooManySessions) {
  const PostgresProcess server;
  server.execute("create role app login password 'app' connection limit 0");
  auto options = server.login();
  options.user = options.password = "app";
  const auto session = Session::connect(options);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().kind, ErrorKind::TooManySessions);
  EXPECT_EQ(session.error().what, "too many connections for role \"app\"");
}

TEST(SessionTest, DeadlineEndsAStatementAndTheSession) {
  const PostgresProcess server;
  auto session = server.session();
  const auto took = time_of([&] {
    const auto rows = session.query("select pg_sleep(60)", {}, 300ms);
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().kind, ErrorKind::Timeout);
  });
  EXPECT_LT(took, 1500ms);
  EXPECT_FALSE(session.alive());
  EXPECT_FALSE(session.query("select 1"));
  // Cancelled, so that it holds none of the reserved slots.
  auto other = server.session();
  EXPECT_TRUE(testing::eventually([&] {
    const auto rows = other.query(
        "select count(*) as n from pg_stat_activity where query like '%sleep(60)%' "
        "and pid <> pg_backend_pid()");
    return rows && rows->number(0, "n") == 0;
  }));
}

TEST(SessionTest, RefusedStatementLeavesTheSessionUsable) {
  const PostgresProcess server;
  auto session = server.session();
  const auto rows = session.query("select 1/0");
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().kind, ErrorKind::Invalid);
  EXPECT_EQ(rows.error().what, "division by zero");
  EXPECT_TRUE(session.alive());
  EXPECT_TRUE(session.query("select 1"));
}

TEST(SessionTest, MissingRightIsForbidden) {
  const PostgresProcess server;
  server.execute("create role app login password 'app'");
  auto options = server.login();
  options.user = options.password = "app";
  auto session = Session::connect(options);
  ASSERT_TRUE(session);
  const auto rows = session->query("alter system set work_mem = '8MB'");
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().kind, ErrorKind::Forbidden);
  EXPECT_TRUE(session->alive());
}

TEST(SessionTest, CopyIsRefusedInsteadOfWaitedFor) {
  const PostgresProcess server;
  auto session = server.session();
  EXPECT_FALSE(session.query("copy (select 1) to stdout", {}, 2s));
  EXPECT_FALSE(session.alive());
}

TEST(SessionTest, TerminatedSessionIsUnavailableWithTheServersWords) {
  const PostgresProcess server;
  auto victim = server.session();
  server.execute("select pg_terminate_backend(" + std::to_string(victim.backend_pid()) + ")");
  const auto rows = victim.query("select 1");
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().kind, ErrorKind::Unavailable);
  EXPECT_THAT(rows.error().what, HasSubstr("terminating connection"));
  EXPECT_FALSE(victim.alive());
}

TEST(SessionTest, StoppedServerIsUnavailable) {
  PostgresProcess server;
  auto session = server.session();
  server.stop();
  const auto rows = session.query("select 1");
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().kind, ErrorKind::Unavailable);
  const auto again = Session::connect(server.login());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::Unavailable);
}

TEST(SessionTest, CloseFreesTheSlot) {
  const PostgresProcess server;
  auto session = server.session();
  const auto pid = std::to_string(session.backend_pid());
  session.close();
  EXPECT_FALSE(session.alive());
  auto other = server.session();
  EXPECT_TRUE(testing::eventually([&] {
    const auto rows = other.query("select count(*) as n from pg_stat_activity where pid = " + pid);
    return rows && rows->number(0, "n") == 0;
  }));
}

TEST(SessionTest, MovedFromSessionIsDeadNotDangerous) {
  const PostgresProcess server;
  auto session = server.session();
  auto taken = std::move(session);
  EXPECT_TRUE(taken.query("select 1"));
  // NOLINTNEXTLINE(bugprone-use-after-move)
  EXPECT_FALSE(session.alive());
  EXPECT_FALSE(session.query("select 1"));
}

}  // namespace
}  // namespace pgrightsizer::postgres
