#include "pgrightsizer/runtime/manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "pgrightsizer/telemetry/metrics.h"
#include "unit/kube/fake_transport.h"
#include "unit/kube/recording_logger.h"
#include "unit/runtime/eventually.h"

namespace pgrightsizer::runtime {
namespace {

using kube::FakeTransport;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kNothing =
    R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"1","annotations":{"k8s.io/initial-events-end":"true"}}}})"
    "\n";

class ManagerTest : public ::testing::Test {
 protected:
  void start(Manager::Reconcile reconcile, ManagerOptions options = {},
             Manager::OnPicture on_synced = {}) {
    manager.emplace(transport, logger, queue, std::move(reconcile), options, *metrics);
    const auto nothing = [](const std::string&, const nlohmann::json*) {};
    const auto none = [] { return std::vector<std::string>{}; };
    manager->add({kube::resources::kPod, "", ""}, nothing, none);
    manager->add({kube::resources::kSecret, "", ""}, nothing, none);
    manager->start(std::move(on_synced));
  }
  void forbid(const std::string& path) {
    FakeTransport::Script refused;
    refused.status = 403;
    refused.body = R"({"kind":"Status","message":"secrets is forbidden"})";
    for (int i = 0; i < 20; ++i) transport.script(refused, path);
  }

  FakeTransport transport;
  RecordingLogger logger;
  std::unique_ptr<telemetry::Registry> metrics = telemetry::make_registry();
  WorkQueue queue{{milliseconds(1), milliseconds(5)}};
  std::atomic<int> runs{0};
  std::optional<Manager> manager;
};

TEST_F(ManagerTest, WorkersStartOnlyWhenEverythingIsListed) {
  transport.script({{kNothing}}, "/api/v1/pods");
  queue.add("a");
  start([this](const std::string&) {
    EXPECT_TRUE(manager->synced());
    ++runs;
    return ReconcileResult{};
  });
  ASSERT_TRUE(eventually([&] { return manager->synced("Pod"); }));
  EXPECT_FALSE(manager->synced("Secret"));
  EXPECT_FALSE(manager->synced("Deployment"));
  EXPECT_EQ(runs, 0);
  manager->stop();
  EXPECT_EQ(runs, 0);
}

TEST_F(ManagerTest, AStandbyIsInSyncAndWaitsForTheLead) {
  transport.script({{kNothing}}, "/api/v1/pods");
  transport.script({{kNothing}}, "/api/v1/secrets");
  queue.add("a");
  ManagerOptions options;
  options.wait_for_lead = true;
  start([this](const std::string&) { return ++runs, ReconcileResult{}; }, options);
  ASSERT_TRUE(eventually([&] { return logger.count("every kind is in sync") == 1; }));
  EXPECT_EQ(runs, 0);
  manager->lead();
  EXPECT_TRUE(eventually([&] { return runs == 1; }));
}

TEST_F(ManagerTest, TheLeadBeforeTheFirstListWaitsForIt) {
  transport.script({{kNothing}}, "/api/v1/pods");
  queue.add("a");
  ManagerOptions options;
  options.wait_for_lead = true;
  start([this](const std::string&) { return ++runs, ReconcileResult{}; }, options);
  manager->lead();
  ASSERT_TRUE(eventually([&] { return manager->synced("Pod"); }));
  EXPECT_THAT(metrics->text(), Not(HasSubstr("max_concurrent_reconciles{"))) << "a worker would run soon";
  EXPECT_EQ(runs, 0);
}

TEST_F(ManagerTest, RunsKeysAndLooksAgainWhenAsked) {
  transport.script({{kNothing}}, "/api/v1/pods");
  transport.script({{kNothing}}, "/api/v1/secrets");
  queue.add("a");
  start([this](const std::string&) {
    const int run = ++runs;
    if (run == 1) return ReconcileResult{milliseconds(1), false};
    if (run == 2) return ReconcileResult{std::nullopt, true};
    if (run == 3) throw std::runtime_error("boom");
    return ReconcileResult{};
  });
  EXPECT_TRUE(eventually([&] { return runs == 4; }));
  EXPECT_EQ(logger.count("boom"), 1);
  EXPECT_EQ(logger.count("every kind is in sync"), 1);
  manager->stop();
  const auto text = metrics->text();
  const auto total = [](const std::string& result, int count) {
    return HasSubstr("controller_runtime_reconcile_total{controller=\"connectionpolicy\",result=\"" +
                     result + "\"} " + std::to_string(count) + "\n");
  };
  EXPECT_THAT(text, total("requeue_after", 1));
  EXPECT_THAT(text, total("error", 2));
  EXPECT_THAT(text, total("success", 1));
  EXPECT_THAT(text, HasSubstr("reconcile_errors_total{controller=\"connectionpolicy\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("reconcile_time_seconds_count{controller=\"connectionpolicy\"} 4\n"));
}

TEST_F(ManagerTest, OneForbiddenKindDoesNotStopTheOthers) {
  transport.script({{kNothing}}, "/api/v1/pods");
  forbid("/api/v1/secrets");
  queue.add("a");
  std::atomic<int> synced_calls{0};
  start(
      [this](const std::string&) {
        ++runs;
        return ReconcileResult{};
      },
      {1, milliseconds(20), milliseconds(50)},
      [&](const std::string& kind) {
        EXPECT_EQ(kind, "Pod");
        ++synced_calls;
      });
  EXPECT_TRUE(eventually([&] { return runs == 1; }));
  EXPECT_TRUE(
      eventually([&] { return logger.count("waiting for the first list of Secret") >= 2; }));
  EXPECT_EQ(synced_calls, 1);
  const auto states = manager->informers();
  ASSERT_EQ(states.size(), 2u);
  EXPECT_TRUE(states[0].synced);
  EXPECT_EQ(states[0].trouble, "");
  EXPECT_FALSE(states[1].synced);
  EXPECT_THAT(states[1].trouble, HasSubstr("cannot watch secrets: secrets is forbidden; allow"));
}

TEST_F(ManagerTest, TheOthersStartWhenTheFirstHaveTheirPicture) {
  manager.emplace(transport, logger, queue, [](const std::string&) { return ReconcileResult{}; });
  const auto nothing = [](const std::string&, const nlohmann::json*) {};
  const auto none = [] { return std::vector<std::string>{}; };
  InformerOptions first{kube::resources::kSecret, "", ""};
  first.before_others = true;
  manager->add({kube::resources::kPod, "", ""}, nothing, none);
  manager->add(first, nothing, none);
  FakeTransport::Script refused;
  refused.status = 403;
  transport.script(refused, "/api/v1/secrets");
  transport.script({{kNothing}}, "/api/v1/secrets");
  manager->start();
  ASSERT_TRUE(eventually([&] { return manager->synced("Secret"); }));
  ASSERT_TRUE(transport.wait_for_requests(3));
  std::vector<std::string> paths;
  for (const auto& request : transport.requests()) paths.push_back(request.path.substr(0, request.path.find('?')));
  EXPECT_EQ(paths[0], "/api/v1/secrets");
  EXPECT_EQ(paths[1], "/api/v1/secrets");
}

TEST_F(ManagerTest, ANamespaceThatIsForbiddenHoldsUpNoOther) {
  ManagerOptions options;
  options.report_every = options.patience = milliseconds(20);
  manager.emplace(transport, logger, queue, [this](const std::string&) { return ++runs, ReconcileResult{}; },
                  options);
  const auto nothing = [](const std::string&, const nlohmann::json*) {};
  const auto none = [] { return std::vector<std::string>{}; };
  for (const char* name_space : {"billing", "shop"}) {
    InformerOptions first{kube::resources::kSecret, name_space, ""};
    first.before_others = true;
    manager->add(first, nothing, none);
    manager->add({kube::resources::kPod, name_space, ""}, nothing, none);
  }
  forbid("/api/v1/namespaces/billing/secrets");
  transport.script({{kNothing}, std::nullopt, true}, "/api/v1/namespaces/shop/secrets");
  transport.script({{kNothing}, std::nullopt, true}, "/api/v1/namespaces/shop/pods");
  queue.add("a");
  EXPECT_EQ(manager->trouble("shop"), "Secret: not listed yet");
  manager->start();
  EXPECT_TRUE(eventually([&] { return manager->trouble("shop").empty(); })) << manager->trouble("shop");
  EXPECT_TRUE(eventually([&] {
    return manager->trouble("billing").find("secrets in namespace billing: secrets is forbidden") != std::string::npos;
  })) << manager->trouble("billing");
  EXPECT_TRUE(eventually([&] { return runs == 1; }));
  EXPECT_TRUE(eventually([&] { return logger.count("the first list of Secret in namespace billing") >= 1; }));
  manager->stop();
  for (const auto& request : transport.requests())
    EXPECT_THAT(request.path, Not(HasSubstr("billing/pods"))) << "they come after the first ones of their namespace";
}

TEST_F(ManagerTest, ARefreshIsOverWhenEveryPictureOfTheNamespaceHasCome) {
  manager.emplace(transport, logger, queue, [](const std::string&) { return ReconcileResult{}; });
  const auto nothing = [](const std::string&, const nlohmann::json*) {};
  const auto none = [] { return std::vector<std::string>{}; };
  manager->add({kube::resources::kPod, "", ""}, nothing, none);
  manager->add({kube::resources::kSecret, "elsewhere", ""}, nothing, none);
  transport.script({{kNothing}, std::nullopt, true}, "/api/v1/pods");
  transport.script({{kNothing}, std::nullopt, true}, "/api/v1/namespaces/elsewhere/secrets");
  manager->start();
  ASSERT_TRUE(eventually([&] { return manager->synced(); }));
  transport.script({{kNothing}, std::nullopt, true}, "/api/v1/pods");
  const auto refresh = manager->refresh("shop");
  EXPECT_EQ(refresh.missing(), "Pod");
  EXPECT_TRUE(eventually([&] { return refresh.missing().empty(); }));
  EXPECT_EQ(transport.requests().size(), 3u);
}

TEST_F(ManagerTest, StopWaitsForTheReconcileUnderWay) {
  transport.script({{kNothing}}, "/api/v1/pods");
  transport.script({{kNothing}}, "/api/v1/secrets");
  std::atomic<bool> inside{false};
  std::atomic<bool> left{false};
  queue.add("a");
  start([&](const std::string&) {
    inside = true;
    std::this_thread::sleep_for(milliseconds(50));
    left = true;
    return ReconcileResult{};
  });
  ASSERT_TRUE(eventually([&] { return inside.load(); }));
  manager->stop();
  EXPECT_TRUE(left);
  manager->stop();  // a second time is nothing
}

}  // namespace
}  // namespace pgrightsizer::runtime
