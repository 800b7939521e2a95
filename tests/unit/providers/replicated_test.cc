// A StatefulSet with standbys: who they are, and that the file is not what is requested.
#include <gmock/gmock.h>

#include "unit/providers/fake_cluster.h"

namespace pgrightsizer::providers {
namespace {

using ::testing::HasSubstr;

struct Replicated : FakeCluster {
  explicit Replicated(int replicas = 3) {
    stateful_set()["spec"]["replicas"] = replicas;
    kube::Pod standby = pod;
    standby.meta = {"shop", "postgres-1", "standby-uid", "8", false};
    standby.ip = "10.0.0.8";
    other_pods = {standby};
  }
};

TEST(ReplicatedObserve, EveryOrdinalButTheFirstIsAStandby) {
  Replicated cluster;
  const auto database = cluster.provider()->observe();
  ASSERT_TRUE(database) << database.error().message();
  EXPECT_EQ(database->pod, "postgres-0");
  EXPECT_EQ(database->cannot_restart, std::nullopt);
  ASSERT_EQ(database->standbys.size(), 2U);
  const Standby& first = database->standbys[0];
  EXPECT_EQ(first.pod, "postgres-1");
  EXPECT_EQ(first.pod_uid, "standby-uid");
  EXPECT_EQ(first.host, "10.0.0.8");
  EXPECT_FALSE(first.terminating);
  EXPECT_EQ(first.cannot_restart, std::nullopt);
  EXPECT_EQ(first.start_failure, std::nullopt);
  const Standby& missing = database->standbys[1];
  EXPECT_EQ(missing.pod, "postgres-2");
  EXPECT_EQ(missing.pod_uid, "");
  EXPECT_THAT(missing.cannot_restart.value_or(""), HasSubstr("postgres-2 does not exist"));
}

TEST(ReplicatedObserve, AStandbyIsJudgedByItsOwnPod) {
  Replicated cluster(2);
  cluster.other_pods[0].revision = "rev-1";
  auto standby = cluster.provider()->observe()->standbys[0];
  EXPECT_THAT(standby.cannot_restart.value_or(""), HasSubstr("postgres-1 is of revision rev-1"));
  cluster.other_pods[0].meta.deleting = true;
  EXPECT_TRUE(cluster.provider()->observe()->standbys[0].terminating);
}

TEST(ReplicatedObserve, OneInstanceHasNoStandbys) {
  FakeCluster cluster;
  EXPECT_TRUE(cluster.provider()->observe()->standbys.empty());
}

TEST(ReplicatedRequest, NeverWritesTheFile) {
  Replicated cluster;
  const auto provider = cluster.provider();
  ASSERT_TRUE(provider->observe());
  const auto requested = provider->request(290, nullptr);
  ASSERT_FALSE(requested);
  EXPECT_EQ(requested.error().kind, ErrorKind::Unavailable);
  EXPECT_EQ(cluster.count(kube::Method::Patch), 0);
  ASSERT_TRUE(provider->write_place(290));
  EXPECT_EQ(cluster.text(), "max_connections = 290 # ours\n");
}

TEST(ReplicatedRestart, DeletesTheStandbysPodWithItsUid) {
  Replicated cluster;
  const auto provider = cluster.provider();
  const auto database = provider->observe();
  ASSERT_TRUE(provider->restart(as_instance(*database, database->standbys[0]), nullptr));
  const auto request = cluster.transport.requests().back();
  EXPECT_EQ(request.method, kube::Method::Delete);
  EXPECT_THAT(request.path, HasSubstr("/pods/postgres-1"));
  EXPECT_EQ(json::parse(request.body).at("preconditions"), json({{"uid", "standby-uid"}}));
}

TEST(ReplicatedOverride, AlterSystemIsNone) {
  Replicated cluster;
  const auto provider = cluster.provider();
  const auto database = provider->observe();
  postgres::Settings settings;
  settings.source = "configuration file";
  settings.data_directory = "/data/pg";
  settings.files_known = true;
  settings.files = {{"/etc/postgres/conf/postgresql.conf", 1, "250", false},
                    {"/data/pg/postgresql.auto.conf", 3, "290", true}};
  EXPECT_FALSE(provider->overridden(settings, *database));
  settings.files.insert(settings.files.begin() + 1, {"/etc/extra.conf", 7, "90", false});
  const auto found = provider->overridden(settings, *database);
  ASSERT_TRUE(found) << "another file still beats ours";
  EXPECT_EQ(found->where, "/etc/extra.conf line 7");
}

}  // namespace
}  // namespace pgrightsizer::providers
