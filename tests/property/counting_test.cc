// Which instances count, and what a database's memory holds.
#include <algorithm>

#include "check.h"
#include "pgrightsizer/sizing/sizing.h"

namespace pgrightsizer::property {
namespace {

using namespace sizing;  // NOLINT: the module under test

Count any_count(Count usual) {
  return *rc::gen::oneOf(rc::gen::inRange<Count>(0, usual),
                         rc::gen::inRange<Count>(0, kSaturated + 1));
}

CountInstances any_way() {
  return *rc::gen::element(CountInstances::Current, CountInstances::CurrentPlusSurge,
                           CountInstances::AutoscalerMax);
}

Workload any_workload() {
  Workload one;
  one.name = "w";
  one.replicas = any_count(300);
  one.pods_not_gone = any_count(300);
  one.max_surge = any_count(80);
  if (*rc::gen::arbitrary<bool>()) one.autoscaler_max = any_count(300);
  if (*rc::gen::arbitrary<bool>()) one.connections_per_instance = *rc::gen::inRange<Count>(1, 200);
  return one;
}

TEST(CountingProperty, NothingIsCountedLessThanItIsAskedFor) {
  holds("replicas <= counted <= the most of everything, and none is none", [] {
    const Workload one = any_workload();
    const Count counted = counted_instances(one, any_way());
    RC_ASSERT(counted >= one.replicas);
    RC_ASSERT(counted <= kSaturated);
    RC_ASSERT(one.replicas > 0 || counted == 0);
  });
}

TEST(CountingProperty, MoreOfAnythingNeverCountsLess) {
  holds("counted instances and the demand of a rolling update are monotone", [] {
    const Workload one = any_workload();
    Workload more = one;
    const Count added = *rc::gen::inRange<Count>(1, 100);
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        more.replicas += added;
        break;
      case 1:
        more.max_surge += added;
        break;
      case 2:
        more.pods_not_gone += added;
        break;
      default:
        more.autoscaler_max = one.autoscaler_max.value_or(0) + added;
    }
    const CountInstances way = any_way();
    RC_ASSERT(counted_instances(more, way) >= counted_instances(one, way));
    const auto environment = Environment::Production;
    RC_ASSERT(surge_demand({more}, environment) >= surge_demand({one}, environment));
  });
}

TEST(CountingProperty, ARollingUpdateHoldsNoLessThanWhatIsThere) {
  holds("direct demand <= surge demand", [] {
    const std::vector<Workload> two = {any_workload(), any_workload()};
    const auto environment = Environment::Production;
    RC_ASSERT(surge_demand(two, environment) >= direct_demand(two, environment));
    RC_ASSERT(surge_demand(two, environment) <= kSaturated);
  });
}

// ── Memory ──────────────────────────────────────────────────────────────────────────────────────

Memory any_memory() {
  Memory memory;
  memory.limit_bytes = *rc::gen::oneOf(rc::gen::inRange<Count>(1, Count{64} << 30),
                                       rc::gen::inRange<Count>(1, INT64_MAX));
  memory.shared_bytes = *rc::gen::inRange<Count>(1, Count{16} << 30);
  memory.max_connections = *rc::gen::inRange<Count>(1, kMaxConnectionsCeiling + 1);
  return memory;
}

TEST(MemoryProperty, TheCeilingIsTheLargestThatFitsOrWhatRuns) {
  holds("running <= ceiling; above what runs it fits, and one more does not", [] {
    const Memory memory = any_memory();
    const Count usable = memory.limit_bytes / 100 * 85;
    const Count ceiling = memory_ceiling(memory);
    RC_ASSERT(ceiling >= memory.max_connections);
    // Beyond what PostgreSQL can be given the sums may saturate.
    RC_PRE(ceiling < kMaxConnectionsCeiling);
    RC_ASSERT(ceiling == memory.max_connections || predicted_bytes(memory, ceiling) <= usable);
    RC_ASSERT(predicted_bytes(memory, ceiling + 1) > usable);
  });
}

TEST(MemoryProperty, MoreMemoryNeverHoldsLess) {
  holds("the ceiling is monotone in the limit, the prediction in the value", [] {
    const Memory memory = any_memory();
    Memory more = memory;
    more.limit_bytes += *rc::gen::inRange<Count>(0, INT64_MAX - memory.limit_bytes);
    RC_ASSERT(memory_ceiling(more) >= memory_ceiling(memory));
    const Count value = any_count(5000);
    RC_ASSERT(predicted_bytes(memory, value + 1) >= predicted_bytes(memory, value));
  });
}

TEST(MemoryProperty, APlanStaysWithinTheGate) {
  holds("what is planned fits, and the figure that was cut stays visible", [] {
    Settings settings;
    settings.provision = *rc::gen::element(Provision::Auto, Provision::Never);
    settings.memory = any_memory();
    Workload one = any_workload();
    one.replicas = *rc::gen::inRange<Count>(1, 400);
    const Plan made = plan({one}, settings, *rc::gen::inRange(0, 3));
    RC_ASSERT(made.max_connections <= memory_ceiling(*settings.memory));
    RC_ASSERT(made.clamped == (made.max_connections < made.uncapped_max_connections));
    Settings without = settings;
    without.memory.reset();
    if (made.route == plan({one}, without, 0).route && made.tier == plan({one}, without, 0).tier)
      RC_ASSERT(made.uncapped_max_connections == plan({one}, without, 0).uncapped_max_connections);
  });
}

// A server whose slots cost what they cost, not what the estimate says, and that tells its shared
// memory in whole megabytes.
struct Server {
  Count limit_bytes = 0;
  Count base_bytes = 0;
  Count slot_bytes = 0;
  Count running = 0;

  [[nodiscard]] Memory memory() const {
    constexpr Count kMegabyte = Count{1} << 20;
    const Count shared = base_bytes + slot_bytes * running;
    return {limit_bytes, (shared + kMegabyte - 1) / kMegabyte * kMegabyte, running};
  }
};

TEST(MemoryProperty, AConstantCountDoesNotFlap) {
  holds("carrying out what is planned changes the route once at most", [] {
    Server server;
    server.limit_bytes = *rc::gen::inRange<Count>(Count{1} << 30, Count{8} << 30);
    server.base_bytes = *rc::gen::inRange<Count>(Count{10} << 20, Count{512} << 20);
    server.slot_bytes = *rc::gen::inRange<Count>(40'000, 400'000);
    server.running = *rc::gen::inRange<Count>(100, 1100);
    Workload one;
    one.replicas = *rc::gen::inRange<Count>(1, 130);
    Settings settings;
    int tier = *rc::gen::inRange(0, 3);
    int changes = 0;
    for (int turn = 0; turn < 6; ++turn) {
      settings.memory = server.memory();
      const Plan made = plan({one}, settings, tier);
      if (turn > 0 && made.tier != tier) ++changes;
      tier = made.tier;
      server.running = made.max_connections;
    }
    RC_ASSERT(changes <= 1);
  });
}

}  // namespace
}  // namespace pgrightsizer::property
