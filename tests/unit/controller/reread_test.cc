// What a watch has not told yet is not acted against.
#include "controller/execute/reread.h"

#include <map>

#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

using transition::StepKind;

class Reread : public TurnTest {
 protected:
  Reread() {
    policy_.uid = "policy-uid";
    policy_.generation = 3;
    facts_.seen_workloads = {{{kube::resources::kDeployment, "shop", "api"}, "api-uid", 7}};
    live_["connectionpolicies/shop-db"] = {"policy-uid", 3};
    live_["deployments/api"] = {"api-uid", 7};
    transport_.on_call = [this](const kube::Request& request) {
      if (request.path.find("/pods?") != std::string::npos) {
        EXPECT_NE(request.path.find("labelSelector="), std::string::npos) << request.path;
        return kube::Response{200, kube::Json{{"items", live_pods_}}.dump(), {}, {}};
      }
      for (const auto& [end, object] : live_)
        if (request.path.ends_with(end)) {
          const kube::Json metadata = {{"uid", object.first}, {"generation", object.second}};
          return kube::Response{200, kube::Json{{"metadata", metadata}}.dump(), {}, {}};
        }
      return kube::Response{404, "{}", {}, {}};
    };
  }
  static kube::Json pod(const std::string& uid) {
    return {{"metadata", {{"uid", uid}, {"namespace", "shop"}, {"name", uid}}}, {"status", {{"phase", "Running"}}}};
  }
  void see(const kube::Json& object) {
    facts_.pods.push_back({std::make_shared<const kube::Pod>(kube::decode_pod(object)), std::nullopt});
  }
  void expect_refused(ErrorKind why) {
    const auto done = reread(turn_);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, why);
  }

  kube::Json live_pods_ = kube::Json::array();
  std::map<std::string, std::pair<std::string, int>> live_;  // end of the path → uid and generation
};

TEST_F(Reread, IsContentWhenNothingHasChanged) { EXPECT_TRUE(reread(turn_)); }

TEST_F(Reread, NoticesAnotherSpecOfThePolicy) {
  live_["connectionpolicies/shop-db"].second = 4;
  expect_refused(ErrorKind::Conflict);
}

TEST_F(Reread, NoticesAPolicyMadeAnew) {
  live_["connectionpolicies/shop-db"].first = "another";
  expect_refused(ErrorKind::Conflict);
}

TEST_F(Reread, NoticesAWorkloadThatWasScaled) {
  live_["deployments/api"].second = 8;
  expect_refused(ErrorKind::Conflict);
}

TEST_F(Reread, NoticesWhatIsGone) {
  live_.erase("deployments/api");
  expect_refused(ErrorKind::NotFound);
}

TEST_F(Reread, IsContentWithThePoolersPodsThatItKnows) {
  live_pods_ = {pod("one"), pod("two"), pod("ended")};
  live_pods_[2]["status"]["phase"] = "Failed";
  see(pod("one"));
  see(pod("two"));
  EXPECT_TRUE(reread(turn_));
}

TEST_F(Reread, NoticesAPoolersPodThatIsBeingReplaced) {
  live_pods_ = {pod("one")};
  see(pod("one"));
  live_pods_[0]["metadata"]["deletionTimestamp"] = "2027-01-01T00:00:00Z";
  expect_refused(ErrorKind::Conflict);
}

TEST_F(Reread, NoticesAPoolersPodThatHasCome) {
  live_pods_ = {pod("one"), pod("two")};
  see(pod("one"));
  expect_refused(ErrorKind::Conflict);
}

TEST(CannotBeTakenBack, IsWhatEndsSomethingOrTakesRoomAway) {
  const auto judge = [](StepKind kind, int from = 0, int to = 0) {
    transition::Step step;
    step.kind = kind;
    step.old_value = from;
    step.value = to;
    return cannot_be_taken_back(step);
  };
  EXPECT_TRUE(judge(StepKind::Restart, 200, 250));
  EXPECT_TRUE(judge(StepKind::SwitchToDirect));
  EXPECT_TRUE(judge(StepKind::DrainDirect));
  EXPECT_TRUE(judge(StepKind::RemovePooler));
  EXPECT_TRUE(judge(StepKind::PatchMaxConnections, 250, 200));
  EXPECT_FALSE(judge(StepKind::PatchMaxConnections, 200, 250));
  EXPECT_TRUE(judge(StepKind::SetCap, 50, 75));
  EXPECT_FALSE(judge(StepKind::SetCap, 75, 50));
  EXPECT_FALSE(judge(StepKind::Resume));
  EXPECT_FALSE(judge(StepKind::Wait));
}

}  // namespace
}  // namespace pgrightsizer::controller
