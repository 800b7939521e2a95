#include "pgrightsizer/sizing/sizing.h"

#include "check.h"

namespace pgrightsizer::property {
namespace {

using namespace sizing;  // NOLINT: the module under test

Workload any_workload() {
  Workload one;
  one.name = "w";
  one.replicas =
      *rc::gen::oneOf(rc::gen::inRange<Count>(0, 300), rc::gen::inRange<Count>(0, Count{1} << 40));
  one.pods_not_gone = *rc::gen::inRange<Count>(0, 300);
  if (*rc::gen::arbitrary<bool>()) {
    one.connections_per_instance = *rc::gen::inRange<Count>(1, 200);
  } else if (*rc::gen::arbitrary<bool>()) {
    one.concurrent_requests = *rc::gen::inRange<Count>(0, 100);
  }
  return one;
}

std::vector<Workload> any_workloads() {
  std::vector<Workload> all;
  const int count = *rc::gen::inRange(1, 4);
  for (int i = 0; i < count; ++i) all.push_back(any_workload());
  return all;
}

Settings any_settings() {
  Settings settings;
  settings.environment =
      *rc::gen::element(Environment::Development, Environment::Staging, Environment::Production);
  settings.buffer = *rc::gen::inRange<Count>(20, 200);
  settings.min_connections = *rc::gen::inRange<Count>(1, 100);
  settings.max_connections = *rc::gen::inRange<Count>(100, 10'000);
  settings.provision = *rc::gen::element(Provision::Auto, Provision::Always, Provision::Never);
  settings.pooler_replicas = *rc::gen::inRange<Count>(1, 9);
  return settings;
}

TEST(SizingProperty, MoreInstancesNeverDemandLess) {
  holds("demand is monotone", [] {
    const auto workloads = any_workloads();
    auto more = workloads;
    more.front().replicas += *rc::gen::inRange<Count>(0, 1000);
    const Settings settings = any_settings();
    RC_ASSERT(plan(more, settings, 0).demand >= plan(workloads, settings, 0).demand);
    RC_ASSERT(direct_demand(more, settings.environment) >=
              direct_demand(workloads, settings.environment));
  });
}

TEST(SizingProperty, DirectDemandIsNeverBelowThePlansDemand) {
  holds("pods that are not gone only add", [] {
    const auto workloads = any_workloads();
    const Settings settings = any_settings();
    RC_ASSERT(direct_demand(workloads, settings.environment) >=
              plan(workloads, settings, 0).demand);
  });
}

TEST(SizingProperty, APlanIsIdempotent) {
  holds("planning again in the tier that was planned changes nothing", [] {
    const auto workloads = any_workloads();
    const Settings settings = any_settings();
    const Plan first = plan(workloads, settings, *rc::gen::inRange(0, 3));
    const Plan again = plan(workloads, settings, first.tier);
    RC_ASSERT(again.tier == first.tier);
    RC_ASSERT(again.route == first.route);
    RC_ASSERT(again.pool_size == first.pool_size);
    RC_ASSERT(again.max_connections == first.max_connections);
  });
}

TEST(SizingProperty, TheTierOfAPlanIsReadBackFromItsPool) {
  holds("tier_of_pool inverts the plan", [] {
    Settings settings = any_settings();
    settings.provision = Provision::Auto;
    settings.max_connections = *rc::gen::inRange<Count>(settings.buffer + 201, 10'000);
    const Plan made = plan(any_workloads(), settings, 0);
    RC_PRE(made.route == Route::Pooler);
    RC_ASSERT(tier_of_pool(settings, made.pool_size) == made.tier);
  });
}

TEST(SizingProperty, EverythingStaysWithinItsBounds) {
  holds("bounds", [] {
    const Settings settings = any_settings();
    const Plan made = plan(any_workloads(), settings, *rc::gen::inRange(0, 3));
    RC_PRE(!made.hold);
    RC_ASSERT(made.max_connections <= settings.max_connections);
    RC_ASSERT(made.max_connections <= kMaxConnectionsCeiling);
    RC_ASSERT(made.demand <= kSaturated);
    RC_ASSERT(made.clamped == (made.max_connections < made.uncapped_max_connections));
    RC_ASSERT((made.pool_size > 0) == (made.route == Route::Pooler));
    RC_ASSERT(!made.formula.empty());
  });
}

TEST(SizingProperty, CapsAtTheirShareAndAReplacementOfEveryPodFitTheServer) {
  holds("pool + boot caps + others fit", [] {
    Settings settings = any_settings();
    const Count reserved = *rc::gen::inRange<Count>(0, 9);
    const Plan made = plan(any_workloads(), settings, 0);
    RC_PRE(made.route == Route::Pooler && !made.clamped);
    const Count replicas = settings.pooler_replicas;
    const Count share = pool_share(made.pool_size, replicas);
    const Count boot = boot_cap(settings.buffer, reserved, replicas);
    RC_PRE(share > kMinimumCap && boot > kMinimumCap);
    RC_ASSERT(share * replicas + boot * replicas + kOthersFloor <= made.max_connections - reserved);
  });
}

}  // namespace
}  // namespace pgrightsizer::property
