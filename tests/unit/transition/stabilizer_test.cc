#include "pgrightsizer/transition/stabilizer.h"

#include <gtest/gtest.h>

namespace pgrightsizer::transition {
namespace {

using sizing::Count;
using sizing::Workload;
using std::chrono::seconds;

class StabilizerTest : public testing::Test {
 protected:
  Stabilizer::Counted look(seconds at, std::vector<Workload> workloads, Count sessions = 0) {
    return stabilizer_.observe(Stabilizer::Instant{} + seconds{1000} + at, workloads, sessions,
                               windows_);
  }
  Count replicas(seconds at, Count seen) {
    return look(at, {workload("api", seen)}).workloads.at(0).replicas;
  }
  static Workload workload(const char* name, Count replicas) {
    Workload one;
    one.name = name;
    one.replicas = replicas;
    one.pods_not_gone = replicas + 1;
    return one;
  }

  Stabilizer::Windows windows_{seconds{0}, seconds{300}};
  Stabilizer stabilizer_;
};

TEST_F(StabilizerTest, FollowsUpAtOnceByDefault) {
  EXPECT_EQ(replicas(seconds{0}, 10), 10);
  EXPECT_EQ(replicas(seconds{1}, 50), 50);
}

TEST_F(StabilizerTest, FollowsDownWhenTheWindowHasPassed) {
  EXPECT_EQ(replicas(seconds{0}, 50), 50);
  EXPECT_EQ(replicas(seconds{10}, 10), 50);
  EXPECT_EQ(replicas(seconds{309}, 10), 50);
  EXPECT_EQ(replicas(seconds{310}, 10), 10);
}

TEST_F(StabilizerTest, ACountThatFlapsMovesNothing) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(replicas(seconds{20 * i}, i % 2 == 0 ? 50 : 49), 50) << i;
  }
}

TEST_F(StabilizerTest, FollowsUpWhenTheScaleUpWindowHasPassed) {
  windows_.scale_up = seconds{60};
  EXPECT_EQ(replicas(seconds{0}, 10), 10);
  EXPECT_EQ(replicas(seconds{10}, 12), 10);
  EXPECT_EQ(replicas(seconds{69}, 12), 10);
  EXPECT_EQ(replicas(seconds{70}, 12), 12);
}

TEST_F(StabilizerTest, ABurstThatTheScaleUpWindowCoversIsFollowedInOneStep) {
  windows_.scale_up = seconds{45};
  EXPECT_EQ(replicas(seconds{0}, 10), 10);
  for (int i = 1; i <= 10; ++i) EXPECT_EQ(replicas(seconds{4 * i}, 10 + i), 10) << i;
  for (int at = 41; at < 85; ++at) EXPECT_EQ(replicas(seconds{at}, 20), 10) << at;
  EXPECT_EQ(replicas(seconds{85}, 20), 20);
}

TEST_F(StabilizerTest, ARiseThatGoesOnIsFollowedAfterTwoWindows) {
  windows_.scale_up = seconds{60};
  EXPECT_EQ(replicas(seconds{0}, 10), 10);
  for (int i = 1; i < 12; ++i) EXPECT_EQ(replicas(seconds{10 * i}, 10 + i), 10) << i;
  EXPECT_EQ(replicas(seconds{120}, 22), 10) << "until the look at 10 it was 10";
  EXPECT_EQ(replicas(seconds{130}, 23), 17) << "the least of the last window";
  for (int i = 14; i < 20; ++i) EXPECT_EQ(replicas(seconds{10 * i}, 10 + i), 17) << i;
  EXPECT_EQ(replicas(seconds{200}, 30), 24);
}

TEST_F(StabilizerTest, SaysHowLongARiseMustWait) {
  windows_.scale_up = seconds{60};
  (void)look(seconds{0}, {workload("api", 10)});
  EXPECT_EQ(look(seconds{10}, {workload("api", 12)}).wait, seconds{60});
  EXPECT_EQ(look(seconds{50}, {workload("api", 15)}).wait, seconds{60});
  EXPECT_EQ(look(seconds{100}, {workload("api", 16)}).wait, seconds{30}) << "two windows";
  EXPECT_EQ(look(seconds{130}, {workload("api", 16)}).wait, seconds{30});
  EXPECT_EQ(look(seconds{160}, {workload("api", 16)}).wait, seconds{0});
}

TEST_F(StabilizerTest, SaysHowLongWhatItHoldsBackMustWait) {
  EXPECT_EQ(look(seconds{0}, {workload("api", 50)}).wait, seconds{0});
  EXPECT_EQ(look(seconds{10}, {workload("api", 10)}).wait, seconds{300});
  EXPECT_EQ(look(seconds{110}, {workload("api", 10)}).wait, seconds{200});
  EXPECT_EQ(look(seconds{310}, {workload("api", 10)}).wait, seconds{0});
}

TEST_F(StabilizerTest, AFreshOneNeverAllowsLoweringAtOnce) {
  EXPECT_FALSE(look(seconds{0}, {workload("api", 10)}).stabilized);
  EXPECT_FALSE(look(seconds{299}, {workload("api", 10)}).stabilized);
  EXPECT_TRUE(look(seconds{300}, {workload("api", 10)}).stabilized);
}

TEST_F(StabilizerTest, IsNotStabilizedWhileItHoldsSomethingUp) {
  EXPECT_FALSE(look(seconds{0}, {workload("api", 50)}).stabilized);
  EXPECT_FALSE(look(seconds{600}, {workload("api", 10)}).stabilized);
  EXPECT_TRUE(look(seconds{900}, {workload("api", 10)}).stabilized);
}

TEST_F(StabilizerTest, WithoutAWindowItIsStabilizedAtOnce) {
  windows_.scale_down = seconds{0};
  EXPECT_TRUE(look(seconds{0}, {workload("api", 50)}).stabilized);
  EXPECT_EQ(replicas(seconds{1}, 10), 10);
}

TEST_F(StabilizerTest, WorkloadsAreHeldEachForItself) {
  (void)look(seconds{0}, {workload("api", 50), workload("jobs", 5)});
  const auto counted = look(seconds{10}, {workload("api", 10), workload("jobs", 8)});
  EXPECT_EQ(counted.workloads.at(0).replicas, 50);
  EXPECT_EQ(counted.workloads.at(1).replicas, 8);
  EXPECT_EQ(counted.workloads.at(0).pods_not_gone, 11) << "pods are told as they are";
}

TEST_F(StabilizerTest, WorkloadsOfOneNameAndTwoKindsAreTwo) {
  std::vector<Workload> workers = {workload("worker", 1), workload("worker", 30)};
  workers[0].kind = "Deployment";
  workers[1].kind = "StatefulSet";
  for (const int at : {0, 1, 2})
    EXPECT_EQ(look(seconds{at}, workers).workloads.at(1).replicas, 30) << at;
}

TEST_F(StabilizerTest, AWorkloadThatIsGoneCountsUntilTheWindowHasPassed) {
  (void)look(seconds{0}, {workload("api", 50), workload("jobs", 5)});
  const auto counted = look(seconds{10}, {workload("api", 50)});
  ASSERT_EQ(counted.workloads.size(), 2U);
  EXPECT_EQ(counted.workloads.at(1).replicas, 5);
  EXPECT_EQ(look(seconds{310}, {workload("api", 50)}).workloads.size(), 1U);
}

TEST_F(StabilizerTest, AWorkloadThatIsNewCountsLikeAnyRise) {
  (void)look(seconds{0}, {workload("api", 50)});
  EXPECT_EQ(look(seconds{10}, {workload("api", 50), workload("jobs", 5)}).workloads.at(1).replicas,
            5);
}

TEST_F(StabilizerTest, RemembersThePeakOfSessionsOverTheWindow) {
  (void)look(seconds{0}, {workload("api", 10)}, 200);
  (void)look(seconds{10}, {workload("api", 10)}, 150);
  EXPECT_EQ(look(seconds{200}, {workload("api", 10)}, 100).peak_sessions, 200);
  EXPECT_EQ(look(seconds{301}, {workload("api", 10)}, 100).peak_sessions, 200)
      << "until the next look it was so";
  EXPECT_EQ(look(seconds{320}, {workload("api", 10)}, 100).peak_sessions, 150);
  EXPECT_EQ(look(seconds{900}, {workload("api", 10)}, 100).peak_sessions, 100);
}

TEST_F(StabilizerTest, ThePeakBetweenMergedLooksIsNotLost) {
  (void)look(seconds{0}, {workload("api", 10)}, 10);
  (void)look(seconds{1}, {workload("api", 10)}, 70);
  EXPECT_EQ(look(seconds{2}, {workload("api", 10)}, 10).peak_sessions, 70);
}

TEST_F(StabilizerTest, HandlesNoWorkloads) {
  EXPECT_TRUE(look(seconds{0}, {}).workloads.empty());
  EXPECT_EQ(replicas(seconds{1}, 10), 10);
}

}  // namespace
}  // namespace pgrightsizer::transition
