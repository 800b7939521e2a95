// The guard as it runs beside a pooler: a process of the same user, at the unix socket of a real
// PgBouncer.
#include <gmock/gmock.h>

#include <csignal>
#include <fstream>

#include "integration/pgbouncer/pooled.h"

namespace pgrightsizer::testing {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

// Short, so that the test is: a policy says 15 at least.
constexpr auto kMaxPause = 2s;

class GuardProcess {
 public:
  GuardProcess(const PgBouncerProcess& pooler, int database_port)
      : pooler_(pooler), database_port_(database_port) {
    // The servers' user may not reach the build directory.
    std::filesystem::copy_file(PGRS_BINARY, binary_);
    start();
  }
  ~GuardProcess() { process_.stop(SIGKILL); }

  void start() {
    process_.start({binary_, "guard", "--socket-dir", pooler_.directory(), "--port",
                    std::to_string(pooler_.port()), "--state-file", state(), "--max-pause-seconds",
                    std::to_string(kMaxPause.count()), "--database-host", "127.0.0.1",
                    "--database-port", std::to_string(database_port_)},
                   directory_.path() / "log");
  }
  void kill() { process_.stop(SIGKILL); }
  // Without the process that keeps it alive.
  void kill_worker() {
    ASSERT_GT(worker(), 0);
    ::kill(worker(), SIGKILL);
  }
  [[nodiscard]] pid_t worker() const {
    const auto self = std::to_string(process_.pid());
    std::ifstream children("/proc/" + self + "/task/" + self + "/children");
    pid_t child = 0;
    return children >> child ? child : 0;
  }
  void interrupt() { process_.signal(SIGINT); }
  int terminate() {
    process_.signal(SIGTERM);
    return process_.wait(60s);
  }
  [[nodiscard]] bool remembers() const { return std::filesystem::exists(state()); }
  [[nodiscard]] std::string log() const { return read_file(directory_.path() / "log"); }

 private:
  [[nodiscard]] std::filesystem::path state() const { return directory_.path() / "paused-since"; }

  const PgBouncerProcess& pooler_;
  int database_port_;
  TemporaryDirectory directory_;
  std::filesystem::path binary_ = directory_.path() / "pg-rightsizer";
  ChildProcess process_;
};

class Guarded : public ::testing::Test {
 protected:
  // When it was first paused.
  Steady::time_point pause() {
    auto options = pooler_.login();
    options.database = "pgbouncer";
    options.user = "pgrightsizer";
    options.password = pooler_.spec().console_password;
    options.console = true;
    auto console = postgres::Session::connect(options);
    EXPECT_TRUE(console && console->query("PAUSE shop"));
    return Steady::now();
  }
  bool paused() { return pooler_.console().look().value().paused; }

  // Generous above, since the machine may be busy; exact below, since that is the promise.
  void expect_resumed_after(Steady::time_point begun, std::chrono::milliseconds least) {
    EXPECT_TRUE(eventually([&] { return !paused(); }, 30s)) << guard_.log();
    EXPECT_GE(Steady::now() - begun, least) << guard_.log();
    EXPECT_LE(Steady::now() - begun, 2 * (least + 2s)) << guard_.log();
  }

  std::unique_ptr<PostgresProcess> database_ = make_database();
  PgBouncerProcess pooler_{spec_for(*database_)};
  GuardProcess guard_{pooler_, database_->login().port};
};

TEST_F(Guarded, APauseEndsAtItsLimit) {
  const auto begun = pause();
  EXPECT_TRUE(eventually([&] { return guard_.remembers(); }));
  expect_resumed_after(begun, kMaxPause - 100ms);
  EXPECT_TRUE(eventually([&] { return !guard_.remembers(); }));
}

TEST_F(Guarded, AShorterPauseIsNoneOfItsBusiness) {
  pause();
  EXPECT_TRUE(eventually([&] { return guard_.remembers(); }));
  ASSERT_TRUE(pooler_.console().resume("shop"));
  EXPECT_TRUE(eventually([&] { return !guard_.remembers(); })) << "the next pause counts anew";
  EXPECT_THAT(guard_.log(), ::testing::Not(::testing::HasSubstr("RESUME")));
}

TEST_F(Guarded, AKilledGuardGoesOnCounting) {
  const auto begun = pause();
  ASSERT_TRUE(eventually([&] { return guard_.remembers(); }));
  guard_.kill();
  ASSERT_TRUE(eventually([&] { return Steady::now() - begun > kMaxPause; }));
  EXPECT_TRUE(paused()) << "nobody was there";
  const auto back = Steady::now();
  guard_.start();
  EXPECT_TRUE(eventually([&] { return !paused(); })) << guard_.log();
  EXPECT_LT(Steady::now() - back, kMaxPause) << "it did not count from its own start";
}

TEST_F(Guarded, ItsContainerOutlivesItsWorker) {
  const auto begun = pause();
  ASSERT_TRUE(eventually([&] { return guard_.remembers(); }));
  const auto first = guard_.worker();
  guard_.kill_worker();
  ASSERT_TRUE(eventually([&] { return guard_.worker() > 0 && guard_.worker() != first; })) << guard_.log();
  expect_resumed_after(begun, kMaxPause - 100ms);
  EXPECT_THAT(guard_.log(), ::testing::HasSubstr("started again"));
  EXPECT_EQ(guard_.terminate(), 0) << guard_.log();
}

TEST_F(Guarded, AWorkerThatDiesWhileItIsStoppingStillEndsThePause) {
  const auto begun = pause();
  ASSERT_TRUE(eventually([&] { return guard_.remembers(); }));
  guard_.interrupt();
  guard_.kill_worker();
  EXPECT_EQ(guard_.terminate(), 0) << guard_.log();
  EXPECT_FALSE(paused()) << guard_.log();
  EXPECT_GE(Steady::now() - begun, kMaxPause - 100ms);
}

TEST_F(Guarded, WithoutPostgresqlItWaitsFiveSecondsMore) {
  const auto begun = pause();
  database_->stop();
  expect_resumed_after(begun, kMaxPause + 5s - 100ms);
  EXPECT_THAT(guard_.log(), ::testing::HasSubstr("not waited for any longer"));
}

TEST_F(Guarded, ARestartedPoolerIsNotPaused) {
  pause();
  ASSERT_TRUE(eventually([&] { return guard_.remembers(); }));
  pooler_.stop();
  pooler_.start();
  EXPECT_TRUE(eventually([&] { return !guard_.remembers(); })) << guard_.log();
}

TEST_F(Guarded, ItDoesNotEndWhileSomethingIsPaused) {
  const auto begun = pause();
  ASSERT_TRUE(eventually([&] { return guard_.remembers(); }));
  EXPECT_EQ(guard_.terminate(), 0);
  EXPECT_FALSE(paused()) << "its work was done first: " << guard_.log();
  EXPECT_GE(Steady::now() - begun, kMaxPause - 100ms);
}

TEST_F(Guarded, ItEndsAtOnceWhileNothingIsPaused) {
  pause();
  ASSERT_TRUE(eventually([&] { return guard_.remembers(); })) << "it is there";
  ASSERT_TRUE(pooler_.console().resume("shop"));
  ASSERT_TRUE(eventually([&] { return !guard_.remembers(); }));
  EXPECT_EQ(guard_.terminate(), 0);
}

}  // namespace
}  // namespace pgrightsizer::testing
