// Whom a drain of the poolers ends.
#include "controller/execute/traffic.h"

#include <gmock/gmock.h>

#include "unit/controller/fake_link.h"
#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

using postgres::FakeLink;
using testing::ElementsAre;
using testing::IsEmpty;
using Clients = decltype(postgres::Rows::rows);

class PooledDrain : public TurnTest {
 protected:
  PooledDrain() {
    options_.connect = [this](const postgres::ConnectOptions&) -> Result<postgres::Session> {
      return FakeLink::session([this](const std::string& sql, const auto&) -> Result<postgres::Rows> {
        if (sql == "SHOW CLIENTS")
          return postgres::Rows{{"id", "database", "state", "request_time"}, clients_};
        said_.push_back(sql);
        return postgres::Rows{};
      });
    };
    kube::Pod pod;
    pod.meta.name = "a";
    pgbouncer::Snapshot snapshot;
    snapshot.version = {1, 24, 0};
    pgbouncer::ClientLink then;
    then.id = 9;
    then.state = "idle";
    then.idle_for = std::chrono::hours(1);
    snapshot.clients = {then};
    facts_.pods = {{std::make_shared<kube::Pod>(pod), snapshot}};
  }

  Clients clients_ = {{"1", "pgbouncer", "active", "2027-01-01 00:01:00 UTC"}};
  std::vector<std::string> said_;
};

TEST_F(PooledDrain, EndsTheLongestIdleFirstAndLeavesWhoWasJustServed) {
  clients_.push_back({"2", "shop", "idle", "2027-01-01 00:00:59 UTC"});
  clients_.push_back({"3", "shop", "idle", "2027-01-01 00:00:50 UTC"});
  clients_.push_back({"4", "shop", "active", "2027-01-01 00:00:00 UTC"});
  clients_.push_back({"5", "shop", "idle", "2027-01-01 00:00:30 UTC"});
  ASSERT_TRUE(drain_pooled(turn_));
  EXPECT_THAT(said_, ElementsAre("KILL_CLIENT 5", "KILL_CLIENT 3"));
}

TEST_F(PooledDrain, AsksWhoIsIdleNow) {
  clients_.push_back({"9", "shop", "active", "2027-01-01 00:00:00 UTC"});
  ASSERT_TRUE(drain_pooled(turn_));
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(PooledDrain, EndsTwentyAtOnce) {
  for (int id = 10; id < 40; ++id) clients_.push_back({std::to_string(id), "shop", "idle", "2027-01-01 00:00:00 UTC"});
  ASSERT_TRUE(drain_pooled(turn_));
  EXPECT_EQ(said_.size(), 20U);
}

TEST_F(PooledDrain, EndsNobodyWhereItCannotEndOne) {
  facts_.pods.front().snapshot->version = {1, 23, 1};
  clients_.push_back({"9", "shop", "idle", "2027-01-01 00:00:00 UTC"});
  ASSERT_TRUE(drain_pooled(turn_));
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(PooledDrain, TellsThatItCannotAsk) {
  options_.connect = [](const postgres::ConnectOptions&) {
    return FakeLink::session([](const auto&, const auto&) -> Result<postgres::Rows> {
      return fail(ErrorKind::Timeout, "no answer");
    });
  };
  EXPECT_EQ(drain_pooled(turn_).error().kind, ErrorKind::Timeout);
}

}  // namespace
}  // namespace pgrightsizer::controller
