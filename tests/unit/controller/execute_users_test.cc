// Which answers to a login tell that a pooler has the application's passwords.
#include "controller/execute/users.h"

#include "unit/controller/fake_link.h"
#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

using postgres::FakeLink;
using std::chrono::seconds;

class PoolerUsers : public TurnTest {
 protected:
  PoolerUsers() {
    transport_.on_call = [](const kube::Request&) { return kube::Response{200, "{}", {}, {}}; };
    options_.connect = [this](const postgres::ConnectOptions& options) -> Result<postgres::Session> {
      if (options.console) return console();
      ++logins_;
      if (refusal_) return fail(*refusal_);
      return FakeLink::session(postgres::Rows{});
    };
    facts_.logins = {{"shop", "second", "shop"}};
    facts_.seen.pooler.emplace();
    kube::Pod pod;
    pod.meta.name = pod.meta.uid = "a";
    pgbouncer::Snapshot snapshot;
    snapshot.databases = {"shop"};
    facts_.pods = {{std::make_shared<kube::Pod>(pod), snapshot}};
  }
  postgres::Session console() {
    return FakeLink::session([this](const std::string& sql, const auto&) -> Result<postgres::Rows> {
      if (sql == "RELOAD") ++reloads_;
      return postgres::Rows{
          {"key", "value"}, {{"default_pool_size", "1"}, {"max_db_connections", "1"}, {"max_client_conn", "9"}}};
    });
  }
  // How many logins a turn tries.
  int turn(seconds later = seconds(0)) {
    clock_.time += later;
    logins_ = 0;
    const auto done = refresh_users(turn_);
    EXPECT_TRUE(done) << done.error().message();
    return logins_;
  }

  std::optional<Error> refusal_;
  int logins_ = 0;
  int reloads_ = 0;
};

TEST_F(PoolerUsers, WhoeverIsLetInIsKnown) {
  EXPECT_EQ(turn(), 1);
  EXPECT_EQ(turn(seconds(3600)), 0);
  facts_.logins.front().password = "third";
  EXPECT_EQ(turn(), 1);
  EXPECT_EQ(reloads_, 0);
}

TEST_F(PoolerUsers, WhoeverIsRefusedLaterIsKnownToo) {
  for (const auto& error : {Error{ErrorKind::Unauthorized, "password authentication failed for user \"shop\"", {}, {}},
                            Error{ErrorKind::TooManySessions, "sorry, too many clients already", {}, {}},
                            Error{ErrorKind::Invalid, "database \"shop\" does not exist", {}, {}}}) {
    memory_.users_served.clear();
    refusal_ = error;
    EXPECT_EQ(turn(), 1);
    EXPECT_EQ(turn(seconds(3600)), 0) << error.what;
  }
  EXPECT_EQ(reloads_, 0);
}

TEST_F(PoolerUsers, AnAnswerThatTellsNothingIsAskedForAgain) {
  for (const auto& error : {Error{ErrorKind::Timeout, "no answer to the login in time", {}, {}},
                            Error{ErrorKind::Unavailable, "Connection refused", {}, {}},
                            Error{ErrorKind::TooManySessions, "no more connections allowed (max_client_conn)", {}, {}}}) {
    memory_.users_served.clear();
    refusal_ = error;
    EXPECT_EQ(turn(), 1);
    EXPECT_EQ(turn(), 0) << "not every turn: " << error.what;
    EXPECT_EQ(turn(seconds(30)), 1) << error.what;
  }
  EXPECT_EQ(reloads_, 0);
  facts_.logins.front().password = "third";
  EXPECT_EQ(turn(), 1) << "another password is another question";
  refusal_ = Error{ErrorKind::Unauthorized, "SASL authentication failed", {}, {}};
  EXPECT_EQ(turn(seconds(30)), 1);
  EXPECT_EQ(reloads_, 1);
  EXPECT_EQ(turn(), 1) << "until it has it";
}

TEST_F(PoolerUsers, APausedPoolerIsNotAsked) {
  facts_.pods.front().snapshot->paused = true;
  facts_.pods.front().snapshot->databases.clear();
  EXPECT_EQ(turn(), 0);
  EXPECT_EQ(reloads_, 0);
}

}  // namespace
}  // namespace pgrightsizer::controller
