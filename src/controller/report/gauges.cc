#include "gauges.h"

#include <algorithm>
#include <array>

namespace pgrightsizer::controller {

namespace {

using enum MetricKind;

constexpr Metric kInfo{Gauge, "pgrightsizer_policy_info", "1, with what the policy asks for."};
constexpr Metric kCondition{Gauge, "pgrightsizer_policy_condition",
                            "1 for the status that a condition of the policy has."};
constexpr Metric kRoute{Gauge, "pgrightsizer_route",
                        "1 for the route of the application: Direct, Moving, Pooler."};
constexpr Metric kInstances{Gauge, "pgrightsizer_instances",
                            "Instances of the applications that the policy counts."};
constexpr Metric kMaxConnections{
    Gauge, "pgrightsizer_max_connections",
    "max_connections: effective, recommended, and uncapped, which no limit has cut."};
constexpr Metric kDemand{Gauge, "pgrightsizer_demand_connections",
                         "Connections that the counted instances may open."};
constexpr Metric kUsed{Gauge, "pgrightsizer_connections_used",
                       "Client connections of PostgreSQL, whoever they are of."};
constexpr Metric kUsable{Gauge, "pgrightsizer_connections_usable",
                         "max_connections without those reserved for superusers and roles."};
constexpr Metric kSessions{Gauge, "pgrightsizer_sessions",
                           "Sessions of the application, by route: direct, pooled."};
constexpr Metric kUtilization{
    Gauge, "pgrightsizer_utilization_ratio",
    "Use of what the route in force can give, of the limit that is nearest: the pool, the poolers' client "
    "connections, or the usable connections of PostgreSQL."};
constexpr Metric kSaturation{
    Gauge, "pgrightsizer_saturation",
    "1 for the level by the policy's spec.saturation: Normal, Warning, WaitTooLong, Critical; "
    "none is 1 before it has been measured for forSeconds."};
constexpr Metric kWait{
    Gauge, "pgrightsizer_connection_wait_seconds",
    "How long a connection is waited for, over forSeconds: by the pooler's clients for a server, on "
    "the direct route by a login."};
constexpr Metric kPoolSize{Gauge, "pgrightsizer_pool_size",
                           "Server connections of all pooler pods together."};
constexpr Metric kPoolClients{Gauge, "pgrightsizer_pool_clients", "Clients of the poolers."};
constexpr Metric kPoolWaiting{Gauge, "pgrightsizer_pool_clients_waiting",
                              "Clients of the poolers that wait for a server connection."};
constexpr Metric kPoolWait{Gauge, "pgrightsizer_pool_wait_seconds",
                           "How long the client has waited that waits longest."};
constexpr Metric kPoolerReplicas{Gauge, "pgrightsizer_pooler_replicas",
                                 "Pods of the pooler: desired, ready."};
constexpr Metric kRestarts{Counter, "pgrightsizer_restarts_total",
                           "Restarts of PostgreSQL that the operator has begun."};
constexpr Metric kSteps{Counter, "pgrightsizer_steps_total",
                        "Steps taken, by name and result: success, error."};

constexpr Metric kErrors{Counter, "pgrightsizer_connection_errors_total",
                         "Connections that were refused or cut, by kind (refused, login_failed, "
                         "query_wait_timeout, killed) and by who told: the log of postgresql or of "
                         "pgbouncer, or a probe, a login of the operator's own."};

constexpr std::array kPerPolicy{kInfo,       kCondition,  kRoute,       kInstances,      kMaxConnections,
                                kDemand,     kUsed,       kUsable,      kSessions,       kUtilization, kSaturation, kWait,
                                kPoolSize,   kPoolClients, kPoolWaiting, kPoolWait,      kPoolerReplicas,
                                kRestarts,   kSteps,     kErrors};

// Sets series of one policy.
class Series {
 public:
  Series(Metrics& metrics, const std::string& name_space, const std::string& name)
      : metrics_(metrics), policy_{{"namespace", name_space}, {"policy", name}} {}

  void set(const Metric& metric, double value, const Metrics::Labels& more = {}) {
    metrics_.set(metric, with(more), value);
  }
  void count(const Metric& metric, double by, const Metrics::Labels& more = {}) {
    metrics_.add(metric, with(more), by);
  }
  void remove(const Metric& metric, const Metrics::Labels& more = {}) {
    metrics_.remove(metric, with(more));
  }
  void one_of(const Metric& metric, const char* label, std::initializer_list<const char*> all,
              const std::string& is, const Metrics::Labels& more = {}) {
    for (const char* each : all) {
      auto labels = more;
      labels[label] = each;
      set(metric, is == each ? 1 : 0, labels);
    }
  }

 private:
  [[nodiscard]] Metrics::Labels with(Metrics::Labels more) const {
    more.insert(policy_.begin(), policy_.end());
    return more;
  }

  Metrics& metrics_;
  Metrics::Labels policy_;
};

double number(sizing::Count count) { return static_cast<double>(count); }

void publish_conditions(Series& series, const api::Status& before, const api::Status& status) {
  for (const auto& condition : status.conditions)
    series.one_of(kCondition, "status", {"True", "False", "Unknown"}, condition.status,
                  {{"type", condition.type}});
  for (const auto& old : before.conditions)
    if (api::find_condition(status.conditions, old.type) == nullptr)
      series.remove(kCondition, {{"type", old.type}});
}

void publish_pooler(Series& series, const api::Status& status) {
  if (!status.pooler) {
    for (const auto& metric : {kPoolSize, kPoolClients, kPoolWaiting, kPoolWait, kPoolerReplicas})
      series.remove(metric);
    return;
  }
  const auto& pooler = *status.pooler;
  series.set(kPoolSize, number(pooler.pool_size));
  series.set(kPoolClients, number(pooler.clients));
  series.set(kPoolWaiting, number(pooler.waiting));
  series.set(kPoolWait, number(pooler.wait_milliseconds) / 1000);
  series.set(kPoolerReplicas, number(pooler.replicas), {{"state", "desired"}});
  series.set(kPoolerReplicas, number(pooler.ready_replicas), {{"state", "ready"}});
}

void publish_database(Series& series, const api::Status& status) {
  if (status.current) {
    series.set(kMaxConnections, number(status.current->max_connections), {{"kind", "effective"}});
    series.set(kUsed, number(status.current->used));
    series.set(kUsable, number(status.current->usable));
    series.set(kSessions, number(status.current->direct), {{"route", "direct"}});
    series.set(kSessions, number(status.current->pooled), {{"route", "pooled"}});
  }
  if (status.recommended) {
    series.set(kMaxConnections, number(status.recommended->max_connections), {{"kind", "recommended"}});
    series.set(kMaxConnections, number(status.recommended->uncapped_max_connections), {{"kind", "uncapped"}});
    series.set(kDemand, number(status.recommended->demand));
  }
}

double restarts_begun(const api::Status& before, const api::Status& after) {
  const auto is_new = [&](const api::RestartRecord& restart) {
    return before.restarts.empty() || restart.time > before.restarts.back().time;
  };
  return static_cast<double>(std::count_if(after.restarts.begin(), after.restarts.end(), is_new));
}

const char* mode_of(const api::ConnectionPolicy& policy) {
  if (policy.spec.suspend) return "Suspended";
  return policy.spec.mode == api::Mode::Apply ? "Apply" : "Recommend";
}

}  // namespace

void publish(Metrics& metrics, const api::ConnectionPolicy& policy, const api::Status& before,
             const api::Status& status, const Saturation& saturation) {
  Series series(metrics, policy.name_space, policy.name);
  series.one_of(kInfo, "mode", {"Apply", "Recommend", "Suspended"}, mode_of(policy));
  series.one_of(kRoute, "route", {"Direct", "Moving", "Pooler"}, status.route);
  series.set(kInstances, number(status.instances));
  const auto& [now, state, silent, cause] = saturation;
  if (now.limit > 0)
    series.set(kUtilization, number(now.used) / number(now.limit));
  else
    series.remove(kUtilization);
  if (state)
    series.set(kWait, static_cast<double>(state->wait.count()) / 1e6);
  else
    series.remove(kWait);
  series.one_of(kSaturation, "level", {"Normal", "Warning", "WaitTooLong", "Critical"},
                state ? saturation::to_string(state->level) : "");
  publish_conditions(series, before, status);
  publish_pooler(series, status);
  publish_database(series, status);
  series.count(kRestarts, 0);  // there from the beginning, so that the first one is an increase
}

void count_step(Metrics& metrics, const api::ConnectionPolicy& policy, std::string_view step,
                bool succeeded, const api::Status& before, const api::Status& after) {
  Series series(metrics, policy.name_space, policy.name);
  series.count(kSteps, 1,
               {{"step", std::string(step)}, {"result", succeeded ? "success" : "error"}});
  series.count(kRestarts, restarts_begun(before, after));
}

void count_errors(Metrics& metrics, const api::ConnectionPolicy& policy, const ErrorCounts& fresh) {
  Series series(metrics, policy.name_space, policy.name);
  const bool external = policy.spec.database.provider == api::ProviderKind::External;
  // There from the beginning, as the restarts are.
  for (const char* source : {external ? kProbe : kServer, kPooler})
    for (const auto error : postgres::kConnectionErrors) {
      const auto found = fresh.find({source, error});
      series.count(kErrors, found == fresh.end() ? 0 : number(found->second),
                   {{"source", source}, {"kind", postgres::to_string(error)}});
    }
}

void unpublish(Metrics& metrics, const std::string& name_space, const std::string& name) {
  Series series(metrics, name_space, name);
  for (const auto& metric : kPerPolicy) series.remove(metric);
}

}  // namespace pgrightsizer::controller
