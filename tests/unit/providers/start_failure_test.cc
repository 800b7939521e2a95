// When a container that ends is a server that cannot start, and what is said of it.
#include <gmock/gmock.h>

#include "unit/providers/fake_cluster.h"

namespace pgrightsizer::providers {
namespace {

using ::testing::HasSubstr;

// As PostgreSQL 15 to 17 write them.
constexpr const char* kReserved =
    "postgres: superuser_reserved_connections (3) must be less than max_connections (3)\n";
constexpr const char* kMemory =
    "2025-01-31 12:00:00.000 UTC [1]  00000 LOG:  starting PostgreSQL 17.2\n"
    "2025-01-31 12:00:00.001 UTC [1]  XX000 FATAL:  could not map anonymous shared memory: Cannot "
    "allocate memory\n"
    "2025-01-31 12:00:00.001 UTC [1]  XX000 HINT:  This error usually means …\n"
    "2025-01-31 12:00:00.002 UTC [1]  00000 LOG:  database system is shut down\n";
constexpr const char* kBadFile =
    "2025-01-31 12:00:00.000 UTC [1] LOG:  invalid value for parameter \"max_connections\": \"x\"\n"
    "2025-01-31 12:00:00.000 UTC [1] FATAL:  configuration file \"/etc/p.conf\" contains errors\n";

struct Crashing : FakeCluster {
  explicit Crashing(const std::string& text) {
    pod.ready = false;
    pod.exit_code = 1;
    pod.restarts = 2;
    pod.waiting_reason = "CrashLoopBackOff";
    pod.terminated_reason = "Error";
    log = text;
  }
  std::optional<std::string> failure() { return provider()->observe()->start_failure; }
};

TEST(StartFailure, InTheServersOwnWords) {
  EXPECT_EQ(Crashing(kReserved).failure(),
            "superuser_reserved_connections (3) must be less than max_connections (3)");
  EXPECT_EQ(Crashing(kMemory).failure(),
            "could not map anonymous shared memory: Cannot allocate memory");
  EXPECT_EQ(Crashing(kBadFile).failure(),
            "invalid value for parameter \"max_connections\": \"x\"; configuration file "
            "\"/etc/p.conf\" contains errors");
}

TEST(StartFailure, RefusalsOfEarlyClientsAreNotTheReason) {
  EXPECT_EQ(Crashing(std::string(kReserved) + "x [9] FATAL:  the database system is starting up\n")
                .failure(),
            "superuser_reserved_connections (3) must be less than max_connections (3)");
}

TEST(StartFailure, WithoutWordsTheExitIsTold) {
  Crashing cluster("");
  cluster.pod.exit_code = 137;
  cluster.pod.terminated_reason = "OOMKilled";
  EXPECT_EQ(cluster.failure(), "container postgres exits with code 137 (OOMKilled)");
}

TEST(StartFailure, WithoutWordsOneExitIsACrash) {
  Crashing cluster("LOG:  database system was interrupted; last known up at 2025-01-31 11:59:00 UTC\n");
  cluster.pod.exit_code = 137;
  cluster.pod.waiting_reason = "";
  EXPECT_EQ(cluster.failure(), std::nullopt) << "the next run may be in crash recovery";
}

// The rest of its log is in a file, and with it what would tell that it came up.
TEST(StartFailure, AServerWithALoggingCollectorHasStarted) {
  EXPECT_EQ(Crashing("2025-01-31 12:00:00 UTC [1] LOG:  redirecting log output to logging collector process\n"
                     "2025-01-31 12:00:00 UTC [1] HINT:  Future log output will appear in directory \"log\".\n")
                .failure(),
            std::nullopt);
  EXPECT_NE(Crashing(kMemory).failure(), std::nullopt) << "which is said before the collector is there";
}

TEST(StartFailure, AStandbyThatCameUpDidStart) {
  for (const char* how : {"read only", "read-only"})  // PostgreSQL 13; 14 and later
    EXPECT_EQ(Crashing("LOG:  database system is ready to accept " + std::string(how) + " connections\n"
                       "FATAL:  could not receive data from WAL stream\n")
                  .failure(),
              std::nullopt);
}

TEST(StartFailure, AServerThatCameUpDidStart) {
  EXPECT_EQ(Crashing("LOG:  database system is ready to accept connections\n"
                     "FATAL:  sorry, too many clients already\n")
                .failure(),
            std::nullopt);
  std::string long_log;
  for (int i = 0; i < 200; ++i) long_log += "LOG:  checkpoint complete\n";
  EXPECT_EQ(Crashing(long_log + "PANIC:  no space left\n").failure(), std::nullopt)
      << "its beginning is out of sight, so it ran for long";
}

TEST(StartFailure, AReadyOrCleanContainerIsNotAsked) {
  Crashing ready(kReserved);
  ready.pod.ready = true;
  EXPECT_EQ(ready.failure(), std::nullopt);
  Crashing clean(kReserved);
  clean.pod.exit_code = 0;
  EXPECT_EQ(clean.failure(), std::nullopt);
  Crashing leaving(kReserved);
  leaving.pod.meta.deleting = true;
  EXPECT_EQ(leaving.failure(), std::nullopt);
  EXPECT_EQ(ready.count(kube::Method::Get), 2);
}

TEST(StartFailure, AnUnreadableLogCountsOnlyWithRepetition) {
  Crashing cluster(R"({"kind":"Status","message":"pods/log is forbidden"})");
  cluster.log_status = 403;
  EXPECT_THAT(cluster.failure().value_or(""), HasSubstr("exits with code 1"));
  EXPECT_THAT(cluster.failure().value_or(""), HasSubstr("pods/log is forbidden"));
  cluster.pod.waiting_reason = "";
  EXPECT_EQ(cluster.failure(), std::nullopt);
}

TEST(StartFailure, TheLogOfTheLastRunIsRead) {
  Crashing cluster(kReserved);
  ASSERT_TRUE(cluster.failure());
  const auto path = cluster.transport.requests().back().path;
  EXPECT_THAT(path, HasSubstr("/pods/postgres-0/log?container=postgres"));
  EXPECT_THAT(path, HasSubstr("previous=true"));
}

}  // namespace
}  // namespace pgrightsizer::providers
