// What is left of a pooler when whoever removed it died half-way.
#include <nlohmann/json.hpp>
#include <vector>

#include "controller/execute/execute.h"
#include "controller/execute/pooler.h"
#include "controller/turn/names.h"
#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

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
