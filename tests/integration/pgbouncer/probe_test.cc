// The probes of a pooler pod, run as they stand in its template, in the states that matter.
#include <gmock/gmock.h>

#include <algorithm>

#include "integration/pgbouncer/pooled.h"
#include "pgrightsizer/pgbouncer/pooler.h"

namespace pgrightsizer::pgbouncer {
namespace {

using namespace std::chrono_literals;
using namespace testing;

// Exit status of the probe's own command, with the test's socket directory.
int run_probe(const PgBouncerProcess& pooler, const char* probe) {
  const auto object = deployment(pooler.spec());
  auto command = object.at(nlohmann::json::json_pointer("/spec/template/spec/containers/0"))
                     .at(probe)
                     .at("exec")
                     .at("command")
                     .get<std::vector<std::string>>();
  std::replace(command.begin(), command.end(), std::string(kSocketDirectory),
               pooler.directory().string());
  command.insert(command.begin(), "/usr/bin/env");
  ChildProcess process;
  process.start(command, pooler.directory() / "probe.log");
  return process.wait(10s);
}

int startup(const PgBouncerProcess& pooler) { return run_probe(pooler, "startupProbe"); }
int readiness(const PgBouncerProcess& pooler) { return run_probe(pooler, "readinessProbe"); }

// Takes every slot that an ordinary role can have.
std::vector<postgres::Session> fill(const PostgresProcess& database) {
  auto options = database.login();
  const auto login = shop_login();
  options.user = login.user;
  options.password = login.password;
  options.database = login.database;
  std::vector<postgres::Session> open;
  while (auto session = postgres::Session::connect(options)) open.push_back(std::move(*session));
  return open;
}

TEST(Probes, PassWhenAllIsWell) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  EXPECT_EQ(startup(pooler), 0);
  EXPECT_EQ(readiness(pooler), 0);
}

TEST(Probes, AFullServerKeepsNobodyOut) {
  const auto database = make_database(10);
  const PgBouncerProcess pooler(spec_for(*database));
  auto open = fill(*database);
  EXPECT_EQ(open.size(), 7U);
  EXPECT_EQ(startup(pooler), 0) << "the ordinary slots are taken";
  EXPECT_EQ(readiness(pooler), 0);
  for (int i = 0; i < 3; ++i) open.push_back(database->session());
  EXPECT_EQ(startup(pooler), 0) << "the reserved ones too";
}

TEST(Probes, ADatabaseThatIsDownStopsOnlyTheStart) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  database->stop();
  EXPECT_EQ(startup(pooler), 2);
  EXPECT_EQ(readiness(pooler), 0);
}

TEST(Probes, APausedPoolerStaysReady) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  auto options = pooler.login();
  options.database = "pgbouncer";
  options.user = "pgrightsizer";
  options.password = pooler.spec().console_password;
  options.console = true;
  auto console = postgres::Session::connect(options);
  ASSERT_TRUE(console) << console.error().message();
  ASSERT_TRUE(console->query("PAUSE shop"));
  EXPECT_EQ(readiness(pooler), 0);
  ASSERT_TRUE(console->query("PAUSE"));
  EXPECT_EQ(readiness(pooler), 0);
}

TEST(Probes, APoolerWithoutRoomForClientsStaysReady) {
  const auto database = make_database();
  auto spec = spec_for(*database);
  spec.max_clients = 1;
  const PgBouncerProcess pooler(spec);
  const auto one = postgres::Session::connect(pooler.login());
  ASSERT_TRUE(one);
  EXPECT_EQ(readiness(pooler), 0);
}

TEST(Probes, AStoppedPoolerIsNotReady) {
  const auto database = make_database();
  PgBouncerProcess pooler(spec_for(*database));
  pooler.stop();
  EXPECT_NE(readiness(pooler), 0);
}

// Readiness is asked every two seconds: it must not fill the log.
TEST(Probes, LeaveNoTraceInTheLog) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  const auto before = pooler.log().size();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(readiness(pooler), 0);
  EXPECT_EQ(pooler.log().substr(before), "");
}

}  // namespace
}  // namespace pgrightsizer::pgbouncer
