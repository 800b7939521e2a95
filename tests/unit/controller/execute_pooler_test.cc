// What is left of a pooler when whoever removed it died half-way.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "controller/execute/execute.h"
#include "controller/turn/names.h"
#include "pgrightsizer/base/clock.h"
#include "unit/kube/fake_transport.h"

namespace pgrightsizer::controller {
namespace {

class PoolerRemoval : public testing::Test {
 protected:
  PoolerRemoval() {
    policy_.name_space = "shop";
    policy_.name = "shop-db";
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
  SystemClock clock_;
  NullLogger logger_;
  kube::FakeTransport transport_;
  kube::Client client_{transport_, logger_};
  runtime::EventRecorder events_{client_, clock_, logger_, "test"};
  Stores stores_;
  Options options_;
  Memory memory_;
  Facts facts_;
  api::ConnectionPolicy policy_;
  Sight sight_{client_, stores_, clock_, logger_, options_};
  Turn turn_{sight_, policy_, memory_, facts_, events_};
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
