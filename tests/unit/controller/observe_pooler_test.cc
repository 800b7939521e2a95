// What pooler pods count with whose consoles do not answer. Both cases were found by tests/simulation.
#include "controller/observe/observe.h"
#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

class PoolersThatDoNotAnswer : public TurnTest {
 protected:
  PoolersThatDoNotAnswer() {
    transport_.on_call = [](const kube::Request& request) { return answer(request.path); };
    options_.connect = [](const postgres::ConnectOptions&) -> Result<postgres::Session> {
      return fail(ErrorKind::Unavailable, "connection refused");
    };
  }

  // A pooler whose file holds a small boot cap by now.
  static kube::Response answer(const std::string& path) {
    const auto object = [](nlohmann::json annotations, nlohmann::json more = nlohmann::json::object()) {
      nlohmann::json out = {{"metadata", {{"uid", "u"}, {"labels", {{"pgrightsizer.io/policy", "shop-db"}}}}},
                            {"spec", {{"replicas", 2}}}};
      out["metadata"]["annotations"] = std::move(annotations);
      out.update(more);
      return kube::Response{200, out.dump(), {}, {}};
    };
    if (path.ends_with("deployments/shop-db-pooler")) return object({{"pgrightsizer.io/pool-size", "150"}});
    if (path.ends_with("configmaps/shop-db-pooler")) return object({{"pgrightsizer.io/boot-cap", "2"}});
    return kube::Response{404, R"({"kind":"Status","reason":"NotFound"})", {}, {}};
  }

  transition::PoolerPod seen(const std::string& announced) {
    kube::Pod pod;
    pod.meta = {"shop", "shop-db-pooler-a", "uid-a", "1", false};
    pod.labels = {{"pgrightsizer.io/policy", "shop-db"}, {"app.kubernetes.io/component", "pooler"}};
    pod.phase = "Running";
    pod.ip = "10.0.0.9";
    pod.cap_annotation = announced;
    stores_.pods.set("shop/shop-db-pooler-a", pod);
    facts_ = {};
    facts_.seen.reserved = 3;
    observe_pooler(sight_, policy_, memory_, facts_);
    return facts_.seen.pods.at(0);
  }
};

TEST_F(PoolersThatDoNotAnswer, MayHaveStartedBeforeTheFileWasChanged) {
  EXPECT_EQ(seen("").cap, 18) << "of a buffer of 50: (50 - 3 - 10) / 2";
}

TEST_F(PoolersThatDoNotAnswer, CountWithWhatWasAnnounced) { EXPECT_EQ(seen("75").cap, 75); }

TEST_F(PoolersThatDoNotAnswer, OurOwnWordIsNewerThanTheInformersCopy) {
  memory_.announced["uid-a"] = 75;
  EXPECT_EQ(seen("18").announced, 75);
  EXPECT_EQ(seen("18").cap, 75);
}

TEST_F(PoolersThatDoNotAnswer, WhoIsGoneIsForgotten) {
  memory_.announced["uid-of-another"] = 75;
  static_cast<void>(seen("18"));
  EXPECT_FALSE(memory_.announced.contains("uid-of-another"));
}

class RouteOfOldConnections : public TurnTest {
 protected:
  RouteOfOldConnections() {
    transport_.on_call = [](const kube::Request& request) {
      const bool slices = request.path.find("endpointslices") != std::string::npos;
      return kube::Response{slices ? 200 : 404, slices ? R"({"items":[]})" : "{}", {}, {}};
    };
  }
  bool settled_after(std::chrono::milliseconds time) {
    clock_.time += time;
    facts_ = {};
    observe_pooler(sight_, policy_, memory_, facts_);
    return facts_.seen.route_settled;
  }
};

TEST_F(RouteOfOldConnections, CountsUntilProxiesHaveFollowed) {
  EXPECT_FALSE(settled_after(std::chrono::milliseconds(0)));
  EXPECT_FALSE(settled_after(std::chrono::milliseconds(1'999)));
  EXPECT_TRUE(settled_after(std::chrono::milliseconds(1)));
}

TEST_F(RouteOfOldConnections, CountsForAsLongAsProxiesLag) {
  options_.proxies_lag = std::chrono::milliseconds(400);
  EXPECT_FALSE(settled_after(std::chrono::milliseconds(0)));
  EXPECT_FALSE(settled_after(std::chrono::milliseconds(399)));
  EXPECT_TRUE(settled_after(std::chrono::milliseconds(1)));
}

}  // namespace
}  // namespace pgrightsizer::controller
