// A real primary and its streaming standby: what is read of them, and the orders that keep the
// standby going.
#include "pgrightsizer/postgres/replication.h"

#include <gmock/gmock.h>

#include "integration/support/postgres_process.h"

namespace pgrightsizer::postgres {
namespace {

using pgrightsizer::testing::eventually;
using pgrightsizer::testing::PostgresProcess;
using ::testing::HasSubstr;

class ReplicationLive : public ::testing::Test {
 protected:
  static Settings settings_of(const PostgresProcess& server) {
    auto session = server.session();
    return read_settings(session).value();
  }
  static Primary primary_of(const PostgresProcess& server) {
    auto session = server.session();
    return read_primary(session).value();
  }
  Replay replay_of(const Primary& at) const {
    auto session = standby.session();
    return read_replay(session, at.flushed, at.redo).value();
  }
  static void pinned(PostgresProcess& server, std::int64_t value) {
    auto session = server.session();
    ASSERT_TRUE(pin(session, value));
  }
  void restart(PostgresProcess& server, std::int64_t value) {
    pinned(server, value);
    server.restart();
    EXPECT_EQ(settings_of(server).max_connections, value);
  }
  bool becomes_caught_up(const Primary& at) const {
    return eventually([&] { return replay_of(at).streaming && replay_of(at).past_position; });
  }
  void write(const char* table) const {
    primary.execute(std::string("create table ") + table + " as select generate_series(1, 1000)");
  }

  PostgresProcess primary{{.max_connections = 100, .settings = {}, .arguments = {}}};
  PostgresProcess standby{
      {.max_connections = 100, .settings = {}, .arguments = {}, .primary = &primary}};
};

TEST_F(ReplicationLive, TheTwoAreToldApart) {
  const auto of_primary = primary_of(primary);
  EXPECT_FALSE(of_primary.in_recovery);
  EXPECT_THAT(of_primary.flushed, HasSubstr("/"));
  EXPECT_TRUE(primary_of(standby).in_recovery);
  EXPECT_TRUE(becomes_caught_up(of_primary));
  EXPECT_TRUE(replay_of(of_primary).in_recovery);
  EXPECT_TRUE(eventually([&] { return primary_of(primary).streaming == 1; }));
  EXPECT_NE(of_primary.system, "");
  EXPECT_EQ(replay_of(of_primary).system, of_primary.system);
  EXPECT_EQ(primary_of(primary).synchronous_spare, std::nullopt);
  auto session = primary.session();
  const auto of_nobody = read_replay(session, "", "");
  ASSERT_TRUE(of_nobody) << of_nobody.error().message();
  EXPECT_FALSE(of_nobody->in_recovery);
}

TEST_F(ReplicationLive, WhoCommitsWaitForIsCounted) {
  primary.execute("alter system set synchronous_standby_names = '*'");
  primary.execute("select pg_reload_conf()");
  EXPECT_TRUE(eventually([&] { return primary_of(primary).synchronous_spare == 0; }));
}

TEST_F(ReplicationLive, AStandbyIsPinnedAndUnpinned) {
  pinned(standby, 120);
  EXPECT_EQ(pinned_value(settings_of(standby)), 120);
  EXPECT_EQ(value_of_files(settings_of(standby)), 100);
  EXPECT_EQ(pinned_value(settings_of(primary)), std::nullopt);
  auto session = standby.session();
  ASSERT_TRUE(unpin(session));
  EXPECT_EQ(pinned_value(settings_of(standby)), std::nullopt);
}

TEST_F(ReplicationLive, TheNaiveOrdersBreakIt) {
  restart(primary, 150);
  const auto raised = primary_of(primary);
  EXPECT_TRUE(eventually([&] { return replay_of(raised).paused; })) << "the primary was first";
  EXPECT_FALSE(replay_of(raised).past_position);
  restart(primary, 100);
  standby.stop();
  EXPECT_THAT(standby.start_and_fail(), HasSubstr("max_connections"));
}

TEST_F(ReplicationLive, TheRightOrdersDoNot) {
  for (const std::int64_t value : {150, 130, 170, 100}) {
    const bool raise = value > settings_of(primary).max_connections;
    if (raise) restart(standby, value);
    restart(primary, value);
    const auto at = primary_of(primary);
    write(raise ? "after_raise" : "after_lowering");
    ASSERT_TRUE(becomes_caught_up(at));
    EXPECT_FALSE(replay_of(at).paused);
    if (raise) {
      primary.execute("drop table after_raise");
      continue;
    }
    standby.execute("checkpoint");
    ASSERT_TRUE(replay_of(at).past_redo);
    pinned(standby, value);
    standby.crash();  // from now on nothing may hurt
    standby.start();
    EXPECT_EQ(settings_of(standby).max_connections, value);
    ASSERT_TRUE(becomes_caught_up(at));
    primary.execute("drop table after_lowering");
  }
}

// Why a standby that has replayed the smaller value must also have a restartpoint after it.
TEST_F(ReplicationLive, WithoutARestartpointACrashReplaysTheLargerValueAgain) {
  restart(standby, 150);
  restart(primary, 150);
  ASSERT_TRUE(becomes_caught_up(primary_of(primary)));
  restart(primary, 100);
  const auto lowered = primary_of(primary);
  ASSERT_TRUE(becomes_caught_up(lowered));
  EXPECT_FALSE(replay_of(lowered).past_redo);
  pinned(standby, 100);
  standby.crash();
  EXPECT_THAT(standby.start_and_fail(), HasSubstr("insufficient parameter settings"));
}

}  // namespace
}  // namespace pgrightsizer::postgres
