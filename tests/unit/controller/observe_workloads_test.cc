// Which workloads count, and with how many instances.
#include "controller/observe/inputs.h"
#include "pgrightsizer/transition/stabilizer.h"
#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

class SelectedWorkloads : public TurnTest {
 protected:
  SelectedWorkloads() {
    policy_.spec.workload_selector.emplace().match_labels = {{"app", "worker"}};
  }

  static kube::Workload worker(std::int64_t replicas) {
    kube::Workload workload;
    workload.meta = {"shop", "worker", "uid", "1", false};
    workload.labels = {{"app", "worker"}};
    workload.replicas = replicas;
    return workload;
  }
  // As the plan gets them.
  std::vector<sizing::Workload> counted() {
    const auto workloads = count_workloads(policy_, stores_, {}, facts_.problems);
    return stabilizer_.observe(clock_.steady(), workloads, 0, {}).workloads;
  }

  transition::Stabilizer stabilizer_;
};

TEST_F(SelectedWorkloads, OfOneNameAndTwoKindsAreTwo) {
  stores_.deployments.set("shop/worker", worker(1));
  stores_.stateful_sets.set("shop/worker", worker(30));
  for (int look = 0; look < 3; ++look) {
    const auto workloads = counted();
    const auto plan = sizing::plan(workloads, {}, 0);
    EXPECT_EQ(plan.instances, 31) << "look " << look;
    ASSERT_EQ(plan.workloads.size(), 2U);
    EXPECT_EQ(plan.workloads[0].name, "worker") << "the object's own name";
    EXPECT_EQ(plan.workloads[1].name, "worker");
    clock_.time += std::chrono::seconds(1);
  }
}

TEST_F(SelectedWorkloads, ThatAreListedFromNowOnCountOnce) {
  stores_.deployments.set("shop/worker", worker(30));
  ASSERT_EQ(sizing::plan(counted(), {}, 0).instances, 30);
  policy_.spec.workload_selector.reset();
  policy_.spec.workloads = {{"worker", {"Deployment", "worker"}, {}, {}}};
  EXPECT_EQ(sizing::plan(counted(), {}, 0).instances, 30);
}

TEST_F(SelectedWorkloads, ThatAreGoneCountUntilTheWindowHasPassed) {
  stores_.deployments.set("shop/worker", worker(1));
  stores_.stateful_sets.set("shop/worker", worker(30));
  ASSERT_EQ(sizing::plan(counted(), {}, 0).instances, 31);
  stores_.stateful_sets.erase("shop/worker");
  clock_.time += std::chrono::seconds(1);
  EXPECT_EQ(sizing::plan(counted(), {}, 0).instances, 31);
  clock_.time += std::chrono::seconds(300);
  EXPECT_EQ(sizing::plan(counted(), {}, 0).instances, 1);
}

}  // namespace
}  // namespace pgrightsizer::controller
