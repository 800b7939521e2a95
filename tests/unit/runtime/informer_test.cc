#include "pgrightsizer/runtime/informer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "unit/kube/fake_transport.h"
#include "unit/kube/recording_logger.h"
#include "unit/kube/wire_writer.h"
#include "unit/runtime/eventually.h"

namespace pgrightsizer::runtime {
namespace {

using kube::FakeTransport;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string object(const std::string& name, int version) {
  return R"({"metadata":{"namespace":"shop","name":")" + name + R"(","resourceVersion":")" +
         std::to_string(version) + R"(","managedFields":[{"a":1}]}})";
}
std::string bookmark(int version, bool ends_initial_events = true) {
  const std::string annotations = R"("annotations":{"k8s.io/initial-events-end":"true"})";
  return R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":")" + std::to_string(version) + "\"" +
         (ends_initial_events ? "," + annotations : "") + "}}}\n";
}
std::string list(const std::string& items, int version, const std::string& token = "") {
  return R"({"kind":"PodList","metadata":{"resourceVersion":")" + std::to_string(version) +
         R"(","continue":")" + token + R"("},"items":[)" + items + "]}\n";
}
// A server that has not got initial events.
FakeTransport::Script no_initial_events() {
  FakeTransport::Script refused;
  refused.status = 422;
  refused.body = R"({"kind":"Status","message":"sendInitialEvents is forbidden for watch"})";
  return refused;
}
std::string event(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}

class InformerTest : public ::testing::Test {
 protected:
  void start(InformerOptions options = {kube::resources::kPod, "", ""}) {
    informer.emplace(transport, logger, std::move(options),
                     [this](const std::string& key, const nlohmann::json* value) {
                       {
                         std::scoped_lock lock(mutex);
                         if (value == nullptr) {
                           present.erase(key);
                         } else {
                           present[key] = *value;
                         }
                       }
                       if (on_object) on_object(key);
                     },
                     [this] { return keys(); });
    informer->start();
  }
  [[nodiscard]] std::vector<std::string> keys() const {
    std::scoped_lock lock(mutex);
    std::vector<std::string> out;
    for (const auto& [key, value] : present) out.push_back(key);
    return out;
  }
  [[nodiscard]] std::vector<std::string> paths() const {
    std::vector<std::string> out;
    for (const auto& request : transport.requests()) out.push_back(request.path);
    return out;
  }

  FakeTransport transport;
  RecordingLogger logger;
  mutable std::mutex mutex;
  std::map<std::string, nlohmann::json> present;
  std::function<void(const std::string&)> on_object;
  std::optional<Informer> informer;
};

TEST_F(InformerTest, DeliversInitialEventsThenEvents) {
  transport.script({{event("ADDED", object("b", 2)), bookmark(5, false), event("ADDED", object("a", 1)), bookmark(10),
                     event("ADDED", object("d", 11)), event("DELETED", object("a", 12)), bookmark(15, false)},
                    std::nullopt,
                    true});
  start();
  ASSERT_TRUE(eventually([&] { return keys() == std::vector<std::string>{"shop/b", "shop/d"}; }));
  EXPECT_TRUE(informer->synced());
  EXPECT_EQ(informer->trouble(), "");
  EXPECT_THAT(paths()[0], HasSubstr("sendInitialEvents=true"));
  std::scoped_lock lock(mutex);
  EXPECT_EQ(present["shop/d"]["metadata"], nlohmann::json::parse(R"({"namespace":"shop","name":"d","resourceVersion":"11"})"));
}

TEST_F(InformerTest, BuiltInKindsComeInProtobuf) {
  namespace wire = kube::wire;
  transport.script({{wire::frame("ADDED", "Pod", wire::pod("a", 1)), wire::frame("BOOKMARK", "Pod", wire::bookmark(10, true)),
                     wire::frame("MODIFIED", "Pod", wire::pod("b", 11)), wire::frame("DELETED", "Pod", wire::pod("a", 12))},
                    std::nullopt,
                    true});
  start();
  ASSERT_TRUE(eventually([&] { return keys() == std::vector<std::string>{"shop/b"}; }));
  EXPECT_TRUE(informer->synced());
  EXPECT_EQ(transport.requests()[0].accept, "application/vnd.kubernetes.protobuf,application/json");
}

TEST_F(InformerTest, CustomResourcesComeInJson) {
  start({kube::resources::kConnectionPolicy, "", ""});
  ASSERT_TRUE(transport.wait_for_requests(1));
  EXPECT_EQ(transport.requests()[0].accept, "application/json");
}

TEST_F(InformerTest, AServerWithoutInitialEventsIsListedInPages) {
  transport.script(no_initial_events());
  transport.script({{list(object("a", 1) + "," + object("b", 2), 10, "next")}});
  transport.script({{list(object("c", 3), 10)}});
  transport.script({{event("ADDED", object("d", 11)), event("DELETED", object("a", 12))}, std::nullopt, true});
  start();
  ASSERT_TRUE(eventually([&] {
    return keys() == std::vector<std::string>{"shop/b", "shop/c", "shop/d"};
  }));
  EXPECT_TRUE(informer->synced());
  EXPECT_EQ(informer->trouble(), "");
  EXPECT_THAT(paths()[2], HasSubstr("continue=next"));
  EXPECT_THAT(paths()[3], HasSubstr("resourceVersion=10"));
  std::scoped_lock lock(mutex);
  EXPECT_EQ(present["shop/b"]["kind"], "Pod");
  EXPECT_EQ(present["shop/b"]["apiVersion"], "v1");
  EXPECT_FALSE(present["shop/d"]["metadata"].contains("managedFields"));
}

TEST_F(InformerTest, EventsMayBeCutAnywhere) {
  const std::string text = bookmark(10) + event("ADDED", object("a", 11)) + event("ADDED", object("b", 12));
  FakeTransport::Script script;
  for (const char c : text) script.pieces.emplace_back(1, c);
  script.stay_open = true;
  transport.script(script);
  start();
  EXPECT_TRUE(eventually([&] { return keys().size() == 2; }));
}

TEST_F(InformerTest, WhatIsNotInANewPictureHasVanished) {
  const std::string gone = event("ERROR", R"({"kind":"Status","code":410,"message":"too old"})");
  transport.script({{event("ADDED", object("a", 1)), event("ADDED", object("b", 2)), bookmark(10), gone}});
  transport.script({{event("ADDED", object("b", 2)), event("ADDED", object("c", 12))}});  // cut short
  transport.script({{event("ADDED", object("b", 2)), bookmark(20)}, std::nullopt, true});
  start();
  ASSERT_TRUE(eventually([&] { return keys() == std::vector<std::string>{"shop/b"}; }));
  EXPECT_TRUE(informer->synced());
}

TEST_F(InformerTest, ACutPictureTakesNothingAway) {
  const std::string gone = event("ERROR", R"({"kind":"Status","code":410,"message":"too old"})");
  transport.script({{event("ADDED", object("a", 1)), bookmark(10), gone}});
  transport.script({{event("ADDED", object("b", 2))}, std::nullopt, true});
  start();
  ASSERT_TRUE(eventually([&] { return keys().size() == 2; }));
  EXPECT_THAT(keys(), ElementsAre("shop/a", "shop/b"));
}

TEST_F(InformerTest, ARefusedWatchKeepsThePicture) {
  transport.script({{event("ADDED", object("a", 1)), bookmark(10), bookmark(11, false)}});
  FakeTransport::Script refused;
  refused.status = 503;
  refused.body = R"({"kind":"Status","message":"shutting down"})";
  transport.script(refused);
  transport.script({{bookmark(12, false)}, std::nullopt, true});
  start();
  ASSERT_TRUE(transport.wait_for_requests(3));
  EXPECT_THAT(paths()[2], HasSubstr("resourceVersion=11"));
  EXPECT_THAT(keys(), ElementsAre("shop/a"));
  ASSERT_TRUE(eventually([&] { return informer->trouble().empty(); }));
  EXPECT_EQ(logger.count("cannot watch pods: shutting down"), 1);
  EXPECT_EQ(logger.count("works again"), 1);
}

TEST_F(InformerTest, MissingRightsNameKindVerbAndRemedy) {
  FakeTransport::Script refused;
  refused.status = 403;
  refused.body = R"({"kind":"Status","message":"deployments.apps is forbidden"})";
  transport.script(refused);
  start({kube::resources::kDeployment, "shop", ""});
  ASSERT_TRUE(eventually([&] { return !informer->trouble().empty(); }));
  EXPECT_FALSE(informer->synced());
  EXPECT_EQ(informer->trouble(),
            "cannot watch deployments.apps in namespace shop: deployments.apps is forbidden; allow "
            "get, list and watch of deployments.apps to the operator's ServiceAccount");
}

TEST_F(InformerTest, AnAbsentKindIsWaitedForAndTroubleEndsWhenItComes) {
  FakeTransport::Script absent;
  absent.status = 404;
  absent.body = "404 page not found";
  transport.script(absent);
  transport.script({{bookmark(5)}, std::nullopt, true});
  InformerOptions options{kube::resources::kConnectionPolicy, "", ""};
  options.may_be_absent = true;
  start(options);
  ASSERT_TRUE(eventually([&] { return informer->synced(); }));
  EXPECT_EQ(logger.count("install the definition of the kind ConnectionPolicy"), 1);
  EXPECT_EQ(informer->trouble(), "");
}

TEST_F(InformerTest, AnswersThatAreNotReadableAreTroubleNotACrash) {
  for (const char* bad : {"[]", "{\"items\":[{\"a\":}]}", "{\"items\":["}) {
    transport.script(no_initial_events());
    transport.script({{bad}});
    start();
    EXPECT_TRUE(eventually([&] { return informer->trouble().find("cannot list") == 0; })) << bad;
    informer.reset();
  }
}

TEST_F(InformerTest, AWatchThatIsNotReadableIsOpenedAgain) {
  transport.script({{"<html>\n"}});
  start();
  EXPECT_TRUE(transport.wait_for_requests(2));
  EXPECT_EQ(logger.count("an event of the watch is not readable"), 1);
}

TEST_F(InformerTest, ARefreshCutsTheWatchAndBringsAWholePicture) {
  transport.script({{event("ADDED", object("a", 1)), event("ADDED", object("b", 2)), bookmark(10)}, std::nullopt, true});
  transport.script({{event("ADDED", object("b", 2)), event("ADDED", object("c", 3)), bookmark(12)}, std::nullopt, true});
  start();
  ASSERT_TRUE(eventually([&] { return informer->picture() == 1; }));
  EXPECT_EQ(informer->refresh(), 2u);
  EXPECT_EQ(informer->refresh(), 2u);  // the same one
  ASSERT_TRUE(eventually([&] { return informer->picture() == 2; }));
  EXPECT_THAT(keys(), ElementsAre("shop/b", "shop/c"));
  EXPECT_EQ(paths().size(), 2u);
  EXPECT_EQ(informer->trouble(), "");
  EXPECT_EQ(logger.count("cannot watch"), 0);
}

TEST_F(InformerTest, RefreshesThatComeInEachPictureDoNotKeepItFromItsEnd) {
  std::vector<std::uint64_t> pictures;
  std::vector<std::uint64_t> wanted;
  on_object = [&](const std::string& key) {
    if (key != "shop/a" || wanted.size() == 3) return;
    pictures.push_back(informer->picture());
    wanted.push_back(informer->refresh());
  };
  for (int i = 0; i < 4; ++i)
    transport.script(
        {{event("ADDED", object("a", 1)), event("ADDED", object("b", 2)), bookmark(10)}, std::nullopt, true});
  start();
  ASSERT_TRUE(eventually([&] { return informer->picture() == 4; }));
  EXPECT_THAT(pictures, ElementsAre(0, 1, 2));
  EXPECT_THAT(wanted, ElementsAre(2, 3, 4));
  EXPECT_EQ(paths().size(), 4u);
  EXPECT_THAT(paths()[3], HasSubstr("sendInitialEvents=true"));
}

TEST_F(InformerTest, ARefreshDoesNotBeginAListAgainBeforeItsLastPage) {
  std::atomic<std::uint64_t> wanted{0};
  on_object = [&](const std::string& key) {
    if (key == "shop/a" && wanted == 0) wanted = informer->refresh();
  };
  transport.script(no_initial_events());
  transport.script({{list(object("a", 1), 10, "next")}});
  transport.script({{list(object("b", 2), 10)}});
  transport.script({{list(object("b", 2), 12)}});
  start();
  ASSERT_TRUE(eventually([&] { return wanted != 0 && informer->picture() == wanted; }));
  EXPECT_THAT(paths()[2], HasSubstr("continue=next"));
  EXPECT_THAT(paths()[3], ::testing::EndsWith("/pods?limit=500"));
  EXPECT_THAT(keys(), ElementsAre("shop/b"));
}

TEST_F(InformerTest, ARefreshEndsABackOff) {
  FakeTransport::Script refused;
  refused.status = 500;
  transport.script(refused);
  InformerOptions options{kube::resources::kPod, "", ""};
  options.backoff = {std::chrono::minutes(1), std::chrono::minutes(1)};
  start(std::move(options));
  ASSERT_TRUE(transport.wait_for_requests(1));
  transport.script({{bookmark(10)}, std::nullopt, true});
  const auto begin = std::chrono::steady_clock::now();
  const auto wanted = informer->refresh();
  ASSERT_TRUE(eventually([&] { return informer->picture() >= wanted; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
}

TEST_F(InformerTest, StopsAtOnceWhileBackingOffAndWhileWatching) {
  start();
  ASSERT_TRUE(transport.wait_for_requests(1));
  informer->stop();
  FakeTransport::Script refused;
  refused.status = 500;
  transport.script(refused);
  start();
  ASSERT_TRUE(eventually([&] { return !informer->trouble().empty(); }));
  const auto begin = std::chrono::steady_clock::now();
  informer->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(700));
}

}  // namespace
}  // namespace pgrightsizer::runtime
