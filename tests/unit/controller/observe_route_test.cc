// Where traffic goes: told by the front Service where it is ours to switch, by sessions elsewhere.
#include "controller/observe/observe.h"
#include "unit/controller/fake_link.h"
#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

using std::chrono::seconds;
using transition::Route;

// A pooler is there, and sessions are as `users` says: one each.
class Sessions : public TurnTest {
 protected:
  Sessions() {
    options_.transition = seconds(1);
    policy_.spec.routing.mode = api::RoutingMode::None;
  }
  int looks(const std::vector<std::string>& users) {
    postgres::Rows rows{{"pid", "usename"}, {}};
    for (const auto& user : users) rows.rows.push_back({std::to_string(rows.rows.size() + 1), user});
    memory_.admin = postgres::FakeLink::session(std::move(rows));
    facts_ = {};
    facts_.seen.database_up = true;
    facts_.seen.pooler = pooler_;
    facts_.logins = {{"app", "secret", "shop"}};
    classify_sessions(sight_, policy_, memory_, facts_);
    clock_.time += seconds(1);
    return facts_.seen.looks_without_direct;
  }
  std::optional<transition::Pooler> pooler_ = transition::Pooler{};
};

TEST_F(Sessions, WithRoutingNoneThreeLooksWithoutADirectOneAreAllPooled) {
  EXPECT_EQ(looks({"postgres"}), 1);
  EXPECT_EQ(looks({"postgres"}), 2);
  EXPECT_EQ(looks({"postgres"}), 3);
  EXPECT_EQ(looks({"postgres", "app"}), 0);
}

TEST_F(Sessions, OfAnExternalHostNameTellTheRouteToo) {
  policy_.spec.routing.mode = api::RoutingMode::Service;
  policy_.spec.database.provider = api::ProviderKind::External;
  policy_.spec.database.host = "db.example.com";
  EXPECT_EQ(looks({"postgres"}), 1);
}

TEST_F(Sessions, WithoutAPoolerNobodyIsPooled) {
  pooler_.reset();
  EXPECT_EQ(looks({"postgres"}), 0);
}

TEST_F(Sessions, WhereWeSwitchTheFrontServiceTells) {
  policy_.spec.routing.mode = api::RoutingMode::Service;
  EXPECT_EQ(looks({"postgres"}), 0) << "it leads to the database";
}

class FrontService : public TurnTest {
 protected:
  FrontService() {
    transport_.on_call = [this](const kube::Request& request) {
      if (request.path.ends_with("deployments/shop-db-pooler") && pooler_) return found({{"replicas", 2}});
      if (request.path.ends_with("services/shop-db") && selector_) return found({{"selector", *selector_}});
      if (request.path.find("endpointslices") != std::string::npos)
        return kube::Response{200, kube::Json{{"items", slices_}}.dump(), {}, {}};
      return kube::Response{404, R"({"kind":"Status","reason":"NotFound"})", {}, {}};
    };
  }
  static kube::Response found(const kube::Json& spec) {
    const kube::Json labels = {{"pgrightsizer.io/policy", "shop-db"},
                               {"app.kubernetes.io/managed-by", "pg-rightsizer"}};
    const kube::Json object = {{"metadata", {{"uid", "u"}, {"labels", labels}}}, {"spec", spec}};
    return {200, object.dump(), {}, {}};
  }
  Route route() {
    facts_ = {};
    facts_.logins = {{"app", "secret", "shop"}};
    observe_pooler(sight_, policy_, memory_, facts_);
    EXPECT_TRUE(facts_.problems.empty()) << facts_.problems.front().message;
    return facts_.seen.route;
  }
  static kube::Json to_pooler() {
    return {{"pgrightsizer.io/policy", "shop-db"}, {"app.kubernetes.io/component", "pooler"}};
  }

  bool pooler_ = true;
  std::optional<kube::Json> selector_;
  kube::Json slices_ = kube::Json::array();
};

TEST_F(FrontService, ThatIsGoneLeadsWhereItLed) {
  selector_ = to_pooler();
  EXPECT_EQ(route(), Route::Pooler);
  selector_.reset();
  EXPECT_EQ(route(), Route::Pooler);
  pooler_ = false;
  EXPECT_EQ(route(), Route::Direct) << "there is no pooler any more";
  pooler_ = true;
  EXPECT_EQ(route(), Route::Pooler);
}

TEST_F(FrontService, ThatSomebodyHasChangedLeadsWhereItLed) {
  selector_ = to_pooler();
  EXPECT_EQ(route(), Route::Pooler);
  (*selector_)["more"] = "x";
  EXPECT_EQ(route(), Route::Pooler);
}

TEST_F(FrontService, ThatANewLeaderDoesNotFindLeadsWhereTheStatusSays) {
  EXPECT_EQ(route(), Route::Direct);
  memory_ = {};
  memory_.status = api::Status{};
  memory_.status->route = "Pooler";
  EXPECT_EQ(route(), Route::Pooler);
}

// An External database's own address goes away when a pooler takes its place.
TEST_F(FrontService, HasPoolersOnceOneOfThemIsReadyBehindIt) {
  options_.connect = [](const postgres::ConnectOptions&) -> Result<postgres::Session> {
    return fail(ErrorKind::Unavailable, "connection refused");
  };
  kube::Pod pod;
  pod.meta = {"shop", "shop-db-pooler-a", "uid-a", "1", false};
  pod.labels = {{"pgrightsizer.io/policy", "shop-db"}, {"app.kubernetes.io/component", "pooler"}};
  pod.ip = "10.0.0.9";
  stores_.pods.set("shop/shop-db-pooler-a", pod);
  selector_ = to_pooler();
  const auto has_poolers_behind = [&](const std::vector<kube::Json>& endpoints) {
    slices_ = kube::Json::array();
    for (const auto& one : endpoints) slices_.push_back({{"endpoints", kube::Json::array({one})}});
    route();
    return facts_.front_has_poolers;
  };
  const auto endpoint = [](const std::string& address, bool ready) {
    return kube::Json{{"addresses", kube::Json::array({address})}, {"conditions", {{"ready", ready}}}};
  };
  EXPECT_FALSE(has_poolers_behind({}));
  EXPECT_FALSE(has_poolers_behind({endpoint("10.1.2.3", true)}));
  EXPECT_FALSE(has_poolers_behind({endpoint("10.1.2.3", true), endpoint("10.0.0.9", false)}));
  EXPECT_TRUE(has_poolers_behind({endpoint("10.1.2.3", true), endpoint("10.0.0.9", true)}));
}

// While the poolers are paused clients wait for two logins, and for nothing else.
class Paused : public TurnTest {
 protected:
  Paused() {
    options_.connect = [this](const postgres::ConnectOptions& options) -> Result<postgres::Session> {
      logins_.push_back(options.host);
      return postgres::FakeLink::session(postgres::Rows{});
    };
    transport_.on_call = [](const kube::Request&) {
      return kube::Response{200, R"({"spec":{"clusterIP":"10.96.0.1"}})", {}, {}};
    };
    facts_.admin.user = "postgres";
    facts_.problems = {{kWatchFailing, "a watch"}};
    facts_.seen.database_up = true;
    facts_.seen.pods.push_back({.name = "pooler", .paused = true});
  }
  std::vector<std::string> logins_;
};

TEST_F(Paused, LogsInWhateverElseIsWrong) {
  probe_logins(sight_, policy_, memory_, facts_);
  EXPECT_EQ(facts_.seen.logins_past_pooler, 2);
  EXPECT_EQ(logins_, (std::vector<std::string>{"10.96.0.1", "10.96.0.1"}));
}

TEST_F(Paused, OtherwiseWhatIsWrongComesFirst) {
  facts_.seen.pods.clear();
  facts_.logins = {{"app", "secret", "shop"}};
  facts_.plan.route = Route::Pooler;
  facts_.seen.pooler = transition::Pooler{};
  probe_logins(sight_, policy_, memory_, facts_);
  EXPECT_TRUE(logins_.empty());
}

}  // namespace
}  // namespace pgrightsizer::controller
