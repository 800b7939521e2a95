// PAUSE and RESUME on several poolers of one database.
#include "pgrightsizer/pgbouncer/pause.h"

#include <gmock/gmock.h>

#include "integration/pgbouncer/pooled.h"

namespace pgrightsizer::pgbouncer {
namespace {

using namespace std::chrono_literals;
using namespace testing;

PauseTarget target_of(const PgBouncerProcess& pooler, const std::string& name) {
  return {name, "127.0.0.1", pooler.port(), pooler.spec().console_user,
          pooler.spec().console_password};
}

bool paused(const PgBouncerProcess& pooler) {
  auto console = pooler.console();
  return console.look().value().paused;
}

bool serves(const PgBouncerProcess& pooler) {
  auto options = pooler.login();
  options.deadline = 10s;
  auto session = postgres::Session::connect(options);
  return session && session->query("select 1");
}

class PauseOfTwo : public ::testing::Test {
 protected:
  std::unique_ptr<PostgresProcess> database_ = make_database();
  PgBouncerProcess a_{spec_for(*database_)};
  PgBouncerProcess b_{spec_for(*database_)};
  const std::vector<PauseTarget> targets_ = {target_of(a_, "a"), target_of(b_, "b")};
};

TEST_F(PauseOfTwo, HoldsEverybodyAndLosesNobody) {
  Load load_a(a_.login(), 20, "select pg_sleep(0.01)");
  Load load_b(b_.login(), 20, "select pg_sleep(0.01)");
  ASSERT_TRUE(eventually([&] { return load_a.succeeded() > 50 && load_b.succeeded() > 50; }));
  const auto done = pause_all(targets_, {"shop"});
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_TRUE(a_.console().look().value().all_paused);
  EXPECT_TRUE(b_.console().look().value().all_paused);
  EXPECT_TRUE(a_.console().look().value().servers.empty());
  ASSERT_TRUE(pause_all(targets_, {"shop"})) << "once more is no error";
  const auto before = load_a.succeeded();
  ASSERT_TRUE(resume_all(targets_));
  ASSERT_TRUE(resume_all(targets_)) << "once more is no error";
  EXPECT_TRUE(eventually([&] { return load_a.succeeded() > before + 50; }));
  load_a.stop();
  load_b.stop();
  EXPECT_EQ(load_a.failed(), 0) << load_a.first_failure();
  EXPECT_EQ(load_b.failed(), 0) << load_b.first_failure();
}

TEST_F(PauseOfTwo, ALongTransactionUndoesItEverywhere) {
  auto longer = postgres::Session::connect(a_.login());
  ASSERT_TRUE(longer) << longer.error().message();
  ASSERT_TRUE(longer->query("begin"));
  ASSERT_TRUE(longer->query("select 1"));
  const auto begun = std::chrono::steady_clock::now();
  const auto done = pause_all(targets_, {"shop"}, postgres::Session::connect, 500ms);
  const auto took = std::chrono::steady_clock::now() - begun;
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::Timeout);
  EXPECT_EQ(done.error().object, "pooler pod a");
  EXPECT_LT(took, 5s);
  EXPECT_FALSE(paused(a_));
  EXPECT_FALSE(paused(b_));
  EXPECT_TRUE(serves(b_));
  EXPECT_TRUE(longer->query("commit")) << "it was not touched";
}

TEST_F(PauseOfTwo, OneThatCannotBeReachedUndoesIt) {
  b_.stop();
  const auto done = pause_all(targets_, {"shop"});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().object, "pooler pod b");
  EXPECT_FALSE(paused(a_));
  EXPECT_TRUE(serves(a_));
  const auto resumed = resume_all(targets_);
  ASSERT_FALSE(resumed) << "it must be told";
  EXPECT_EQ(resumed.error().object, "pooler pod b");
}

// Whichever stands first: what was paused before it and after it is resumed.
TEST_F(PauseOfTwo, AnUnknownDatabaseUndoesIt) {
  ASSERT_FALSE(pause_all(targets_, {"nowhere", "shop"}));
  EXPECT_FALSE(paused(a_));
  EXPECT_FALSE(paused(b_));
  ASSERT_FALSE(pause_all(targets_, {"shop", "nowhere"}));
  EXPECT_FALSE(paused(a_));
  EXPECT_FALSE(paused(b_));
}

TEST(PauseOfDatabases, EachIsPaused) {
  const auto database = make_database();
  const auto spec = spec_with_stock(*database);
  const PgBouncerProcess pooler(spec);
  const std::vector<PauseTarget> targets = {target_of(pooler, "a")};
  ASSERT_TRUE(pause_all(targets, {"shop"}));
  EXPECT_TRUE(pooler.console().look().value().paused);
  EXPECT_FALSE(pooler.console().look().value().all_paused);
  ASSERT_TRUE(pause_all(targets, {"shop", "stock"}));
  EXPECT_TRUE(pooler.console().look().value().all_paused);
  ASSERT_TRUE(resume_all(targets));
  EXPECT_FALSE(paused(pooler));
}

}  // namespace
}  // namespace pgrightsizer::pgbouncer
