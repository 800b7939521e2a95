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

// Which instances of a workload count.
enum class CountInstances { Current, CurrentPlusSurge, AutoscalerMax };

struct Workload {
  std::string name;
  std::string kind;         // of a selected one: a Deployment and a StatefulSet may have one name
  Count replicas = 0;       // spec.replicas; negative is invalid and must be refused before
  Count pods_not_gone = 0;  // pods that exist, terminating ones included
  Count max_surge = 0;      // what a rolling update may add: pods …
  Count max_surge_percent = 0;  // … or a share of the replicas
  std::optional<Count> autoscaler_max;  // of the HorizontalPodAutoscaler, if one scales it
  std::optional<Count> connections_per_instance;
  std::optional<Count> concurrent_requests;
};

// What a rolling update of that many replicas may add, rounded up as the Deployment's controller does.
[[nodiscard]] Count surge_of(const Workload& workload, Count replicas);

// Current: spec.replicas. CurrentPlusSurge: with the pods of a rolling update, or those that are not
// gone yet if they are more. AutoscalerMax: the most that the autoscaler may make of it; without one
// as Current. A workload of 0 replicas counts 0, whatever could become of it.
[[nodiscard]] Count counted_instances(const Workload& workload, CountInstances count);

// What one instance of this workload may open in this environment.
[[nodiscard]] Count connections_of(const Workload& workload, Environment environment);

struct Tier {
  Count instances = 0;
  Count pool_size = 0;
  bool operator==(const Tier&) const = default;
};

enum class Provision { Auto, Always, Never };

// What keeps direct applications within their demand: max_connections itself, which needs a restart
// for every change, or the application role's CONNECTION LIMIT below a max_connections that is large
// enough for every size of direct mode.
enum class Enforce { MaxConnections, RoleConnectionLimit };

// What a database container needs for its connections, and may have.
struct Memory {
  Count limit_bytes = 0;         // of the container
  Count shared_bytes = 0;        // that PostgreSQL maps with …
  Count max_connections = 0;     // … this value
};

// Shared memory plus what idle backends hold: 50 kB a slot and 5 MB a backend, as measured on
// PostgreSQL 15 with catalogs in use.
[[nodiscard]] Count predicted_bytes(const Memory& memory, Count max_connections);
// The largest value that fits into 85 % of the limit, and never less than what runs: the gate refuses
// raises, it takes nothing back.
[[nodiscard]] Count memory_ceiling(const Memory& memory);
// "1030 connections need 5.3 GB, more than 85 % of the container's 4.0 GB: at most 660 fit"
[[nodiscard]] std::string memory_text(const Memory& memory, Count max_connections);

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
  std::optional<Memory> memory;  // of the database; absent: no limit is known
};

// The smallest of the user's bound, PostgreSQL's own and what the memory holds.
[[nodiscard]] Count ceiling_of(const Settings& settings);

enum class Route { Direct, Pooler };

struct WorkloadPlan {
  std::string name;
  Count instances = 0;
  Count connections_per_instance = 0;
  Count connections = 0;
  bool operator==(const WorkloadPlan&) const = default;
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
  // The largest value that direct connections can need below the first tier: what the server gets
  // when it shall not be restarted again. With RoleConnectionLimit a rolling update's surge fits in.
  Count direct_ceiling = 0;
  std::vector<WorkloadPlan> workloads;
  std::string formula;  // one sentence for people
  bool operator==(const Plan&) const = default;
};

// The plan for these workloads, given the tier in force now (0: direct). The present tier gives
// the hysteresis: a tier is entered at its threshold and left hysteresis_instances below it.
[[nodiscard]] Plan plan(const std::vector<Workload>& workloads, const Settings& settings,
                        int present_tier);

// Kept above the demand in a role's limit: an instance that restarts holds its old connections for a
// moment beside the new ones.
inline constexpr Count kRoleLimitSpare = 20;
// Σ max(replicas + surge, pods not gone) × connections: the most that a rolling update holds.
[[nodiscard]] Count surge_demand(const std::vector<Workload>& workloads, Environment environment);

// What direct connections these workloads may hold: Σ max(replicas, pods not gone) × connections.
[[nodiscard]] Count direct_demand(const std::vector<Workload>& workloads, Environment environment);

// floor((buffer − reserved − 10) / replicas), at least 2: what a pooler pod may open before the
// operator has said anything, safe beside its terminating predecessor.
[[nodiscard]] Count boot_cap(Count buffer, Count reserved, Count pooler_replicas);

// What each of `pods` pooler pods may open of the pool: floor(pool / pods), at least 2.
[[nodiscard]] Count pool_share(Count pool_size, Count pods);

// This pool, cut to what sizing.maxConnections leaves for it beside the buffer.
[[nodiscard]] Count pool_within_ceiling(const Settings& settings, Count pool_size);

// The tier (1-based) whose pool size is nearest to this one: how the tier in force is read back. Of a
// pool from before the policy was changed it may be the size of none, and keeps its traffic all the
// same. 0: no pool, or one below the first tier, which only Provision::Always makes.
[[nodiscard]] int tier_of_pool(const Settings& settings, Count pool_size);

// max(10 000, 2 × demand): client connections each pooler pod must be able to accept.
[[nodiscard]] Count max_client_connections(Count demand);

}  // namespace pgrightsizer::sizing
