// A pooler's objects: what running pods must be told when they change, and what is left of them when
// whoever removed them died half-way.
#include <nlohmann/json.hpp>
#include <vector>

#include "controller/execute/execute.h"
#include "controller/execute/pooler.h"
#include "controller/turn/names.h"
#include "unit/controller/fake_link.h"
#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

class PoolerClients : public TurnTest {
 protected:
  PoolerClients() {
    transport_.on_call = [this](const kube::Request&) { return ++requests_, kube::Response{200, "{}", {}, {}}; };
    options_.connect = [this](const postgres::ConnectOptions&) {
      return postgres::FakeLink::session([this](const std::string& sql, const auto&) -> Result<postgres::Rows> {
        said_.push_back(sql);
        if (refused_) return fail(ErrorKind::Unavailable, "gone");
        return postgres::Rows{};
      });
    };
    facts_.seen.pooler.emplace().max_clients = 10'000;
    kube::Pod pod;
    pod.meta.name = "a";
    pgbouncer::Snapshot snapshot;
    snapshot.config.max_client_conn = 10'000;
    facts_.pods = {{std::make_shared<kube::Pod>(pod), snapshot}, {std::make_shared<kube::Pod>(), std::nullopt}};
  }
  Result<void> apply(transition::Count clients) {
    transition::Step step;
    step.max_clients = clients;
    return apply_pooler(turn_, step);
  }

  std::vector<std::string> said_;
  bool refused_ = false;
  int requests_ = 0;
};

TEST_F(PoolerClients, MayBeMoreAtOnce) {
  static_cast<void>(apply(12'000));
  EXPECT_EQ(said_, std::vector<std::string>{"SET max_client_conn = 12000"});
  EXPECT_GT(requests_, 0);
}

TEST_F(PoolerClients, AreNotToldWhatTheyKnow) {
  static_cast<void>(apply(10'000));
  EXPECT_TRUE(said_.empty());
}

TEST_F(PoolerClients, AreToldAgainWhenAPoolerDoesNotHear) {
  refused_ = true;
  EXPECT_FALSE(apply(12'000));
  EXPECT_EQ(requests_, 0) << "what the file has is taken to be so";
}

class PoolerRemoval : public TurnTest {
 protected:
  PoolerRemoval() {
    transport_.on_call = [this](const kube::Request& request) {
      if (request.method == kube::Method::Delete) deleted_.push_back(request.path);
      const bool lost = request.method == kube::Method::Delete && request.path.ends_with(unreachable_);
      return kube::Response{lost ? 500 : 200, object_.dump(), {}, {}};
    };
    object_ = {{"metadata", {{"uid", "u"}, {"labels", labels_of(policy_)}}}};
  }
  Result<void> remove() {
    transition::Step step;
    step.kind = transition::StepKind::RemovePooler;
    api::Status status;
    return execute(turn_, step, status);
  }

  std::vector<std::string> deleted_;
  std::string unreachable_ = "nothing";
  nlohmann::json object_;
};

TEST_F(PoolerRemoval, TakesAllFourObjects) {
  ASSERT_TRUE(remove());
  EXPECT_EQ(deleted_.size(), 4U);
  EXPECT_TRUE(deleted_.front().ends_with("deployments/shop-db-pooler")) << deleted_.front();
  EXPECT_TRUE(memory_.pooler_swept);
}

TEST_F(PoolerRemoval, IsRememberedAsUnfinishedWhenOneStays) {
  unreachable_ = "configmaps/shop-db-pooler";
  EXPECT_FALSE(remove());
  EXPECT_FALSE(memory_.pooler_swept);
  unreachable_ = "nothing";
  ASSERT_TRUE(sweep_pooler(turn_));
  EXPECT_TRUE(deleted_.back().ends_with("secrets/shop-db-pooler")) << deleted_.back();
  EXPECT_TRUE(memory_.pooler_swept);
}

TEST_F(PoolerRemoval, LeavesWhatIsNotOurs) {
  object_["metadata"]["labels"] = nlohmann::json::object();
  ASSERT_TRUE(sweep_pooler(turn_));
  EXPECT_TRUE(deleted_.empty());
}

}  // namespace
}  // namespace pgrightsizer::controller
