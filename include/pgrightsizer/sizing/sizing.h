// The arithmetic of the contract: instances in, sizes out. Pure; standard library only. All
// counts are connections or instances; every sum saturates at kSaturated and never overflows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pgrightsizer::sizing {

using Count = std::int64_t;

// Where sums stop growing: far above any PostgreSQL (262 143), far below overflow.
inline constexpr Count kSaturated = Count{1} << 40;
// PostgreSQL's own range of max_connections.
inline constexpr Count kMaxConnectionsCeiling = 262'143;
// Kept free for what the policy does not manage: exporters, backups, people, the operator itself.
inline constexpr Count kOthersFloor = 10;
// A pooler pod never has a smaller cap: 0 would mean "unlimited" to PgBouncer.
inline constexpr Count kMinimumCap = 2;

[[nodiscard]] Count saturating_add(Count a, Count b);
[[nodiscard]] Count saturating_multiply(Count a, Count b);

enum class Environment { Development, Staging, Production };

[[nodiscard]] Count connections_per_instance(Environment environment);
[[nodiscard]] Count connect_timeout_seconds(Environment environment);
// 5 + concurrent_requests × 1 + 5, at most the environment's limit.
[[nodiscard]] Count estimated_connections(Environment environment, Count concurrent_requests);

struct Workload {
  std::string name;
  Count replicas = 0;       // spec.replicas; negative is invalid and must be refused before
  Count pods_not_gone = 0;  // pods that exist, terminating ones included
  std::optional<Count> connections_per_instance;
  std::optional<Count> concurrent_requests;
};

// What one instance of this workload may open in this environment.
[[nodiscard]] Count connections_of(const Workload& workload, Environment environment);

struct Tier {
  Count instances = 0;
  Count pool_size = 0;
  bool operator==(const Tier&) const = default;
};

enum class Provision { Auto, Always, Never };

// Which instances of a workload count.
enum class CountInstances { Current, CurrentPlusSurge, AutoscalerMax };

// What keeps direct applications within their demand: max_connections itself, which needs a restart
// for every change, or the application role's CONNECTION LIMIT below a max_connections that is large
// enough for every size of direct mode.
enum class Enforce { MaxConnections, RoleConnectionLimit };

struct Settings {
  Environment environment = Environment::Production;
  Count buffer = 50;
  Count min_connections = 25;
  Count max_connections = 5000;
  CountInstances count_instances = CountInstances::Current;
  Enforce enforce = Enforce::MaxConnections;
  Provision provision = Provision::Auto;
  std::vector<Tier> tiers = {{50, 150}, {100, 200}};  // strictly rising
  Count hysteresis_instances = 10;
  Count pooler_replicas = 2;
};

enum class Route { Direct, Pooler };

struct WorkloadPlan {
  std::string name;
  Count instances = 0;
  Count connections_per_instance = 0;
  Count connections = 0;
};

// What the sizes should be at rest. `tier` is 0 for none, else 1-based into Settings::tiers.
struct Plan {
  Route route = Route::Direct;
  int tier = 0;
  Count instances = 0;        // Σ spec.replicas
  Count demand = 0;           // Σ instances × connections per instance
  Count pool_size = 0;        // over all pooler pods; 0 when direct
  Count max_connections = 0;  // within min, ceiling and PostgreSQL's range
  Count uncapped_max_connections = 0;
  bool hold = false;     // no instances: keep the present sizes; the figures above are 0
  bool clamped = false;  // max_connections < uncapped_max_connections
  std::vector<WorkloadPlan> workloads;
  std::string formula;  // one sentence for people
};

// The plan for these workloads, given the tier in force now (0: direct). The present tier gives
// the hysteresis: a tier is entered at its threshold and left hysteresis_instances below it.
[[nodiscard]] Plan plan(const std::vector<Workload>& workloads, const Settings& settings,
                        int present_tier);

// What direct connections these workloads may hold: Σ max(replicas, pods not gone) × connections.
[[nodiscard]] Count direct_demand(const std::vector<Workload>& workloads, Environment environment);

// floor((buffer − reserved − 10) / replicas), at least 2: what a pooler pod may open before the
// operator has said anything, safe beside its terminating predecessor.
[[nodiscard]] Count boot_cap(Count buffer, Count reserved, Count pooler_replicas);

// What each of `pods` pooler pods may open of the pool: floor(pool / pods), at least 2.
[[nodiscard]] Count pool_share(Count pool_size, Count pods);

// This pool, cut to what sizing.maxConnections leaves for it beside the buffer.
[[nodiscard]] Count pool_within_ceiling(const Settings& settings, Count pool_size);

// The tier (1-based) whose pool size this is, 0 if none: how the tier in force is read back.
[[nodiscard]] int tier_of_pool(const Settings& settings, Count pool_size);

// max(10 000, 2 × demand): client connections each pooler pod must be able to accept.
[[nodiscard]] Count max_client_connections(Count demand);

}  // namespace pgrightsizer::sizing
