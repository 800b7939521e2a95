// ConnectionPolicy (pgrightsizer.io/v1alpha1) as C++ values. The CRD's schema has filled in the
// defaults and checked bounds; parse() repeats both, so that an object from an older schema is
// read the same way.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/base/result.h"
#include "pgrightsizer/saturation/saturation.h"
#include "pgrightsizer/sizing/sizing.h"

namespace pgrightsizer::api {

inline constexpr const char* kApiVersion = "pgrightsizer.io/v1alpha1";
inline constexpr const char* kKind = "ConnectionPolicy";
inline constexpr const char* kFinalizer = "pgrightsizer.io/unwind";
inline constexpr const char* kRestartNowAnnotation = "pgrightsizer.io/restart-now";

enum class Mode { Apply, Recommend };
enum class ProviderKind { StatefulSet, External };
enum class RoutingMode { Service, None };
enum class DrainMode { Wait, TerminateIdle, RolloutRestart };
enum class OnIncompatible { Hold, Move };
enum class RestartPolicy { Auto, Immediate, InWindow, Manual };
enum class LongTransactions { Wait, Terminate };
enum class Emergency { Wait, Override };
enum class DeletionPolicy { Orphan, Unwind };

// As the schema spells them.
[[nodiscard]] const char* to_string(Mode value);
[[nodiscard]] const char* to_string(ProviderKind value);
[[nodiscard]] const char* to_string(RoutingMode value);
[[nodiscard]] const char* to_string(DrainMode value);
[[nodiscard]] const char* to_string(OnIncompatible value);
[[nodiscard]] const char* to_string(RestartPolicy value);
[[nodiscard]] const char* to_string(LongTransactions value);
[[nodiscard]] const char* to_string(Emergency value);
[[nodiscard]] const char* to_string(DeletionPolicy value);
[[nodiscard]] const char* to_string(sizing::CountInstances value);
[[nodiscard]] const char* to_string(sizing::Enforce value);
[[nodiscard]] const char* to_string(sizing::Environment value);
[[nodiscard]] const char* to_string(sizing::Provision value);
[[nodiscard]] const char* to_string(sizing::Route value);

struct TargetRef {
  std::string kind;  // Deployment or StatefulSet, apps/v1
  std::string name;
};

struct WorkloadEntry {
  std::string name;
  TargetRef target;
  std::optional<sizing::Count> connections_per_instance;
  std::optional<sizing::Count> concurrent_requests;
};

struct LabelSelector {  // matchLabels only, as the schema says
  std::vector<std::pair<std::string, std::string>> match_labels;
};

struct DatabaseSpec {
  ProviderKind provider = ProviderKind::StatefulSet;
  std::string name;  // the StatefulSet
  std::string host;  // External
  int port = 5432;
  std::string config_map;
  std::string config_key = "postgresql.conf";
  std::string admin_secret;
  std::vector<std::string> application_secrets;
};

struct PoolerSpec {
  std::string image;  // empty: the operator's default
  std::vector<std::string> image_pull_secrets;
  std::string tls_secret;
  std::string resources_json = "{}";
};

struct RoutingSpec {
  RoutingMode mode = RoutingMode::Service;
  DrainMode drain = DrainMode::Wait;
  std::chrono::seconds drain_timeout{600};
  OnIncompatible on_incompatible = OnIncompatible::Hold;
};

// A maintenance window: opens when the schedule says, in that time zone. Whether the two mean
// anything is judged by schedule::parse().
struct WindowSpec {
  std::string schedule;  // cron, five fields
  std::chrono::seconds duration{7'200};
  std::string time_zone = "UTC";  // IANA
};

struct RestartSpec {
  RestartPolicy policy = RestartPolicy::Auto;
  std::chrono::seconds max_pause{20};
  LongTransactions long_transactions = LongTransactions::Wait;
  std::chrono::seconds long_transaction{60};
  Emergency emergency = Emergency::Wait;
  std::chrono::seconds min_interval{300};
  int max_per_day = 12;
  std::vector<WindowSpec> windows;
};

struct BehaviorSpec {
  std::chrono::seconds scale_up{0};
  std::chrono::seconds scale_down{300};
};

struct SaturationSpec {
  saturation::Thresholds thresholds;
  std::chrono::seconds sample{5};
};

struct Spec {
  Mode mode = Mode::Apply;
  bool suspend = false;
  std::vector<WorkloadEntry> workloads;  // xor
  std::optional<LabelSelector> workload_selector;
  DatabaseSpec database;
  sizing::Settings sizing;  // of environment, sizing and pooler, all that is arithmetic
  PoolerSpec pooler;
  RoutingSpec routing;
  RestartSpec restart;
  BehaviorSpec behavior;
  SaturationSpec saturation;
  DeletionPolicy deletion = DeletionPolicy::Orphan;
};

// ── Status ──────────────────────────────────────────────────────────────────────────────────────

// The condition types that are ours. Reconciling and Stalled are present only while true.
inline constexpr const char* kReady = "Ready";
inline constexpr const char* kReconciling = "Reconciling";
inline constexpr const char* kStalled = "Stalled";
inline constexpr const char* kRecommendationProvided = "RecommendationProvided";
inline constexpr const char* kSaturated = "Saturated";
inline constexpr const char* kRestartPending = "RestartPending";
inline constexpr const char* kPoolerAvailable = "PoolerAvailable";
inline constexpr const char* kTrafficRouted = "TrafficRouted";
inline constexpr const char* kSuspended = "Suspended";

struct Condition {
  std::string type;
  std::string status;  // True, False, Unknown
  std::string reason;
  std::string message;
  std::int64_t observed_generation = 0;
  std::string last_transition_time;  // RFC 3339; set by set_condition
  bool operator==(const Condition&) const = default;
};

struct RestartRecord {
  WallTime time;
  sizing::Count from = 0;
  sizing::Count to = 0;
  std::optional<std::chrono::milliseconds> duration;
  bool operator==(const RestartRecord&) const = default;
};

struct RejectedValue {
  sizing::Count value = 0;
  std::string reason;
  std::int64_t generation = 0;  // of the policy that asked for it: a later one may try again
  bool operator==(const RejectedValue&) const = default;
};

// With sizing.enforce: RoleConnectionLimit. -1 is no limit.
struct RoleStatus {
  std::string name;
  sizing::Count limit = -1;   // as we set it last
  sizing::Count former = -1;  // as it was before us: put back at the end
  bool operator==(const RoleStatus&) const = default;
};

struct StepStatus {
  std::string name;
  std::optional<WallTime> since;
  std::string message;
  std::optional<WallTime> deadline;
  bool operator==(const StepStatus&) const = default;
};

struct Current {
  sizing::Count max_connections = 0;
  bool pending_restart = false;
  sizing::Count usable = 0;
  sizing::Count used = 0;
  sizing::Count used_percent = 0;  // of what the route in force can give; the printer column Used%
  sizing::Count direct = 0;
  sizing::Count pooled = 0;
  bool operator==(const Current&) const = default;
};

struct PoolerStatus {
  sizing::Count replicas = 0;
  sizing::Count ready_replicas = 0;
  sizing::Count pool_size = 0;
  sizing::Count pool_size_per_pod = 0;
  sizing::Count clients = 0;
  sizing::Count waiting = 0;
  sizing::Count wait_milliseconds = 0;
  bool operator==(const PoolerStatus&) const = default;
};

// Connections that were refused or cut since this operator looks at the policy.
struct ErrorsStatus {
  std::string source;   // PodLogs, or PoolerLogsAndProbes where the database has no pod
  std::string message;  // why some log cannot be read
  sizing::Count refused = 0;
  sizing::Count login_failed = 0;
  sizing::Count query_wait_timeout = 0;
  sizing::Count killed = 0;
  bool operator==(const ErrorsStatus&) const = default;
};

struct Status {
  std::int64_t observed_generation = 0;
  sizing::Count instances = 0;
  std::vector<sizing::WorkloadPlan> workloads;
  std::optional<sizing::Plan> recommended;  // read back without tier, demand and workloads
  std::optional<Current> current;
  std::string route;  // Direct, Moving, Pooler; empty: not known yet
  std::optional<PoolerStatus> pooler;
  std::optional<ErrorsStatus> errors;
  std::optional<StepStatus> step;
  std::vector<RestartRecord> restarts;  // oldest first, at most kRestartsKept
  std::optional<RejectedValue> rejected;
  std::optional<RoleStatus> role;
  std::optional<WallTime> drain_since;
  std::optional<WallTime> turned_back_since;
  std::optional<WallTime> retry_at;
  std::string binding;  // name of the binding Secret
  std::vector<Condition> conditions;
  bool operator==(const Status&) const = default;
};
// As many as restart.maxPerDay can ask about.
inline constexpr std::size_t kRestartsKept = 64;

struct ConnectionPolicy {
  std::string name_space;
  std::string name;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  WallTime created;
  bool deleting = false;
  std::vector<std::string> finalizers;
  std::optional<WallTime> restart_now;  // the annotation
  std::string restart_now_error;        // it is there and not a time
  Spec spec;
  Status status;

  [[nodiscard]] bool has_finalizer() const;  // ours
  [[nodiscard]] std::string key() const { return name_space + "/" + name; }
  [[nodiscard]] std::string text() const { return "ConnectionPolicy " + key(); }
};

// Invalid names the field and the remedy.
[[nodiscard]] Result<ConnectionPolicy> parse(const nlohmann::json& object);
// Metadata and status only; never fails: so that a status can say what is wrong with the spec.
[[nodiscard]] ConnectionPolicy parse_metadata(const nlohmann::json& object);

// The status subresource as JSON; absent optionals are left out. Of the restarts, the latest
// kRestartsKept are written.
[[nodiscard]] nlohmann::json to_json(const Status& status);
// Never fails: what cannot be read is absent.
[[nodiscard]] Status parse_status(const nlohmann::json& status);

// The whole body of a merge patch of the status subresource, {"status": {…}}: only what differs,
// null for what became absent. An empty object when nothing differs.
[[nodiscard]] nlohmann::json status_patch(const Status& before, const Status& after);

// Sets or replaces; last_transition_time (whole seconds) moves only when the status flips.
void set_condition(std::vector<Condition>& conditions, Condition condition, WallTime now);
void remove_condition(std::vector<Condition>& conditions, const std::string& type);
[[nodiscard]] const Condition* find_condition(const std::vector<Condition>& conditions,
                                              const std::string& type);

// Any RFC 3339 time with its offset; what is finer than a millisecond is cut off.
[[nodiscard]] std::optional<WallTime> parse_time(const std::string& text);

}  // namespace pgrightsizer::api
