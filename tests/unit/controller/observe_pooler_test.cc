// What pooler pods count with. Both cases of consoles that do not answer were found by tests/simulation.
#include <algorithm>

#include "controller/observe/observe.h"
#include "unit/controller/fake_link.h"
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

class PoolerOfDatabases : public PoolersThatDoNotAnswer {
 protected:
  // Its console tells that each of so many may have so many servers.
  transition::PoolerPod serving(int databases, int each, const std::string& announced) {
    memory_.console_password = "secret";
    options_.connect = [=](const postgres::ConnectOptions&) {
      return postgres::FakeLink::session([=](const std::string& sql, const auto&) { return show(sql, databases, each); });
    };
    return seen(announced);
  }
  static Result<postgres::Rows> show(const std::string& sql, int databases, int each) {
    const auto cap = std::to_string(each);
    if (sql == "SHOW CONFIG")
      return postgres::Rows{{"key", "value"},
                            {{"default_pool_size", cap}, {"max_db_connections", cap}, {"max_client_conn", "9"}}};
    if (sql == "SHOW VERSION") return postgres::Rows{{"version"}, {{"PgBouncer 1.24.1"}}};
    postgres::Rows rows{{"name"}, {{"pgbouncer"}}};
    for (int i = 0; i < databases; ++i) rows.rows.push_back({"shop" + std::to_string(i)});
    return sql == "SHOW DATABASES" ? rows : postgres::Rows{};
  }
};

TEST_F(PoolerOfDatabases, ServesWhatItsConsoleTellsNotWhatTheSecretsGive) {
  EXPECT_EQ(serving(2, 10, "").cap, 20);
  EXPECT_EQ(serving(1, 10, "").cap, 10);
}

TEST_F(PoolerOfDatabases, MeansWhatWasAnnouncedAndRoundedDown) {
  EXPECT_EQ(serving(8, 9, "75").cap, 75);
  EXPECT_EQ(serving(8, 10, "75").cap, 80);
}

TEST_F(PoolerOfDatabases, MayOpenOneServerForEach) {
  const auto pod = serving(8, 1, "2");
  EXPECT_EQ(pod.cap, 2);
  EXPECT_EQ(pod.room(), 8);
}

class PoolersObjects : public PoolersThatDoNotAnswer {
 protected:
  // One look while the API server answers so for the object at the end of this path.
  void look(const std::string& path, int status) {
    transport_.on_call = [=](const kube::Request& request) {
      if (request.path.ends_with(path)) return kube::Response{status, R"({"kind":"Status"})", {}, {}};
      return answer(request.path);
    };
    facts_ = {};
    observe_pooler(sight_, policy_, memory_, facts_);
  }
  // A problem that keeps every step back.
  [[nodiscard]] bool unreadable() const {
    return std::any_of(facts_.problems.begin(), facts_.problems.end(), [](const Problem& one) {
      return one.blocks && one.reason.name == std::string("PoolerUnreadable");
    });
  }
};

TEST_F(PoolersObjects, ThatCannotBeReadAreNotWritten) {
  for (const char* path : {"deployments/shop-db-pooler", "configmaps/shop-db-pooler", "secrets/shop-db-pooler"}) {
    look(path, 500);
    EXPECT_TRUE(unreadable()) << path;
    EXPECT_FALSE(facts_.seen.pooler) << path;
    EXPECT_FALSE(facts_.pooler_gone) << path;
  }
}

TEST_F(PoolersObjects, ThatDoNotExistAreWritten) {
  look("deployments/shop-db-pooler", 404);
  EXPECT_TRUE(facts_.pooler_gone);
  for (const char* path : {"configmaps/shop-db-pooler", "secrets/shop-db-pooler"}) {
    look(path, 404);
    EXPECT_FALSE(unreadable()) << path;
    ASSERT_TRUE(facts_.seen.pooler) << path;
    EXPECT_FALSE(facts_.seen.pooler->current) << path;
  }
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
