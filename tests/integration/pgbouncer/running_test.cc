// An application Secret that gains or loses a database while the poolers run.
#include <gmock/gmock.h>

#include <utility>

#include "controller/execute/users.h"
#include "integration/pgbouncer/pooled.h"
#include "pgrightsizer/pgbouncer/pause.h"
#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

using namespace pgrightsizer::testing;
using ::testing::ElementsAre;

// The kubelet brings the files when the operator nudges it.
class RunningPooler : public TurnTest {
 protected:
  RunningPooler() {
    database_->execute("create database analytics owner shop");
    policy_.spec.database.port = pooler_.port();
    memory_.console_password = pooler_.spec().console_password;
    facts_.seen.pooler.emplace();
    transport_.on_call = [this](const kube::Request&) {
      ++nudges_;
      auto spec = pooler_.spec();
      spec.logins = facts_.logins;
      pooler_.write(spec);
      return kube::Response{200, "{}", {}, {}};
    };
    serve({"shop"});
  }

  // The Secrets give these; one turn.
  void serve(const std::vector<std::string>& databases) {
    facts_.logins.clear();
    for (const auto& database : databases) facts_.logins.push_back({"shop", shop_login().password, database});
    kube::Pod pod;
    pod.meta.name = "a";
    pod.ip = "127.0.0.1";
    facts_.pods = {{std::make_shared<kube::Pod>(pod), pooler_.console().look().value()}};
    transition::PoolerPod seen;
    seen.name = "a";
    seen.cap = 18;
    facts_.seen.pods = {seen};
    const auto done = refresh_users(turn_);
    ASSERT_TRUE(done) << done.error().message();
  }
  [[nodiscard]] std::int64_t each() const { return pooler_.console().config()->max_db_connections; }
  [[nodiscard]] Result<postgres::Session> login(const std::string& database) const {
    auto options = pooler_.login();
    options.database = database;
    return postgres::Session::connect(options);
  }

  std::unique_ptr<PostgresProcess> database_ = make_database();
  PgBouncerProcess pooler_{spec_for(*database_)};
  int nudges_ = 0;
};

TEST_F(RunningPooler, ServesADatabaseThatTheApplicationGains) {
  EXPECT_EQ(nudges_, 0);
  EXPECT_FALSE(login("analytics"));
  serve({"shop", "analytics"});
  EXPECT_TRUE(login("analytics")) << pooler_.log();
  EXPECT_EQ(each(), 9) << "the cap is divided anew";
  serve({"shop", "analytics"});
  EXPECT_EQ(nudges_, 1);
  const std::vector<pgbouncer::PauseTarget> targets = {
      {"a", "127.0.0.1", pooler_.port(), "pgrightsizer", memory_.console_password}};
  EXPECT_TRUE(pgbouncer::pause_all(targets, {"analytics", "shop"}));
  EXPECT_TRUE(pgbouncer::resume_all(targets));
}

TEST_F(RunningPooler, LetsGoOfOneThatTheApplicationLoses) {
  serve({"shop", "analytics"});
  serve({"shop"});
  EXPECT_THAT(pooler_.console().look()->databases, ElementsAre("shop"));
  EXPECT_EQ(each(), 9) << "it may still have served both";
}

TEST_F(RunningPooler, IsLeftAloneUntilItsFileIsWritten) {
  facts_.seen.pooler->current = false;
  serve({"shop", "analytics"});
  EXPECT_EQ(nudges_, 0);
  facts_.seen.pooler->current = true;
  serve({"shop", "analytics"});
  EXPECT_TRUE(login("analytics"));
}

}  // namespace
}  // namespace pgrightsizer::controller
