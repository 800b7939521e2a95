// The StatefulSet provider: what it observes, what it refuses, and what it writes.
#include <gmock/gmock.h>

#include "unit/providers/fake_cluster.h"

namespace pgrightsizer::providers {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(StatefulSetObserve, AllIsWell) {
  FakeCluster cluster;
  const auto database = cluster.provider()->observe();
  ASSERT_TRUE(database) << database.error().message();
  EXPECT_EQ(database->host, "10.0.0.7");
  EXPECT_EQ(database->port, 5432);
  EXPECT_EQ(database->pod, "postgres-0");
  EXPECT_EQ(database->pod_uid, "pod-uid");
  EXPECT_EQ(database->requested, 250);
  EXPECT_TRUE(database->operator_restarts);
  EXPECT_EQ(database->cannot_restart, std::nullopt);
  EXPECT_EQ(database->start_failure, std::nullopt);
  EXPECT_THAT(database->notes, IsEmpty());
  EXPECT_EQ(cluster.count(kube::Method::Get), 2) << "the log is not asked for";
}

struct Bad {
  const char* name;
  void (*change)(FakeCluster&);
  ErrorKind kind;
  const char* object;
  const char* says;
  const char* field;
};

class Refused : public ::testing::TestWithParam<Bad> {};

TEST_P(Refused, NamesObjectFieldAndRemedy) {
  const auto& bad = GetParam();
  FakeCluster cluster;
  bad.change(cluster);
  const auto database = cluster.provider()->observe();
  ASSERT_FALSE(database);
  const auto& error = database.error();
  EXPECT_EQ(error.kind, bad.kind) << error.message();
  EXPECT_EQ(error.object, bad.object);
  EXPECT_THAT(error.what, HasSubstr(bad.says));
  EXPECT_THAT(error.message(), HasSubstr(bad.field));
  EXPECT_EQ(cluster.count(kube::Method::Patch) + cluster.count(kube::Method::Delete), 0);
}

constexpr const char* kSet = "StatefulSet shop/postgres";
constexpr const char* kMap = "ConfigMap shop/postgres-config";

INSTANTIATE_TEST_SUITE_P(
    Input, Refused,
    ::testing::Values(
        Bad{"MissingStatefulSet", [](FakeCluster& c) { c.objects.erase(kStatefulSetPath); },
            ErrorKind::NotFound, kSet, "does not exist", "spec.database.name"},
        Bad{"TooManyReplicas", [](FakeCluster& c) { c.stateful_set()["spec"]["replicas"] = 10; },
            ErrorKind::Invalid, kSet, "scaled to 10", "spec.replicas"},
        Bad{"NoReplica", [](FakeCluster& c) { c.stateful_set()["spec"]["replicas"] = 0; },
            ErrorKind::Invalid, kSet, "scaled to 0", "spec.replicas"},
        Bad{"MissingConfigMap", [](FakeCluster& c) { c.objects.erase(kConfigMapPath); },
            ErrorKind::NotFound, kMap, "does not exist", "spec.database.config.configMapName"},
        Bad{"MissingKey",
            [](FakeCluster& c) {
              c.config_map()["data"] = {{"other", ""}};
            },
            ErrorKind::Invalid, kMap, "postgresql.conf is missing", "spec.database.config.key"},
        Bad{"NoData", [](FakeCluster& c) { c.config_map().erase("data"); }, ErrorKind::Invalid,
            kMap, "postgresql.conf is missing", "spec.database.config.key"},
        Bad{"BinaryKey",
            [](FakeCluster& c) {
              c.config_map()["data"] = json::object();
              c.config_map()["binaryData"] = {{"postgresql.conf", "AA=="}};
            },
            ErrorKind::Invalid, kMap, "binaryData", "spec.database.config.key"},
        Bad{"Immutable", [](FakeCluster& c) { c.config_map()["immutable"] = true; },
            ErrorKind::Invalid, kMap, "immutable", "spec.database.config.configMapName"},
        Bad{"NotANumber", [](FakeCluster& c) { c.set_text("\nmax_connections = many\n"); },
            ErrorKind::Invalid, kMap, "line 2", "max_connections = 200"}),
    [](const auto& info) { return info.param.name; });

TEST(StatefulSetObserve, WithoutAPodThereIsNoHost) {
  FakeCluster cluster;
  cluster.has_pod = false;
  const auto database = cluster.provider()->observe();
  ASSERT_TRUE(database);
  EXPECT_EQ(database->host, "");
  EXPECT_EQ(database->pod_uid, "");
  EXPECT_THAT(database->cannot_restart.value_or(""), HasSubstr("does not exist"));
}

TEST(StatefulSetObserve, APodOfAnotherIncarnationIsNotOurs) {
  FakeCluster cluster;
  cluster.pod.controller_uid = "sts-uid-of-yesterday";
  EXPECT_EQ(cluster.provider()->observe()->host, "");
  cluster.pod.controller_uid = "sts-uid";
  cluster.pod.phase = "Failed";
  EXPECT_EQ(cluster.provider()->observe()->host, "");
}

TEST(StatefulSetObserve, NoRestartWhileADeletionWouldDoMore) {
  FakeCluster cluster;
  cluster.pod.revision = "rev-1";
  auto why = cluster.provider()->observe()->cannot_restart;
  ASSERT_TRUE(why);
  EXPECT_THAT(*why, HasSubstr("rev-1"));
  EXPECT_THAT(*why, HasSubstr("rev-2"));
  cluster.pod.revision = "rev-2";
  cluster.stateful_set()["metadata"]["generation"] = 4;
  EXPECT_TRUE(cluster.provider()->observe()->cannot_restart) << "the new revision is not known yet";
  cluster.stateful_set()["metadata"]["generation"] = 3;
  cluster.pod.meta.deleting = true;
  EXPECT_THAT(cluster.provider()->observe()->cannot_restart.value_or(""), HasSubstr("terminating"));
}

TEST(StatefulSetObserve, NotesWhatMaySurprise) {
  FakeCluster cluster;
  cluster.set_text("max_connections = 5\nmax_connections = 9\ninclude 'x.conf'\n");
  cluster.stateful_set()["spec"]["template"]["spec"].erase("volumes");
  const auto database = cluster.provider()->observe();
  EXPECT_EQ(database->requested, 9);
  EXPECT_THAT(database->notes,
              ElementsAre(HasSubstr("2 times"), HasSubstr("x.conf"), HasSubstr("mounts")));
}

TEST(StatefulSetObserve, AFileWithoutTheSettingSaysNothing) {
  FakeCluster cluster;
  cluster.set_text("port = 5432\n");
  EXPECT_EQ(cluster.provider()->observe()->requested, 0);
}

TEST(StatefulSetObserve, TheMemoryLimitIsTheFirstContainers) {
  FakeCluster cluster;
  EXPECT_EQ(cluster.provider()->observe()->memory_limit_bytes, std::nullopt) << "none is set";
  auto& containers = cluster.stateful_set()["spec"]["template"]["spec"]["containers"];
  containers.push_back({{"name", "exporter"}, {"resources", {{"limits", {{"memory", "64Mi"}}}}}});
  EXPECT_EQ(cluster.provider()->observe()->memory_limit_bytes, std::nullopt) << "the exporter's";
  const auto limit = [&](const json& memory) {
    containers[0]["resources"] = {{"limits", {{"memory", memory}}}};
    return cluster.provider()->observe()->memory_limit_bytes;
  };
  EXPECT_EQ(limit("4Gi"), std::int64_t{4} << 30);
  EXPECT_EQ(limit("1500M"), 1'500'000'000);
  EXPECT_EQ(limit(2'000'000'000), 2'000'000'000);
  EXPECT_EQ(limit("much"), std::nullopt);
  EXPECT_EQ(limit(nullptr), std::nullopt);
}

TEST(StatefulSetRequest, ChangesTheOneLineUnderTheObservedVersion) {
  FakeCluster cluster;
  const auto provider = cluster.provider();
  ASSERT_TRUE(provider->observe());
  ASSERT_TRUE(provider->request(290, nullptr));
  EXPECT_EQ(cluster.text(), "max_connections = 290 # ours\n");
  const auto body = json::parse(cluster.transport.requests().back().body);
  EXPECT_EQ(body[0],
            json({{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", "41"}}));
  EXPECT_EQ(body.size(), 2U);
  // The answer is the new base: the next request needs no observe().
  ASSERT_TRUE(provider->request(300, nullptr));
  EXPECT_EQ(cluster.text(), "max_connections = 300 # ours\n");
}

TEST(StatefulSetRequest, TheSameValueIsNoWrite) {
  FakeCluster cluster;
  const auto provider = cluster.provider();
  ASSERT_TRUE(provider->observe());
  ASSERT_TRUE(provider->request(250, nullptr));
  EXPECT_EQ(cluster.count(kube::Method::Patch), 0);
}

TEST(StatefulSetRequest, AChangeInBetweenIsAConflict) {
  FakeCluster cluster;
  const auto provider = cluster.provider();
  ASSERT_TRUE(provider->observe());
  cluster.set_text("max_connections = 60 # somebody else\n");
  cluster.config_map()["metadata"]["resourceVersion"] = "50";
  const auto requested = provider->request(290, nullptr);
  ASSERT_FALSE(requested);
  EXPECT_EQ(requested.error().kind, ErrorKind::Conflict) << requested.error().message();
  EXPECT_EQ(cluster.text(), "max_connections = 60 # somebody else\n");
}

TEST(StatefulSetRequest, KeysAreEscaped) {
  FakeCluster cluster;
  cluster.config_map()["data"] = {{"a~b.conf", "max_connections = 1\n"}};
  const auto provider = make_stateful_set_provider(
      cluster.client, cluster.logger, [](const std::string&) { return decltype(PodsOf()("")){}; },
      {.name_space = "shop",
       .name = "postgres",
       .config_map = "postgres-config",
       .key = "a~b.conf",
       .port = 5432,
       .clock = nullptr});
  ASSERT_TRUE(provider->observe());
  ASSERT_TRUE(provider->request(7, nullptr));
  EXPECT_EQ(cluster.config_map()["data"]["a~b.conf"], "max_connections = 7\n");
}

TEST(StatefulSetRequest, ImpossibleValuesAreNotWritten) {
  FakeCluster cluster;
  const auto provider = cluster.provider();
  EXPECT_EQ(provider->request(290, nullptr).error().kind, ErrorKind::Internal) << "unobserved";
  ASSERT_TRUE(provider->observe());
  EXPECT_EQ(provider->request(0, nullptr).error().kind, ErrorKind::Invalid);
  EXPECT_EQ(provider->request(1'000'000, nullptr).error().kind, ErrorKind::Invalid);
  EXPECT_EQ(cluster.count(kube::Method::Patch), 0);
}

TEST(StatefulSetRestart, DeletesThePodItSawAndNoOther) {
  FakeCluster cluster;
  const auto provider = cluster.provider();
  const auto database = provider->observe();
  ASSERT_TRUE(database);
  ASSERT_TRUE(provider->restart(*database, nullptr));
  const auto request = cluster.transport.requests().back();
  EXPECT_EQ(request.method, kube::Method::Delete);
  EXPECT_THAT(request.path, HasSubstr(kPodPath));
  EXPECT_EQ(json::parse(request.body).at("preconditions"), json({{"uid", "pod-uid"}}));
}

TEST(StatefulSetRestart, AnotherPodByNowIsAConflict) {
  FakeCluster cluster;
  const auto provider = cluster.provider();
  const auto database = provider->observe();
  cluster.failing[kPodPath] = 409;
  const auto restarted = provider->restart(*database, nullptr);
  ASSERT_FALSE(restarted);
  EXPECT_EQ(restarted.error().kind, ErrorKind::Conflict);
}

TEST(StatefulSetRestart, NoPodIsInvalid) {
  FakeCluster cluster;
  cluster.has_pod = false;
  const auto provider = cluster.provider();
  const auto database = provider->observe();
  EXPECT_EQ(provider->restart(*database, nullptr).error().kind, ErrorKind::Invalid);
  EXPECT_EQ(cluster.count(kube::Method::Delete), 0);
}

}  // namespace
}  // namespace pgrightsizer::providers
