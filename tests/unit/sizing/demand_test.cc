#include <gtest/gtest.h>

#include "pgrightsizer/sizing/sizing.h"

namespace pgrightsizer::sizing {
namespace {

Workload workload(Count replicas, Count pods_not_gone = 0) {
  Workload one;
  one.name = "api";
  one.replicas = replicas;
  one.pods_not_gone = pods_not_gone;
  return one;
}

TEST(Demand, EnvironmentsHaveTheirConnectionsAndTimeouts) {
  EXPECT_EQ(connections_per_instance(Environment::Development), 10);
  EXPECT_EQ(connections_per_instance(Environment::Staging), 20);
  EXPECT_EQ(connections_per_instance(Environment::Production), 20);
  EXPECT_EQ(connect_timeout_seconds(Environment::Development), 5);
  EXPECT_EQ(connect_timeout_seconds(Environment::Staging), 10);
  EXPECT_EQ(connect_timeout_seconds(Environment::Production), 10);
}

TEST(Demand, EstimatesFivePlusRequestsPlusFiveUpToTheEnvironmentsLimit) {
  EXPECT_EQ(estimated_connections(Environment::Production, 0), 10);
  EXPECT_EQ(estimated_connections(Environment::Production, 8), 18);
  EXPECT_EQ(estimated_connections(Environment::Production, 10), 20);
  EXPECT_EQ(estimated_connections(Environment::Production, 1000), 20);
  EXPECT_EQ(estimated_connections(Environment::Staging, 8), 18);
  EXPECT_EQ(estimated_connections(Environment::Development, 0), 10);
  EXPECT_EQ(estimated_connections(Environment::Development, 8), 10);
  EXPECT_EQ(estimated_connections(Environment::Production, kSaturated), 20);
}

TEST(Demand, AWorkloadsOwnFigureWinsOverTheEstimateAndTheEnvironment) {
  Workload one = workload(1);
  EXPECT_EQ(connections_of(one, Environment::Production), 20);
  one.concurrent_requests = 3;
  EXPECT_EQ(connections_of(one, Environment::Production), 13);
  one.connections_per_instance = 7;
  EXPECT_EQ(connections_of(one, Environment::Production), 7);
  one.connections_per_instance = 500;
  EXPECT_EQ(connections_of(one, Environment::Production), 500);
}

TEST(Demand, DirectDemandCountsPodsThatAreNotGoneYet) {
  EXPECT_EQ(direct_demand({workload(10)}, Environment::Production), 200);
  EXPECT_EQ(direct_demand({workload(10, 12)}, Environment::Production), 240);
  EXPECT_EQ(direct_demand({workload(12, 10)}, Environment::Production), 240);
  EXPECT_EQ(direct_demand({workload(0, 3)}, Environment::Production), 60);
  EXPECT_EQ(direct_demand({workload(10), workload(5, 6)}, Environment::Production), 320);
  EXPECT_EQ(direct_demand({}, Environment::Production), 0);
}

TEST(Demand, SumsSaturateAndNeverOverflow) {
  constexpr Count kHuge = Count{1} << 31;
  EXPECT_EQ(direct_demand({workload(kHuge)}, Environment::Production), kHuge * 20);
  EXPECT_EQ(direct_demand({workload(INT64_MAX)}, Environment::Production), kSaturated);
  EXPECT_EQ(direct_demand({workload(INT64_MAX), workload(INT64_MAX)}, Environment::Production),
            kSaturated);
  EXPECT_EQ(saturating_add(INT64_MAX, INT64_MAX), kSaturated);
  EXPECT_EQ(saturating_add(kSaturated, 1), kSaturated);
  EXPECT_EQ(saturating_add(2, 3), 5);
  EXPECT_EQ(saturating_multiply(INT64_MAX, INT64_MAX), kSaturated);
  EXPECT_EQ(saturating_multiply(kSaturated, 0), 0);
  EXPECT_EQ(saturating_multiply(kSaturated / 2, 2), kSaturated);
  EXPECT_EQ(saturating_multiply(6, 7), 42);
}

TEST(Demand, NegativeCountsAreTakenAsNone) {
  EXPECT_EQ(direct_demand({workload(-5)}, Environment::Production), 0);
  EXPECT_EQ(saturating_add(-5, 3), 3);
}

TEST(Demand, EveryPoolerPodAcceptsTwiceTheDemandAndAtLeastTenThousand) {
  EXPECT_EQ(max_client_connections(0), 10'000);
  EXPECT_EQ(max_client_connections(5'000), 10'000);
  EXPECT_EQ(max_client_connections(5'001), 10'002);
  EXPECT_EQ(max_client_connections(kSaturated), kSaturated);
}

}  // namespace
}  // namespace pgrightsizer::sizing
